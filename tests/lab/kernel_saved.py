# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host with a kernel of its own as it is saved: made by the roles image_build and libvirt_hosts, once.

What it was made of decides its name in the user's cache. This file is a part of that, so what only uses the saved host
is in `kernel`.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

from . import cache, kernel_image
from .libvirtd import URI, Libvirtd

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "libvirt_hosts"
NAME, ADDRESS, NETWORK = "host", "10.87.0.10", "10.87.0.1/24"
#: What reads the state of a machine that was saved has to be of the version that saved it.
EMULATOR = ("qemu-system-x86", "libvirt-daemon-system")
#: Its empty disks, from /dev/vdb to /dev/vde.
DISKS = ["8GiB"] * 4
#: What the kernel need not do under emulation. It takes the TSC for unstable there, and HPET, which takes its place, is
#: slow: the host took 112 s of the processor to start with it, and 66 s without.
CMDLINE = (
    "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet mitigations=off nowatchdog audit=0 tsc=reliable clocksource=tsc"
    " init_on_alloc=0 hardened_usercopy=off no5lvl rcupdate.rcu_expedited=1"
)
#: Seconds that emulation may take where nothing else is the matter.
PATIENCE = 1800
#: What is started in the host before it is saved: both daemons, so that no test waits for them.
READY = "systemctl is-system-running --wait; incus admin waitready --timeout 600 && lxd waitready --timeout 600"
#: Memory that is free, as zeros, which take no room in the file. The pages that were free last are given out first.
EMPTY = """set -e
sync
echo 3 > /proc/sys/vm/drop_caches
mount -t tmpfs -o size=1G empty /mnt
dd if=/dev/zero of=/mnt/zeros bs=1M count=1024 status=none
umount /mnt
"""


def ssh(made: pathlib.Path) -> list[str]:
    """What a command line begins with whose rest is a command in the host."""
    options = {
        "IdentityFile": made / "id",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "no",
        "LogLevel": "ERROR",
        "ConnectTimeout": 60,
        "ConnectionAttempts": 60,
    }
    return ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in options.items()), f"root@{ADDRESS}"]


def folder() -> pathlib.Path:
    """The folder of the saved host: `memory`, `network.xml`, the key `id`, and `pool` with its disks."""
    source = kernel_image.source()
    sources = [*sorted(ROLE.rglob("*")), pathlib.Path(__file__), pathlib.Path(str(kernel_image.__file__))]
    texts = [path.read_text() for path in sources if path.is_file() and path.suffix != ".pyc"]
    key = cache.key(texts, source.name, _installed(), _speed())
    return cache.have(f"kernel-{key}", lambda place: _make(place, source))


def _installed() -> str:
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *EMULATOR]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _speed() -> int:
    """Of the TSC, about, in steps of 50 MHz: the clock of what was saved goes by it."""
    found = re.search(r"^bogomips\s*: (\d+)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return round(int(found[1]) / 100) if found else 0


def _make(place: pathlib.Path, source: pathlib.Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place / "id")], check=True)
    rootfs = kernel_image.finish(source, place, (place / "id.pub").read_text())
    daemon = Libvirtd(place / "libvirt")
    daemon.lab.mkdir()
    try:
        daemon.start()
        _role(daemon, place, rootfs)
        daemon.run(*ssh(place), READY, timeout=PATIENCE)
        daemon.run(*ssh(place), EMPTY, timeout=PATIENCE)
        (place / "network.xml").write_text(daemon.virsh("net-dumpxml", "kernel"))
        daemon.virsh("save", NAME, str(place / "memory"), timeout=PATIENCE)
    finally:
        daemon.stop()
    (disk,) = (place / "pool").glob(f"{NAME}@0.qcow2")
    (base,) = (place / "pool").glob("@*-disk.qcow2")  # the folder gets another name, so the disk names it without
    subprocess.run(["qemu-img", "rebase", "-u", "-F", "qcow2", "-b", base.name, str(disk)], check=True)
    for name in ("libvirt", "made"):
        shutil.rmtree(place / name)
    rootfs.unlink()


def _role(daemon: Libvirtd, place: pathlib.Path, rootfs: pathlib.Path) -> None:
    machine = {
        "name": NAME,
        "rootfs": str(rootfs),
        "cmdline": CMDLINE,
        "disks": DISKS,
        "cpus": 2,
        "memory": "4GiB",
        "cpu_features": ["svm"],
        "address": ADDRESS,
    }
    given: dict[str, Any] = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "libvirt_hosts_install": False,
        "libvirt_hosts_uri": URI,
        "libvirt_hosts_machines": [machine],
        "libvirt_hosts_pool": {"name": "kernel", "path": str(place / "pool")},
        "libvirt_hosts_network": {"name": "kernel", "address": NETWORK},
        "libvirt_hosts_virt_type": "qemu",
        "libvirt_hosts_disk_cache": "unsafe",
        "libvirt_hosts_directory": str(place / "made"),
        "libvirt_hosts_timeout": PATIENCE,
    }
    play = [{"hosts": "localhost", "roles": ["cloudhost.lxd.libvirt_hosts"]}]
    book = place / "libvirt" / "play.yml"
    book.write_text(json.dumps(play))  # which is YAML, too
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [*daemon.within, program, "-i", "localhost,", "-c", "local", "-e", json.dumps(given), str(book)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the host of the tier kernel could not be made: {done.stdout[-4000:]}")
