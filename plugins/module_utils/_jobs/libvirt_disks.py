# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Disks of a domain: which of them may be read, and how they become files that the servers take.

The paths of a domain, and what the headers of its disks name, were written by whoever may define domains, or by the
guest. Only files in directories that the task allows are read, and no format is guessed: a guest can write the header
of a qcow2 with a backing file into its raw disk. What qemu-img is to open is looked at before, one file after another,
and then named to it one by one: it follows no header by itself, whatever is written there meanwhile.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
from typing import IO, Any, NamedTuple, Sequence

from .._api.errors import InvalidInput, LXDError, Missing
from .._kinds._durable import anew, settle
from .libvirt_plan import FORMATS

#: How many backing files a disk can have.
LONGEST = 64
#: The disk in the backup of a volume.
VOLUME = "backup/volume.img"
_PIECE = 1 << 20
#: Of a GPT: the size of its second header with the entries, and where the sector before the first has partitions.
_SECTOR, _GPT_SECTORS, _MBR_ENTRIES = 512, 33, 446


class File(NamedTuple):
    """One file of a disk: the disk itself, or one of its backing files."""

    path: str
    format: str


class Source(NamedTuple):
    """A disk that may be read: its file, and those that it is backed by; the size that the guest sees in bytes."""

    chain: tuple[File, ...]
    size: int

    @property
    def file(self) -> File:
        return self.chain[0]

    def stamp(self) -> str:
        """Something else after each change of a file. The times of a block device promise nothing."""
        facts = [(os.stat(file.path).st_mtime_ns, os.stat(file.path).st_size, *file) for file in self.chain]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    @property
    def has_devices(self) -> bool:
        """Whether a block device is among them."""
        return any(_is_device(file.path) for file in self.chain)

    def named(self) -> str:
        """The disk with all its files, as qemu-img takes it."""
        node: dict[str, Any] | None = None
        for file in reversed(self.chain):
            below = {"driver": "host_device" if _is_device(file.path) else "file", "filename": file.path}
            node = {"driver": file.format, "file": below, **({"backing": node} if file.format == "qcow2" else {})}
        return f"json:{json.dumps(node)}"


def _is_device(path: str) -> bool:
    return stat.S_ISBLK(os.stat(path).st_mode)


def looked_at(target: str, path: str, format_: str, allowed: Sequence[str]) -> Source:
    """A disk with all its files, each of which may be read.

    :param target: the name of the disk in the domain, for errors
    :raises InvalidInput: if one of them may not
    """
    chain: list[File] = []
    size = 0
    while path:
        if len(chain) >= LONGEST or any(file.path == path for file in chain):
            raise InvalidInput(f"disks: the disk '{target}' has a chain of backing files that does not end.")
        check_path(target, path, allowed)
        about = _information(path, format_)
        chain.append(File(path, format_))
        size = size or int(about.get("virtual-size") or 0)
        path, format_ = _backing(target, path, about)
    if not size:
        raise InvalidInput(f"disks: the disk '{target}' is empty: {chain[0].path!r} has no bytes.")
    return Source(tuple(chain), size)


def check_path(target: str, path: str, allowed: Sequence[str]) -> None:
    """Refuse a path that the task does not allow.

    :raises InvalidInput: with what to do
    """
    place = f"disks: the disk '{target}' is at {path!r}"
    if not os.path.isabs(path) or os.path.normpath(path) != path or not path.isprintable():
        raise InvalidInput(f"{place}, which is no plain absolute path.")
    try:
        about = os.stat(path)
    except OSError as exc:
        raise InvalidInput(f"{place}, which cannot be read on the host that runs the module: {exc.strerror}.") from exc
    # udev makes links for devices; any other link could lead out of an allowed directory
    real = path if stat.S_ISBLK(about.st_mode) and path.startswith("/dev/") else os.path.realpath(path)
    if not any(os.path.commonpath([real, folder]) == folder for folder in map(os.path.normpath, allowed)):
        raise InvalidInput(
            f"{place}, and nothing allows the module to read that: who may define domains could name any file of the "
            f"host. If it is a disk, add its directory to allowed_paths: {os.path.dirname(real)}."
        )
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISBLK(about.st_mode)):
        raise InvalidInput(f"{place}, which is neither a file nor a block device.")


def _backing(target: str, path: str, about: dict[str, Any]) -> tuple[str, str]:
    """The path and the format of the backing file; empty without one.

    :raises InvalidInput: if the header names what is not read
    """
    place = f"disks: the header of {path!r}, of the disk '{target}',"
    data = (about.get("format-specific") or {}).get("data") or {}
    if data.get("data-file"):
        raise InvalidInput(f"{place} names another file for the data, which is not read: convert the disk before.")
    if about.get("encrypted"):
        raise InvalidInput(f"{place} says that it is encrypted: decrypt the disk before, with qemu-img convert.")
    name = about.get("full-backing-filename") or about.get("backing-filename") or ""
    if not name:
        return "", ""
    format_ = about.get("backing-filename-format") or ""
    if format_ not in FORMATS:
        raise InvalidInput(
            f"{place} has the format {format_!r} for its backing file {name!r}, and none is guessed. Write the right "
            f"one with qemu-img rebase -u -F FORMAT -b {name!r}, while the domain is off."
        )
    return str(name), str(format_)


def _information(path: str, format_: str) -> dict[str, Any]:
    """What qemu-img says of one file, without opening those that it is backed by."""
    found: dict[str, Any] = json.loads(qemu_img("info", "--force-share", "--output=json", "-f", format_, path))
    return found


def qemu_img(*arguments: str) -> str:
    """The output of qemu-img.

    :raises Missing: if the host does not have it
    :raises LXDError: if it fails
    """
    return _run(*arguments).stdout.decode(errors="replace")


def _run(*arguments: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("qemu-img")
    if not program:
        raise Missing("The host that runs the module needs the program qemu-img (package qemu-utils).")
    # pylint: disable-next=ansible-bad-function # a job imports nothing of Ansible, so it has no run_command
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode not in codes:
        words = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise LXDError(f"qemu-img {arguments[0]} failed: {words}")
    return done


# -- what is written --------------------------------------------------------------------------------------------------


def converted(source: Source, path: str, compress: bool) -> bool:
    """Write a disk as one qcow2, and compare it with the source. Returns whether there was none.

    What breaks off has another name, so that a file at `path` is whole.
    """
    if os.path.isfile(path) and (not source.has_devices or _is_same(source, path)):
        return False
    part = f"{path}.part"
    check_space(part, source)
    with anew(part):
        pass  # only its owner can read it; qemu-img writes into a file that exists
    options = ["-c"] if compress else []
    qemu_img("convert", *options, "-O", "qcow2", source.named(), part)
    with open(part, "rb") as file:
        settle(file)
    if not _is_same(source, part):
        raise LXDError(
            f"'{source.file.path}' has changed while it was copied: nothing may use the disk. Run the task again."
        )
    os.replace(part, path)
    return True


def _is_same(source: Source, path: str) -> bool:
    """Whether a qcow2 has the data of a disk."""
    return _run("compare", "-F", "qcow2", source.named(), path, codes=(0, 1)).returncode == 0


def check_space(path: str, source: Source) -> None:
    """Refuse to write the data of a disk where there is no space for it, whether as qcow2 or with holes."""
    folder = os.path.dirname(path)
    said = qemu_img("measure", "--output=json", "-O", "qcow2", source.named())
    needed, free = int(json.loads(said).get("required") or 0), shutil.disk_usage(folder).free
    if needed > free:
        raise LXDError(
            f"work_directory: '{folder}' has {free} bytes free, and the disk '{source.file.path}' can need {needed}."
        )


def unpacked(disk: str, path: str) -> str:
    """Write a qcow2 of `converted` as the guest sees it, with holes. Returns the checksum of its data."""
    with anew(path):
        pass
    qemu_img("convert", "-f", "qcow2", "-O", "raw", disk, path)
    return checksum(path, [(0, os.path.getsize(path))])


def checksum(path: str, spans: Sequence[tuple[int, int]]) -> str:
    """The checksum of parts of a file."""
    with open(path, "rb") as file:
        return digest_of(file, spans) or ""


def digest_of(stream: IO[bytes], spans: Sequence[tuple[int, int]]) -> str | None:
    """The checksum of parts of a stream, each from a byte to another one, in order; None if it ends before."""
    digest, place = hashlib.sha256(), 0
    for begin, end in spans:
        while place < end:
            piece = stream.read(min(_PIECE, (begin if place < begin else end) - place))
            if not piece:
                return None
            digest.update(piece if place >= begin else b"")
            place += len(piece)
    return digest.hexdigest()


def spans_of_root(path: str) -> list[tuple[int, int]]:
    """What a root disk keeps on a server: all, or with a GPT all but its headers.

    The servers move the second header to the end of a disk, which a pool can make larger, and the first one names its
    place.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(_SECTOR)
        partitioned = file.read(8) == b"EFI PART"
    end = size - _GPT_SECTORS * _SECTOR
    return [(0, _MBR_ENTRIES), (2 * _SECTOR, end)] if partitioned and end > 2 * _SECTOR else [(0, size)]


def write_metadata(path: str, architecture: str, name: str, properties: dict[str, str], created: int) -> None:
    """The metadata of an image of a virtual machine, as a tarball. The same arguments give the same bytes."""
    about = {"architecture": architecture, "description": f"Disk of the domain {name}", **properties}
    text = json.dumps({"architecture": architecture, "creation_date": created, "properties": about}).encode()
    with anew(path) as file, tarfile.open(fileobj=file, mode="w") as tar:  # YAML has JSON in it
        _add(tar, "metadata.yaml", text)


def write_volume(path: str, raw: str, name: str, description: str) -> None:
    """Write a disk as the backup of a volume, which the servers import.

    :param raw: the disk as the guest sees it
    """
    size = os.path.getsize(raw)
    index = json.dumps(_index(name, size, description)).encode()
    with anew(path) as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar, open(raw, "rb") as stream:
            _add(tar, "backup/index.yaml", index)
            entry = tarfile.TarInfo(VOLUME)
            entry.size, entry.mode = size, 0o600
            tar.addfile(entry, stream)
        settle(file)


def _index(name: str, size: int, description: str) -> dict[str, Any]:
    """What exports of LXD 5.0 and Incus 6.0 have, and both read."""
    volume = {
        "name": name,
        "type": "custom",
        "content_type": "block",
        "description": description,
        "config": {"size": str(size)},
    }
    about = {"name": name, "backend": "dir", "pool": "default", "type": "custom", "optimized": False}
    return {**about, "optimized_header": False, "config": {"volume": volume}}


def _add(tar: tarfile.TarFile, name: str, text: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o600
    tar.addfile(entry, io.BytesIO(text))
