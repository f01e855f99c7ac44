# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""One exec in an instance that stays open, for the commands of all tasks of a play: a line.

A worker of Ansible lives for one task, so a process beside the workers keeps the line (`_keeper`), and `_inside` runs
the commands at its
other end. The line is opened in the background, by the second command for an instance, and nobody waits for it: a
command that finds no line,
or finds it busy, is an exec of its own.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from typing import IO

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Dialogue, Gate
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._frames import Frames
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._inside import BLOCK, frame

FREE = b"+"  # what a worker is greeted with that may use the line


def found(place: str) -> socket.socket | None:
    """The line whose socket is at `place`, if it is there and free."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(5)
        sock.connect(place)
        if sock.recv(1) == FREE:
            return sock
    except OSError:  # not there, not any more, or a path that is too long for a socket
        pass
    sock.close()
    return None


def awaited(place: str) -> bool:
    """Whether who found no line at `place` shall have it opened: the second one shall."""
    for step in ("once", "opened"):
        try:
            os.close(os.open(f"{place}.{step}", os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        except OSError:  # Ansible is ending and has removed its folder
            return False
        return step == "opened"
    return False


def forget(place: str) -> None:
    for name in (place, f"{place}.once", f"{place}.opened"):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


class Talk(Dialogue):
    """A command at the other end of a line, until it has ended."""

    outputs = (b"o", b"E")

    def __init__(
        self,
        sock: socket.socket,
        words: list[str],
        data: bytes | IO[bytes],
        gate: Gate | None,
        sink: IO[bytes] | None = None,
    ) -> None:
        super().__init__(data, gate, sink)
        self.sock = sock
        self.unsent = frame(b"r", json.dumps(words).encode())
        self.all_given = False
        self.begun = self.done = False
        self.code = -1
        self.frames = Frames()

    def run(self, patience: float) -> tuple[int, bytes, bytes]:
        self.sock.setblocking(False)
        until = time.monotonic() + patience
        with selectors.DefaultSelector() as selector:
            selector.register(self.sock, selectors.EVENT_READ)
            while not self.done:
                waiting = self.gate is not None or not self.begun
                if waiting and time.monotonic() > until:
                    raise TimeoutError
                selector.modify(self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._send() else 0))
                if selector.select(1.0 if waiting else None):
                    self._receive()
        return self.code, *self.so_far()

    def _send(self) -> bool:
        """Write what can be written without waiting; True if something is left."""
        while True:
            if not self.unsent and self.gate is None and not self.all_given:
                block = self.next_input(BLOCK)
                self.unsent = frame(b"i", block) if block else frame(b"e")
                self.all_given = not block
            if not self.unsent:
                return False
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            except BlockingIOError:
                return True
            except OSError:  # the keeper has gone; reading tells
                return False

    def _receive(self) -> None:
        try:
            data = self.sock.recv(BLOCK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            raise Interrupted("The line was broken.")
        for kind, content in self.frames.of(data):
            self.begun = self.begun or kind == b"s"
            self.done = self.done or kind == b"d"
            if kind == b"x":
                self.code = int(content)
                self.gate = None
                self.drop_input()
            elif kind in self.said:
                self.hear(kind, content)
