# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk, a kernel and an initial RAM disk from the root file system of an image that the role image_build has built.

The machine starts from its kernel directly, so the disk needs neither partitions nor a boot loader.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from .wanted import Refused

#: How the kernel finds what is in the image: its root file system, and eth0, which image_build configures.
CMDLINE = "root=/dev/vda rw console=ttyS0 net.ifnames=0"
#: What is made of a root file system, by the key of a machine.
FILES = {"image": "disk.qcow2", "kernel": "kernel", "initrd": "initrd"}


def place(directory: str, rootfs: str, capacity: int) -> pathlib.Path:
    """The folder of what is made of a root file system."""
    try:
        found = os.stat(rootfs)
    except OSError as error:
        raise Refused(f"{rootfs}: {error.strerror}: build it with cloudhost.lxd.image_build on this host") from None
    key = hashlib.sha256(f"{rootfs} {found.st_size} {found.st_mtime_ns} {capacity}".encode()).hexdigest()[:16]
    return pathlib.Path(directory) / f"rootfs-{key}"


def build(folder: pathlib.Path, rootfs: str, capacity: int) -> None:
    """Fill the folder, unless it is there: it gets its name when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        work = pathlib.Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
        try:
            made = work / folder.name
            made.mkdir()
            _make(work, made, rootfs, capacity)
            made.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _make(work: pathlib.Path, made: pathlib.Path, rootfs: str, capacity: int) -> None:
    tree, raw = work / "tree", work / "disk.raw"
    _run("unsquashfs", "-quiet", "-no-progress", "-dest", str(tree), rootfs)
    for key, pattern in (("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        found = sorted((tree / "boot").glob(pattern), key=lambda path: path.stat().st_mtime)
        if not found:
            raise Refused(
                f"{rootfs} has no /boot/{pattern}: build it with linux-image-cloud-amd64 or linux-image-amd64 among "
                "image_build_packages"
            )
        shutil.copy(found[-1], made / FILES[key])
    with raw.open("wb") as file:
        file.truncate(capacity)
    _run("mkfs.ext4", "-q", "-F", "-L", "root", "-E", "lazy_itable_init=1", "-d", str(tree), str(raw))
    _run("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), str(made / FILES["image"]))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed here: set libvirt_hosts_install: true") from None
    except subprocess.CalledProcessError as error:
        said = error.stdout.decode(errors="replace").strip().splitlines()
        raise Refused(f"{command[0]} failed: {' / '.join(said[-3:])}") from None
