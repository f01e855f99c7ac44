# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Packets of SFTP, version 3, on a connection to a daemon: requests by number, and their replies."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

from .deadline import Deadline
from .errors import DeadlineExceeded, Interrupted, LXDError, ServerError
from .upgrade import Upgraded

INIT, VERSION, STATUS = 1, 2, 101
OK, EOF, NO_FILE, DENIED = 0, 1, 2, 3
#: The most bytes of a packet of the server.
LARGEST = 1 << 20


class Packets:
    """One conversation.

    :ivar broken: whether its connection is gone

    Raises `ServerError` for what the server refuses: 404 for what is not there, 403 for what is not allowed. Raises
    `Interrupted` when the connection breaks, and `DeadlineExceeded` when the time of the task is over.
    """

    def __init__(self, connection: Upgraded, label: str, deadline: Deadline) -> None:
        self._sock, self._heard = connection.sock, connection.early
        self.label, self.deadline = label, deadline
        self.broken = False
        self._last = 0
        self._early: dict[int, tuple[int, bytes]] = {}
        self._post(struct.pack(">BI", INIT, 3))
        kind, _body = self._packet()
        if kind != VERSION:
            raise self.odd()

    def close(self) -> None:
        self._sock.close()

    def call(self, kind: int, body: bytes) -> tuple[int, bytes]:
        return self.reply(self.send(kind, body))

    def send(self, kind: int, body: bytes) -> int:
        self._last += 1
        self._post(struct.pack(">BI", kind, self._last) + body)
        return self._last

    def _post(self, packet: bytes) -> None:
        self._timed(lambda: self._sock.sendall(struct.pack(">I", len(packet)) + packet))

    def reply(self, number: int) -> tuple[int, bytes]:
        while number not in self._early:
            kind, body = self._packet()
            answered, rest = number_of(body)
            self._early[answered] = (kind, rest)
        return self._early.pop(number)

    def _packet(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._exactly(4))
        if not 1 <= length <= LARGEST:
            raise self.odd()
        packet = self._exactly(length)
        return packet[0], packet[1:]

    def _exactly(self, size: int) -> bytes:
        while len(self._heard) < size:
            data = self._timed(lambda: self._sock.recv(1 << 17))
            if not data:
                self.broken = True
                raise Interrupted(f"{self.label} closed the connection to the files of the instance")
            self._heard += data
        found, self._heard = self._heard[:size], self._heard[size:]
        return found

    def _timed(self, work: Any) -> Any:
        words = "working with the files of the instance"
        try:
            self._sock.settimeout(self.deadline.check(words))
            return work()
        except socket.timeout as exc:
            raise DeadlineExceeded(f"The timeout of {self.deadline.seconds:g} s is over while {words}.") from exc
        except OSError as exc:
            self.broken = True
            raise Interrupted(f"{self.label} broke the connection to the files of the instance: {exc}") from exc

    def expect(self, kind: int, reply: tuple[int, bytes]) -> bytes:
        if reply[0] == kind:
            return reply[1]
        raise self.refusal(reply[1]) if reply[0] == STATUS else self.odd()

    def confirm(self, reply: tuple[int, bytes]) -> None:
        if reply[0] != STATUS:
            raise self.odd()
        if number_of(reply[1])[0] != OK:
            raise self.refusal(reply[1])

    def refusal(self, body: bytes) -> ServerError:
        code, rest = number_of(body)
        text = bytes_of(rest)[0].decode("utf-8", "replace") or f"SFTP status {code}"
        return ServerError(text, {EOF: EOF, NO_FILE: 404, DENIED: 403}.get(code, 500), text)

    def odd(self) -> LXDError:
        return LXDError(f"{self.label} answered a request for the files of an instance with something that is no SFTP.")


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def text_of(path: str) -> bytes:
    return string(os.fsencode(path))


def number_of(body: bytes) -> tuple[int, bytes]:
    if len(body) < 4:
        raise LXDError("A packet of SFTP ended too early.")
    return struct.unpack(">I", body[:4])[0], body[4:]


def bytes_of(body: bytes) -> tuple[bytes, bytes]:
    length, rest = number_of(body)
    if len(rest) < length:
        raise LXDError("A packet of SFTP ended too early.")
    return rest[:length], rest[length:]
