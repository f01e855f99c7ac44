# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Websockets (RFC 6455) as the daemons use them for the streams of a command: binary data, and a text that ends it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import socket
import ssl
import struct
from typing import Iterator

from .errors import LXDError
from .http_answer import BLOCK, OddAnswer
from .transport import Response, Transport
from .upgrade import AGREED, MOST, Upgraded, ask, parsed, request

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MORE, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
#: The most bytes of one frame of a server. Those of the daemons have some 128 KiB at most.
_LARGEST = 1 << 24
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def handshake(transport: Transport, url: str, timeout: float) -> WebSocket | Response:
    """Open a websocket, or return the refusal. Raises `ConnectionFailed`."""
    wanted, proof = _wanted()
    answer = ask(transport, url, wanted, timeout)
    if isinstance(answer, Response):
        return answer
    if answer.headers.get("Sec-WebSocket-Accept") != proof:
        answer.sock.close()
        raise LXDError(f"{transport.url} answered a request for a websocket with something else. Is 'url' right?")
    return WebSocket(answer)


def begin(transport: Transport, sock: socket.socket, url: str) -> WebSocket:
    """A websocket on a connection that is open already. Its handshake is a part of what it sends and receives, so that
    several can open at the same time.
    """
    wanted, proof = _wanted()
    stream = WebSocket(Upgraded(sock, b"", {}), proof)
    stream.unsent = request(transport, url, wanted)
    return stream


def _wanted() -> tuple[dict[str, str], str]:
    """The headers that ask for a websocket, and what a server has to answer to them."""
    key = base64.b64encode(os.urandom(16)).decode()
    # the standard asks for SHA-1, which protects nothing here
    proof = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC).digest()).decode()  # noqa: S324
    return {"Upgrade": "websocket", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}, proof


class WebSocket:
    """One websocket, on a socket that does not block.

    :ivar up: whether the server has agreed; a refusal ends the websocket
    :ivar ended: whether nothing more will arrive
    :ivar clean: whether the server has marked the end
    :ivar echoed: whether the server has answered a ping, so it has everything that was sent before it
    :ivar unsent: what waits until the socket takes it
    """

    def __init__(self, connection: Upgraded, proof: str = "") -> None:
        self.sock = connection.sock
        self.sock.setblocking(False)
        self.up, self._proof = not proof, proof
        self.ended = self.clean = self.echoed = False
        self.unsent = b""
        self._heard = bytearray(connection.early)

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
        if not self.up:
            self._agree()
        while self.up and not self.ended:
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

    def _agree(self) -> None:
        """Take the answer of the server, if all of it is there."""
        end = self._heard.find(b"\r\n\r\n")
        if end < 0:
            self.ended = len(self._heard) > MOST
            return
        with contextlib.suppress(OddAnswer, http.client.HTTPException):
            status, headers = parsed(bytes(self._heard[:end]))
            self.up = status == AGREED and headers.get("Sec-WebSocket-Accept") == self._proof
        self.ended = not self.up
        del self._heard[: end + 4]

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
        payload = bytes(self._heard[begin : begin + length])
        del self._heard[: begin + length]
        return kind, payload

    def send(self, data: bytes) -> None:
        self._post(_BINARY, data)

    def finish(self) -> None:
        """Mark the end of what is sent, with a ping before it."""
        self._post(_PING, b"all")
        self.say(b"")

    def say(self, text: bytes) -> None:
        """Send a text, which ends a stream; on the websocket for signals it is a message."""
        self._post(_TEXT, text)

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

    def flush(self) -> bool:
        """Write what can be written without waiting. Returns whether something is left."""
        while self.unsent and not self.ended:
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            except _WAIT:
                return True
            except OSError:  # the daemon has closed it, but may have sent something before
                self.unsent = b""
        return bool(self.unsent)
