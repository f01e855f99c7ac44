# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""A session: one exec in an instance that stays open, for the commands of all tasks of a run.

Each task runs in a worker process of its own, so a separate process keeps the session (`_session_keeper`). The session
agent runs the commands in the instance (`_session_agent`). The second command for an instance opens the session in the
background, and no command waits for it. If the session is missing or busy, a command uses a separate exec.
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
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_agent.frames import BLOCK, frame
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_frames import Frames

FREE = b"+"  # the keeper greets a worker that may use the session with this byte


def join(path: str) -> socket.socket | None:
    """The session whose socket is at `path`, or None if it is missing or busy."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(5)
        sock.connect(path)
        if sock.recv(1) == FREE:
            return sock
    except OSError:  # there is no socket, its keeper has ended, or the path is too long for a socket
        pass
    sock.close()
    return None


def claim_opening(path: str) -> bool:
    """Whether the caller must open the session at `path`. True once, for the second caller.

    Creates files beside the socket, so that no other worker opens the same session.
    """
    for step in ("once", "opened"):
        try:
            os.close(os.open(f"{path}.{step}", os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        except OSError:  # Ansible is ending and has removed its directory
            return False
        return step == "opened"
    return False


def forget(path: str) -> None:
    """Remove the socket and the files of `claim_opening`. The keeper then ends the session."""
    for name in (path, f"{path}.once", f"{path}.opened"):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


class SessionCommand(Dialogue):
    """A command in a session, until it has ended."""

    outputs = (b"o", b"E")

    def __init__(
        self,
        sock: socket.socket,
        argv: list[str],
        data: bytes | IO[bytes],
        gate: Gate | None,
        sink: IO[bytes] | None = None,
    ) -> None:
        super().__init__(data, gate, sink)
        self.sock = sock
        self.unsent = frame(b"r", json.dumps(argv).encode())
        self.all_given = False
        self.begun = self.done = False
        self.code = -1
        self.frames = Frames()

    def run(self, patience: float) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors.

        Raises TimeoutError if the command does not start, or does not open its gate, within `patience` seconds.
        """
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
        """Write what can be written without waiting. Returns True if something is left."""
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
            except OSError:  # the keeper has ended, which `_receive` reports
                return False

    def _receive(self) -> None:
        try:
            data = self.sock.recv(BLOCK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            raise Interrupted("The session broke.")
        for kind, content in self.frames.add(data):
            self.begun = self.begun or kind == b"s"
            self.done = self.done or kind == b"d"
            if kind == b"x":
                self.code = int(content)
                self.gate = None
                self.drop_input()
            elif kind in self.output:
                self.add_output(kind, content)
