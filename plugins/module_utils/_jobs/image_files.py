# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The files of an image, as image servers have them: their sort, their hashes, and the metadata inside."""

from __future__ import annotations

import hashlib
import re
import tarfile
from typing import IO, Any, Iterable, NamedTuple

from .._api.errors import InvalidInput
from .._kinds.images._architectures import NAMES, of_image_servers

_PIECE = 1 << 20
_MOST_METADATA = 1 << 20
#: The first bytes of a root file system or disk, with what the index calls it, the name of the hash over both files of
#: its image, and the ending of its file.
_ROOTS = (
    (b"hsqs", "squashfs", "combined_squashfs_sha256", "squashfs"),
    (b"QFI\xfb", "disk-kvm.img", "combined_disk-kvm-img_sha256", "qcow2"),
    (b"\xfd7zXZ\x00", "root.tar.xz", "combined_rootxz_sha256", "root.tar.xz"),
)
ARCHITECTURES = tuple(NAMES)


class Part(NamedTuple):
    """One file of an image."""

    path: str
    size: int
    sha256: str


class Files(NamedTuple):
    """The files of an image: the metadata (or all of it, in a unified tarball), and the root file system.

    `root_type` is what an index calls the latter, empty without it. `combined` is the hash over both, the fingerprint.
    """

    metadata: Part
    root: Part | None
    root_type: str
    combined: str
    fingerprint: str
    architecture: str

    @property
    def type(self) -> str:
        return "virtual-machine" if self.root_type == "disk-kvm.img" else "container"

    @property
    def parts(self) -> list[tuple[str, Part]]:
        """The files with the names that they have in the tree: no name contains what a user wrote."""
        if self.root is None:
            return [(f"{self.fingerprint}.combined.tar.gz", self.metadata)]
        ending = next(end for _magic, name, _key, end in _ROOTS if name == self.root_type)
        return [(f"{self.fingerprint}.meta.tar.xz", self.metadata), (f"{self.fingerprint}.{ending}", self.root)]

    def items(self, folder: str) -> dict[str, dict[str, Any]]:
        """The entries of the index, with those that LXD and those that Incus reads."""
        described = [
            {"path": f"{folder}/{name}", "size": part.size, "sha256": part.sha256} for name, part in self.parts
        ]
        if self.root is None:
            return {name: {"ftype": name, **described[0]} for name in ("lxd_combined.tar.gz", "incus_combined.tar.gz")}
        hashes = {self.combined: self.fingerprint}
        metadata = {name: {"ftype": name, **described[0], **hashes} for name in ("lxd.tar.xz", "incus.tar.xz")}
        return {**metadata, self.root_type: {"ftype": self.root_type, **described[1]}}


def debian_architecture(option: str, name: str) -> str:
    """An architecture as image servers name it."""
    known = of_image_servers(name)
    if not known:
        raise InvalidInput(f"{option}: '{name}' is no architecture of an image. Known: {', '.join(ARCHITECTURES)}.")
    return known


def read_files(option: str, file: str, rootfs: str | None) -> Files:
    """Read the files of an image, in pieces.

    :param option: what names the image in errors
    :raises InvalidInput: if they are no files of an image that both daemons take
    """
    both, parts = hashlib.sha256(), []
    root_type = combined = ""
    for name, path in (("file", file), ("rootfs", rootfs)):
        if path is None:
            continue
        try:
            with open(path, "rb") as stream:
                if name == "rootfs":
                    root_type, combined = _root_type(f"{option}.rootfs", path, stream)
                parts.append(_read(path, stream, both))
        except OSError as exc:
            raise InvalidInput(f"{option}.{name}: '{path}' cannot be read: {exc.strerror}.") from exc
    architecture = _architecture(f"{option}.file", file, unified=rootfs is None)
    root = parts[1] if rootfs is not None else None
    return Files(parts[0], root, root_type, combined, both.hexdigest(), architecture)


def sha256_of(path: str) -> str | None:
    """The hash of a file; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            _read(path, stream, digest)
    except OSError:
        return None
    return digest.hexdigest()


def _read(path: str, stream: IO[bytes], both: Any) -> Part:
    size, own = 0, hashlib.sha256()
    for piece in iter(lambda: stream.read(_PIECE), b""):
        size += len(piece)
        own.update(piece)
        both.update(piece)
    return Part(path, size, own.hexdigest())


def _root_type(option: str, path: str, stream: IO[bytes]) -> tuple[str, str]:
    first = stream.read(8)
    stream.seek(0)
    for magic, name, key, _ending in _ROOTS:
        if first.startswith(magic):
            return name, key
    raise InvalidInput(
        f"{option}: '{path}' is no root file system that image servers have: that is a squashfs file, a qcow2 file (of "
        "a virtual machine), or a tarball compressed with xz."
    )


def _architecture(option: str, path: str, unified: bool) -> str:
    """What `metadata.yaml` says. It is searched for this one key, because Python has no parser of YAML."""
    try:
        with tarfile.open(path, "r:*") as tar:
            text = _metadata(tar, unified)
    except (tarfile.TarError, OSError, EOFError, ValueError) as exc:
        raise InvalidInput(f"{option}: '{path}' is no tarball, or not a whole one: {exc}.") from exc
    if text is None:
        wanted = "metadata.yaml and a rootfs (write rootfs for a split image)" if unified else "metadata.yaml"
        raise InvalidInput(f"{option}: '{path}' is no image: it has no {wanted}.")
    found = re.search(r"""(?m)^["']?architecture["']?: *["']?(\w+)["']?\s*$""", text)
    if not found:
        raise InvalidInput(f"{option}: '{path}' is no image: its metadata.yaml has no line with an architecture.")
    return debian_architecture(f"{option}: metadata.yaml of '{path}'", found[1])


def _metadata(tar: Iterable[tarfile.TarInfo], unified: bool) -> str | None:
    """The text of metadata.yaml, if the rest of the image is there, too."""
    text, root = None, not unified
    for entry in tar:
        name = entry.name[2:] if entry.name.startswith("./") else entry.name
        if name == "metadata.yaml" and entry.isfile():
            stream = tar.extractfile(entry)  # type: ignore[attr-defined]
            text = stream.read(_MOST_METADATA).decode("utf-8", "replace") if stream else ""
        elif name == "rootfs" or name.startswith("rootfs/"):
            root = True
        if text is not None and root:
            return text
    return None
