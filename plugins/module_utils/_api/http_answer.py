# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""HTTP answers that end: at the length that was announced, and when their time is over."""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from typing import Any, Iterator

#: How many bytes of a file are read and sent at a time.
BLOCK = 1 << 18
#: The most bytes of a line between the pieces of an answer.
_LINE = 1 << 12
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?\r?\n")


class OddAnswer(http.client.HTTPException):
    """An answer against HTTP: to send the request again does not help."""


class Clock:
    """The moment at which the time for an answer ends, as `time.monotonic` has it."""

    end = float("inf")


class _Heard(io.RawIOBase):
    """The bytes from a server, as long as there is time: a server may send each byte in time, and never end."""

    def __init__(self, sock: socket.socket, raw: Any, clock: Clock) -> None:
        self.sock, self.raw, self.clock = sock, raw, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.clock.end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(left)
        count: int | None = self.raw.readinto(buffer)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class Answer(http.client.HTTPResponse):
    def __init__(self, clock: Clock, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Heard(sock, self.fp.detach(), clock))

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises `OddAnswer`, and `http.client.IncompleteRead` where its end is missing."""
        if self.length == 0:  # as of an answer that cannot have a body, whatever its headers say
            return
        if not self.chunked:
            yield from self._exactly(self.length or 0)
            return
        while True:
            line = self._line()
            size = _CHUNK.fullmatch(line)
            if not size:
                raise OddAnswer(f"the answer is in pieces of an odd size ({line[:40]!r})")
            if not int(size[1], 16):
                break
            yield from self._exactly(int(size[1], 16))
            if self._line() not in (b"\r\n", b"\n"):
                raise OddAnswer("a piece of the answer does not end where it should")
        for _trailer in range(100):
            if self._line() in (b"\r\n", b"\n"):
                return
        raise OddAnswer("the answer has no end")

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.fp.read1(min(size, BLOCK))
            if not piece:
                raise http.client.IncompleteRead(b"", size)
            size -= len(piece)
            yield piece

    def _line(self) -> bytes:
        line: bytes = self.fp.readline(_LINE)
        if not line.endswith(b"\n") and len(line) < _LINE:  # it was cut
            raise http.client.IncompleteRead(b"")
        return line
