# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a disk, or a file in place of one, holds: nothing, an OSD of this cluster, or data that is somebody's."""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
from typing import Any, NamedTuple

from .host import Failed, run

#: Bytes at the beginning that have to be zero on a disk with nothing on it: labels and superblocks are there.
BEGINNING = 1 << 20
#: Bytes at the beginning that are overwritten on a disk that is to be erased.
ERASED = 16 << 20
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: The least that a file has for an OSD: its own logs need a good part of one.
SMALLEST = 1 << 30


class Disk(NamedTuple):
    """An entry of ceph_osds."""

    path: str
    #: Bytes of a file that is to be made; None for a device.
    size: int | None


def disk(entry: dict[str, Any]) -> Disk:
    """An entry of ceph_osds, checked."""
    device, file, size = entry.get("device"), entry.get("file"), entry.get("size")
    path = device or file
    if not path or not str(path).startswith("/") or (device and file) or bool(file) != bool(size):
        raise Failed(
            f"ceph_osds: {json.dumps(entry)}: an entry is either 'device: PATH', or 'file: PATH' with 'size: BYTES' "
            "(such as 100GiB); paths begin with /"
        )
    return Disk(os.path.normpath(str(path)), amount(str(size)) if file else None)


def amount(text: str) -> int:
    """The bytes of a size such as 10GiB."""
    short = text.strip().lower()
    for ending in ("ib", "b"):
        short = short[: -len(ending)] if short.endswith(ending) else short
    number, unit = (short[:-1], short[-1:]) if short[-1:] in UNITS else (short, "")
    if not number.strip().isdigit():
        raise Failed(f"ceph_osds: the size {text!r} is none, such as 100GiB")
    size = int(number) * UNITS[unit]
    if size < SMALLEST:
        raise Failed(f"ceph_osds: the size {text!r} is too small for an OSD: it needs 1GiB at least")
    return size


def label(path: str) -> dict[str, str]:
    """What BlueStore says of itself on a disk; empty if it is not there. It has the key of the OSD."""
    try:
        shown = json.loads(run("ceph-bluestore-tool", "show-label", "--dev", path, codes=(0, 1, 255)) or "{}")
    except ValueError:
        return {}
    return dict(next(iter(shown.values()), {}))


def found(path: str) -> str:
    """What is on a disk, in words; empty if there is nothing."""
    real = os.path.realpath(path)
    name = os.path.basename(real)
    mounted = [
        line.split()[1] for source in ("/proc/self/mounts",) for line in lines(source) if line.split()[0] == real
    ]
    if mounted:
        return f"a file system that is mounted on {mounted[0]}"
    if any(line.split()[0] == real for line in lines("/proc/swaps")):
        return "swap in use"
    parts = [os.path.basename(os.path.dirname(one)) for one in glob.glob(f"/sys/class/block/{name}/*/partition")]
    if parts and is_device(real):
        return f"the partitions {', '.join(sorted(parts))}"
    holders = (
        os.listdir(f"/sys/class/block/{name}/holders") if os.path.isdir(f"/sys/class/block/{name}/holders") else []
    )
    if holders and is_device(real):
        return f"a part of {', '.join(sorted(holders))}, which uses it"
    known = dict(
        line.split("=", 1)
        for line in run("blkid", "-p", "-o", "export", real, codes=(0, 2)).splitlines()
        if "=" in line
    )
    kind = known.get("TYPE") or known.get("PTTYPE")
    if kind:
        named = known.get("LABEL") or known.get("UUID") or known.get("PTUUID")
        return f"{kind}{' (' + named + ')' if named else ''}"
    with open(real, "rb") as stream:
        return "data of an unknown sort (it does not begin with zeros)" if stream.read(BEGINNING).strip(b"\0") else ""


def in_use(path: str) -> bool:
    """Whether the kernel uses the disk for something, so that nobody may erase it."""
    return found(path).startswith(("a file system that is mounted", "swap in use", "a part of"))


def lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line for line in stream.read().splitlines() if line.strip()]
    except OSError:
        return []


def is_device(path: str) -> bool:
    return stat.S_ISBLK(os.stat(path).st_mode)


def checked(one: Disk) -> bool:
    """Whether the disk is there. A file need not be yet.

    :raises Failed: it is something else, or a file finds no room
    """
    try:
        mode = os.stat(one.path).st_mode
    except FileNotFoundError:
        if one.size is None:
            raise Failed(f"ceph_osds: there is no device {one.path} on this host") from None
        place = os.path.dirname(one.path)
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        free = shutil.disk_usage(place).free
        if free < one.size:
            raise Failed(f"ceph_osds: {one.path} needs {one.size} bytes, and {place} has {free} left") from None
        return False
    if one.size is None and not stat.S_ISBLK(mode):
        raise Failed(f"ceph_osds: {one.path} is no block device; an OSD in a file is written as 'file' with a 'size'")
    if one.size is not None and not stat.S_ISREG(mode):
        raise Failed(f"ceph_osds: {one.path} is no file; an OSD on a device is written as 'device'")
    return True


def make(one: Disk) -> None:
    """A file of that size, with no blocks yet."""
    os.makedirs(os.path.dirname(one.path), mode=0o755, exist_ok=True)  # the daemon has to get there
    handle = os.open(one.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.ftruncate(handle, one.size or 0)
    finally:
        os.close(handle)


def erase(path: str) -> None:
    """Take away all that makes a disk look used."""
    run("wipefs", "--all", "--force", path)
    with open(path, "r+b") as stream:
        stream.seek(0, os.SEEK_END)
        size = min(ERASED, stream.tell())
        stream.seek(0)
        stream.write(b"\0" * size)
        stream.flush()
        os.fsync(stream.fileno())
    if is_device(path):
        run("blockdev", "--rereadpt", path, codes=(0, 1))


def stable(path: str) -> str:
    """A name of the device that it keeps when the kernel counts its disks another way."""
    if path.startswith("/dev/disk/"):
        return path
    real = os.path.realpath(path)
    names = sorted(name for name in glob.glob("/dev/disk/by-id/*") if os.path.realpath(name) == real)
    return names[0] if names else path
