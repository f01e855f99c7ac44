# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The files of an instance, over `GET /1.0/instances/NAME/sftp`: SFTP, version 3 (draft-ietf-secsh-filexfer-02).

The daemon serves it with the rights of root inside the instance, so no path and no link leads out of it. Unlike
`/1.0/instances/NAME/files`, it says what a file is before it is opened, changes what exists, and replaces a file at
once.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import Iterable, Iterator, NamedTuple

from .deadline import Deadline
from .errors import LXDError, ServerError
from .sftp_packets import EOF, STATUS, Packets, bytes_of, number_of, string, text_of
from .upgrade import Upgraded

_OPEN, _CLOSE, _READ, _WRITE, _LSTAT, _FSTAT, _FSETSTAT, _OPENDIR, _READDIR = 3, 4, 5, 6, 7, 8, 10, 11, 12
_REMOVE, _MKDIR, _STAT, _RENAME, _READLINK, _SYMLINK = 13, 14, 17, 18, 19, 20
_HANDLE, _DATA, _NAME, _ATTRS = 102, 103, 104, 105
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 1, 2, 4, 8
#: How a file is opened: to read it, or as a new one that nothing of its name may be there for, not even a link.
READING, NEW = 1, 2 | 8 | 32
#: The most bytes of the content in one packet. The daemons send no more than this.
_PIECE = 1 << 15
#: How many packets are on the way at a time.
_WINDOW = 16


class Attributes(NamedTuple):
    """What `lstat` says of a file. `mode` has the type of the file in it (`stat.S_ISREG` and the like)."""

    size: int
    uid: int
    gid: int
    mode: int
    modified: int

    @property
    def permissions(self) -> int:
        return stat.S_IMODE(self.mode)


class Sftp(Packets):
    """A conversation about the files of one instance. With `read_only`, all that changes something is refused here."""

    def __init__(self, connection: Upgraded, label: str, deadline: Deadline, read_only: bool = False) -> None:
        super().__init__(connection, label, deadline)
        self.read_only = read_only

    # -- reading ------------------------------------------------------------------------------------------------------

    def lstat(self, path: str) -> Attributes | None:
        """What there is at a path, without following a link; None if there is nothing."""
        return self._attributes(_LSTAT, text_of(path))

    def stat(self, path: str) -> Attributes | None:
        """What a path leads to, in the instance; None if it leads to nothing."""
        return self._attributes(_STAT, text_of(path))

    def fstat(self, handle: bytes) -> Attributes | None:
        return self._attributes(_FSTAT, string(handle))

    def readlink(self, path: str) -> str:
        """The target of a link, as it is written in it."""
        _count, body = number_of(self.expect(_NAME, self.call(_READLINK, text_of(path))))
        return os.fsdecode(bytes_of(body)[0])

    def open(self, path: str, how: int = READING) -> bytes:
        """A handle. A pipe that nobody writes to blocks until the time of the task is over: look with `lstat` first."""
        self._check(how != READING)
        return bytes_of(self.expect(_HANDLE, self.call(_OPEN, text_of(path) + struct.pack(">II", how, 0))))[0]

    def release(self, handle: bytes) -> None:
        self._done(_CLOSE, string(handle))

    def read(self, handle: bytes, size: int) -> Iterator[bytes]:
        """The first `size` bytes of an open file and no more, however much there is by now. Fewer if it ends before."""
        waiting: list[tuple[int, int]] = []
        offset = 0
        while offset < size or waiting:
            while offset < size and len(waiting) < _WINDOW:
                length = min(_PIECE, size - offset)
                waiting.append((self.send(_READ, string(handle) + struct.pack(">QI", offset, length)), length))
                offset += length
            number, length = waiting.pop(0)
            reply = self.reply(number)
            ended = reply[0] == STATUS and number_of(reply[1])[0] == EOF
            piece = b"" if ended else bytes_of(self.expect(_DATA, reply))[0]
            yield piece[:length]
            if len(piece) < length:  # the file became shorter
                for number, _length in waiting:
                    self.reply(number)
                return

    def is_empty(self, path: str) -> bool:
        """Whether a directory has nothing in it."""
        handle = bytes_of(self.expect(_HANDLE, self.call(_OPENDIR, text_of(path))))[0]
        try:
            kind, body = self.call(_READDIR, string(handle))
            return kind == STATUS and self.refusal(body).code == EOF
        finally:
            self.release(handle)

    # -- changing -----------------------------------------------------------------------------------------------------

    def write(self, handle: bytes, pieces: Iterable[bytes]) -> None:
        """Write an open file from its beginning."""
        self._check(True)
        waiting: list[int] = []
        offset = 0
        for piece in pieces:
            for start in range(0, len(piece), _PIECE):
                part = piece[start : start + _PIECE]
                if len(waiting) >= _WINDOW:
                    self.confirm(self.reply(waiting.pop(0)))
                waiting.append(self.send(_WRITE, string(handle) + struct.pack(">Q", offset) + string(part)))
                offset += len(part)
        for number in waiting:
            self.confirm(self.reply(number))

    def own(self, handle: bytes, uid: int, gid: int) -> None:
        self._done(_FSETSTAT, string(handle) + struct.pack(">III", _HAS_OWNER, uid, gid))

    def permit(self, handle: bytes, permissions: int) -> None:
        self._done(_FSETSTAT, string(handle) + struct.pack(">II", _HAS_MODE, permissions))

    def mkdir(self, path: str) -> None:
        self._done(_MKDIR, text_of(path) + struct.pack(">I", 0))

    def symlink(self, target: str, path: str) -> None:
        self._done(_SYMLINK, text_of(target) + text_of(path))

    def rename(self, path: str, new: str) -> None:
        """Give a file another name, in the place of what has it."""
        self._done(_RENAME, text_of(path) + text_of(new))

    def remove(self, path: str) -> None:
        """Remove a file, a link, or an empty directory."""
        self._done(_REMOVE, text_of(path))

    # -- what all of them need -----------------------------------------------------------------------------------------

    def _check(self, writes: bool) -> None:
        if writes and self.read_only:
            raise LXDError("Check mode must not write to an instance: please report this as a bug of cloudhost.lxd.")

    def _done(self, kind: int, body: bytes) -> None:
        self._check(kind != _CLOSE)
        self.confirm(self.call(kind, body))

    def _attributes(self, kind: int, body: bytes) -> Attributes | None:
        try:
            found = self.expect(_ATTRS, self.call(kind, body))
        except ServerError as exc:
            if exc.code == 404:
                return None
            raise
        flags, left = number_of(found)
        if flags & (_HAS_SIZE | _HAS_OWNER | _HAS_MODE | _HAS_TIMES) != 15 or len(left) < 28:
            raise self.odd()
        size, uid, gid, mode, _accessed, modified = struct.unpack(">QIIIII", left[:28])
        return Attributes(size, uid, gid, mode, modified)
