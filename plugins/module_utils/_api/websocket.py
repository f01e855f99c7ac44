# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Websockets (RFC 6455) as the daemons use them for the streams of a command: binary data, and a text that ends it."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
import struct
from typing import Iterator

from .errors import LXDError
from .http_answer import BLOCK
from .transport import Response, Transport
from .upgrade import Upgraded, ask

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MORE, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
#: The most bytes of one frame of a server. Those of the daemons have some 128 KiB at most.
_LARGEST = 1 << 24
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def handshake(transport: Transport, url: str, timeout: float) -> WebSocket | Response:
    """Open a websocket, or return the refusal. Raises `ConnectionFailed`."""
    key = base64.b64encode(os.urandom(16)).decode()
    wanted = {"Upgrade": "websocket", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    answer = ask(transport, url, wanted, timeout)
    if isinstance(answer, Response):
        return answer
    # the standard asks for SHA-1, which protects nothing here
    proof = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC).digest()).decode()  # noqa: S324
    if answer.headers.get("Sec-WebSocket-Accept") != proof:
        answer.sock.close()
        raise LXDError(f"{transport.url} answered a request for a websocket with something else. Is 'url' right?")
    return WebSocket(answer)


class WebSocket:
    """One websocket, on a socket that does not block.

    :ivar ended: whether nothing more will arrive
    :ivar clean: whether the server has marked the end
    :ivar echoed: whether the server has answered a ping, so it has everything that was sent before it
    :ivar unsent: what waits until the socket takes it
    """

    def __init__(self, connection: Upgraded) -> None:
        self.sock = connection.sock
        self.sock.setblocking(False)
        self.ended = self.clean = self.echoed = False
        self.unsent = b""
        self._heard = connection.early

    def close(self) -> None:
        self.sock.close()

    def receive(self) -> bytes:
        """What has arrived, as far as one read has it without waiting."""
        return self._read()[0]

    def drain(self) -> None:
        """Read all that has arrived, of a stream of which only the end matters."""
        while not self.ended and self._read()[1]:
            pass

    def _read(self) -> tuple[bytes, bool]:
        """The data of one read, and whether anything was there."""
        there = True
        try:
            data = self.sock.recv(BLOCK)
            broken = not data
        except _WAIT:
            data, broken, there = b"", False, False
        except OSError:  # the daemon resets the stream of a command that ended without reading its input
            data, broken = b"", True
        self._heard += data
        found = b"".join(self._contents())
        self.ended = self.ended or broken
        return found, there

    def _contents(self) -> Iterator[bytes]:
        while not self.ended:
            frame = self._frame()
            if frame is None:
                return
            kind, payload = frame
            if kind in (_BINARY, _MORE):
                yield payload
            elif kind == _PING:
                self._post(_PONG, payload)
            elif kind == _PONG:
                self.echoed = True
            elif kind in (_TEXT, _CLOSE):
                self.ended = self.clean = True
            else:
                raise LXDError(f"A websocket has a frame of an unknown sort ({kind}).")

    def _frame(self) -> tuple[int, bytes] | None:
        """The next frame, if all of it is there."""
        if len(self._heard) < 2:
            return None
        kind, length, begin = self._heard[0] & 15, self._heard[1] & 127, 2
        if length > 125:
            begin, form = (4, ">H") if length == 126 else (10, ">Q")
            if len(self._heard) < begin:
                return None
            (length,) = struct.unpack(form, self._heard[2:begin])
        if length > _LARGEST or self._heard[1] & 128:
            raise LXDError("A websocket has a frame that no server sends.")
        if len(self._heard) < begin + length:
            return None
        payload = self._heard[begin : begin + length]
        self._heard = self._heard[begin + length :]
        return kind, payload

    def send(self, data: bytes) -> None:
        self._post(_BINARY, data)

    def finish(self) -> None:
        """Mark the end of what is sent, with a ping before it."""
        self._post(_PING, b"all")
        self._post(_TEXT, b"")

    def _post(self, kind: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            size = struct.pack(">B", 128 | length)
        elif length < 1 << 16:
            size = struct.pack(">BH", 128 | 126, length)
        else:
            size = struct.pack(">BQ", 128 | 127, length)
        mask = os.urandom(4)
        pad = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(length, "big")
        self.unsent += bytes([128 | kind]) + size + mask + masked

    def flush(self) -> None:
        """Write what can be written without waiting."""
        while self.unsent and not self.ended:
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            except _WAIT:
                return
            except OSError:  # the daemon has closed it, but may have sent something before
                self.unsent = b""
