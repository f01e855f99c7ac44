# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A virtual machine of 15 MB: a kernel of Debian, and busybox as its whole system, in memory. It takes an address by
DHCP, and gives a shell to who connects to port 22. A counter in its memory says whether it was started anew.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import shutil
import subprocess

from . import cache, tiny

#: The kernel, which has the drivers of virtual machines and few others. Under emulation it is up in a few seconds.
KERNEL = "linux-image-cloud-amd64"
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "isofs", "evdev", "button")

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module"; done
ip link set lo up
udhcpc -b -i eth0 -s /etc/udhcpc.sh -t 20 -T 1 >/dev/null
acpid
nc -ll -p 22 -e /bin/sh &
count=0
while :; do
  count=$((count + 1))
  echo $count >/count.new
  mv /count.new /count
  sleep 0.1
done
"""
FILES = {
    "init": INIT,
    "etc/udhcpc.sh": tiny.UDHCPC,
    "etc/acpi/PWRF/00000080": "#!/bin/sh\nexec poweroff -f\n",
}
FOLDERS = ("bin", "dev", "etc/acpi/PWRF", "mnt", "modules", "proc", "root", "sys", "tmp", "var/log", "var/run")


def folder() -> pathlib.Path:
    """The folder of `kernel` and `initrd`."""
    text = pathlib.Path(__file__).read_text()
    return cache.have(f"guest-{cache.key(text, tiny.UDHCPC, cache.versions(KERNEL))}", _make)


def download(place: pathlib.Path, *packages: str) -> None:
    """Unpack packages into a folder. None of them is installed."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
    for package in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), "."], cwd=place, check=True)
        package.unlink()


def package(work: pathlib.Path, kernel: str) -> pathlib.Path:
    """The package of a kernel, unpacked. `kernel` depends on its newest version."""
    said = subprocess.run(["apt-cache", "depends", kernel], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Depends: (linux-image-\S+)", said)
    assert found, f"the archive has no {kernel}"
    tree = work / "kernel"
    tree.mkdir()
    download(tree, found[1])
    (modules,) = (tree / "lib" / "modules").iterdir()
    subprocess.run(["depmod", "-b", str(tree), modules.name], check=True)
    return tree


def needed(tree: pathlib.Path, modules: tuple[str, ...]) -> list[pathlib.Path]:
    """The files of modules of a kernel, each after those that it depends on. What is part of the kernel has none."""
    (place,) = (tree / "lib" / "modules").iterdir()
    depends = {}
    for line in (place / "modules.dep").read_text().splitlines():
        name, _colon, others = line.partition(":")
        depends[name] = others.split()
    wanted: list[str] = []
    for module in modules:
        if f"/{module}.ko\n" in (place / "modules.builtin").read_text():
            continue
        (name,) = (name for name in depends if pathlib.Path(name).stem == module)
        wanted += [*reversed(depends[name]), name]
    return [place / name for name in dict.fromkeys(wanted)]


def busybox(place: pathlib.Path, program: bytes) -> None:
    """busybox and links of all its names, in a folder."""
    binary = place / "busybox"
    binary.write_bytes(program)
    binary.chmod(0o755)
    for applet in subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (place / applet).symlink_to("busybox")


def packed(root: pathlib.Path) -> bytes:
    """A folder with `bin/busybox` in it, as an initial RAM disk that is not compressed."""
    command = "find . | sort | bin/busybox cpio -o -H newc -R 0:0 2>/dev/null"
    return subprocess.run(["sh", "-c", command], cwd=root, stdout=subprocess.PIPE, check=True).stdout


def _make(place: pathlib.Path) -> None:
    work, root = place / "work", place / "work" / "root"
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    tree = package(work, KERNEL)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, place / "kernel")
    for number, module in enumerate(needed(tree, MODULES)):
        shutil.copy(module, root / "modules" / f"{number:02d}-{module.name}")
    busybox(root / "bin", tiny.busybox(work))
    for name, content in FILES.items():
        (root / name).write_text(content)
        (root / name).chmod(0o755)
    with gzip.open(place / "initrd", "wb", compresslevel=1) as file:
        file.write(packed(root))
    shutil.rmtree(work)
