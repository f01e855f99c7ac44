# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of 1 MB for tests that need an instance and not a distribution: busybox, which takes an address by DHCP,
stops, reboots and runs a shell. One of them has the properties of a Debian, for examples that start from `debian/12`.

They have an address in tenths of a second. Debian with systemd takes ten times as long, and as much of the processor;
to publish, to export and to import 250 MB takes even more.
"""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile

from . import cache

#: Its alias on the servers of the tests.
ALIAS = "busybox"
BUSYBOX = pathlib.Path("/bin/busybox")

INIT = """#!/bin/sh
# PID 1. The daemons say SIGPWR for a stop; the others are what busybox's own halt, poweroff and reboot say.
trap 'exit 0' PWR USR1 USR2
trap 'reboot -f' TERM
ip link set lo up
udhcpc -f -i eth0 -x "hostname:$(hostname)" -s /etc/udhcpc.sh -t 10 -T 1 -A 1 >/dev/null 2>&1 &
while :; do # processes without a parent are reaped by wait too
  sleep 1000000 &
  wait $!
done
"""

UDHCPC = """#!/bin/sh
case $1 in
  deconfig)
    ip address flush dev "$interface"
    ip link set "$interface" up
    ;;
  bound | renew)
    ip address flush dev "$interface"
    ip address add "$ip/$mask" dev "$interface"
    for gateway in $router; do ip route add default via "$gateway" dev "$interface"; done
    for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
    ;;
esac
"""

FILES = {
    "bin/init": INIT,
    "etc/udhcpc.sh": UDHCPC,
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n",
    "etc/debian_version": "12.0\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/os-release": "ID=busybox\nNAME=BusyBox\n",
    "etc/resolv.conf": "",
}
FOLDERS = ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var")
LINKS = {"sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin"}
METADATA = """architecture: {architecture}
creation_date: 1700000000
properties: {{architecture: {architecture}, os: {os}, release: {release}, description: {os} for tests}}
"""
#: The files of metadata, each of which makes an image of its own with the same file system.
KINDS = {"metadata": {"os": "BusyBox", "release": "tests"}, "debian": {"os": "Debian", "release": "bookworm"}}


def folder() -> pathlib.Path:
    """The folder of metadata.tar.gz, debian.tar.gz and rootfs.squashfs. The same busybox gives the same bytes, and so
    the same fingerprint, everywhere.
    """
    return cache.have(f"busybox-{cache.key(pathlib.Path(__file__).read_text(), platform.machine())}", _make)


def files(kind: str = "metadata") -> dict[str, str]:
    """Arguments of the module image, for one of `KINDS`."""
    place = folder()
    return {"file": str(place / f"{kind}.tar.gz"), "rootfs": str(place / "rootfs.squashfs")}


def empty(path: pathlib.Path, name: str) -> None:
    """Write an image of a few bytes with nothing in it. Each name gives another fingerprint."""
    metadata = f"architecture: x86_64\ncreation_date: 1700000000\nproperties: {{os: {name}}}\n".encode()
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("metadata.yaml")
        entry.size = len(metadata)
        tar.addfile(entry, io.BytesIO(metadata))
        for name in ("rootfs", "rootfs/etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)


def _is_static(program: pathlib.Path) -> bool:
    """The package busybox has one that wants the libraries of the machine, and would be alone in the image."""
    return program.exists() and b"/ld-linux" not in program.read_bytes()


def busybox(place: pathlib.Path) -> bytes:
    """A busybox that needs no libraries: that of the machine, or that of a package, which `place` is the folder for."""
    if _is_static(BUSYBOX):
        return BUSYBOX.read_bytes()
    # The package itself is not installed: it would take the place of the package busybox, which the machine may boot
    # with.
    subprocess.run(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "busybox-static"],
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (package,) = place.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), "package"], cwd=place, check=True)
    package.unlink()
    return next(
        path for path in place.glob("package/**/busybox") if path.is_file() and os.access(path, os.X_OK)
    ).read_bytes()


def _make(place: pathlib.Path) -> None:
    work, root = place / "work", place / "work" / "root"
    for name in FOLDERS:
        (root / name).mkdir(parents=True, mode=0o755)
    (root / "tmp").chmod(0o1777)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    (root / "bin" / "busybox").write_bytes(busybox(work))
    for name, content in FILES.items():
        (root / name).write_text(content)
    for name in ("bin/busybox", "bin/init", "etc/udhcpc.sh"):
        (root / name).chmod(0o755)
    for applet in subprocess.run(
        [root / "bin" / "busybox", "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    options = ["-quiet", "-no-progress", "-all-root", "-comp", "zstd", "-mkfs-time", "0", "-all-time", "0"]
    subprocess.run(
        ["mksquashfs", str(root), str(place / "rootfs.squashfs"), *options], check=True, stdout=subprocess.DEVNULL
    )
    for name, kind in KINDS.items():
        metadata = METADATA.format(architecture=platform.machine(), **kind).encode()
        with gzip.GzipFile(place / f"{name}.tar.gz", "w", mtime=0) as packed, tarfile.open(
            fileobj=packed, mode="w"
        ) as archive:
            entry = tarfile.TarInfo("metadata.yaml")
            entry.size = len(metadata)
            archive.addfile(entry, io.BytesIO(metadata))
    shutil.rmtree(work)
