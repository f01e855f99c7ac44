# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The contents of files: what is to be written, and as much of what is there as is needed to compare and show it."""

from __future__ import annotations

import hashlib
import io
import os
from typing import IO, Any, Iterator, Mapping, NamedTuple

from ..._api.errors import InvalidInput, LXDError
from ..._api.http_answer import BLOCK
from ..._api.sftp import Attributes, Sftp

#: The most bytes of a content that a diff shows, as those of Ansible.
SHOWN = 104448


class Content(NamedTuple):
    """A content. The checksum is empty where it was not read, because its size already differs."""

    size: int
    checksum: str
    text: str | None

    @property
    def words(self) -> str:
        """The content as a diff shows it."""
        known = f", sha256 {self.checksum}" if self.checksum else ""
        return self.text if self.text is not None else f"({self.size} bytes{known})"


class _Gathered:
    """Adds up pieces: their number of bytes, their checksum, and their text if it is short."""

    def __init__(self) -> None:
        self.size, self.digest, self.start = 0, hashlib.sha256(), b""

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.digest.update(piece)
        if self.size <= SHOWN:
            self.start += piece

    def content(self) -> Content:
        text = None
        if self.size <= SHOWN and b"\0" not in self.start:
            try:
                text = self.start.decode()
            except UnicodeDecodeError:
                pass
        return Content(self.size, self.digest.hexdigest(), text)


class Source:
    """What is to be written: the option `content`, or the file `src` on the host that runs the module."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.data = params["content"].encode("utf-8", "surrogateescape") if params["content"] is not None else None
        self.path = params["src"]
        if self.data is None and not os.path.isfile(self.path):
            raise InvalidInput(f"src: '{self.path}' is not a file on the host that runs the module.")
        self.content = self._gather()

    def _open(self) -> IO[bytes]:
        if self.data is not None:
            return io.BytesIO(self.data)
        try:
            return open(self.path, "rb")
        except OSError as exc:
            raise InvalidInput(f"src: '{self.path}' cannot be read: {exc.strerror or exc}.") from exc

    def _gather(self) -> Content:
        gathered = _Gathered()
        with self._open() as stream:
            for piece in iter(lambda: stream.read(BLOCK), b""):
                gathered.add(piece)
        return gathered.content()

    def pieces(self) -> Iterator[bytes]:
        """The content as it was compared. Raises `LXDError` if the file has changed since."""
        gathered = _Gathered()
        with self._open() as stream:
            while gathered.size < self.content.size:
                piece = stream.read(min(BLOCK, self.content.size - gathered.size))
                if not piece:
                    break
                gathered.add(piece)
                yield piece
        if gathered.digest.hexdigest() != self.content.checksum:
            raise LXDError(
                f"src: '{self.path}' changed while it was read. Run the task again when nobody writes to it."
            )


def look(sftp: Sftp, path: str, about: Attributes, wanted: Content | None) -> Content:
    """The content of a regular file of an instance, as far as it is needed.

    A file of another size than wanted is read only if a diff can show it, so that nobody in the instance can have this
    read without end.
    """
    if not wanted or (about.size != wanted.size and about.size > SHOWN):
        return Content(about.size, "", None)
    gathered = _Gathered()
    handle = opened(sftp, path, about)
    try:
        for piece in sftp.read(handle, about.size):
            gathered.add(piece)
    finally:
        sftp.release(handle)
    return gathered.content()


def opened(sftp: Sftp, path: str, about: Attributes) -> bytes:
    """A handle of the file that `about` describes.

    Raises `LXDError` if it has changed, or if something else has taken its name: to open a file follows links, and who
    may write to its directory could have anything read or changed otherwise.
    """
    handle = sftp.open(path)
    if sftp.fstat(handle) != about:
        sftp.release(handle)
        raise LXDError(f"path: {path} changed while the module worked with it. Run the task again.")
    return handle
