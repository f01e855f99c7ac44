# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The session keeper: the process on the controller that keeps a session open between the workers of Ansible.

It serves one command at a time on a unix socket in the directory that Ansible creates for a run, and refuses further
workers. It ends when the session breaks, when a command is abandoned, when no command has come for `IDLE` seconds, and
when Ansible or its directory is gone.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import select
import signal
import socket
import time
from typing import Any, Callable, Dict

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.http_answer import BLOCK
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.websocket import WebSocket
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _exec
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session import FREE
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_frames import Frames

STARTING = 60.0  # seconds that Python may take to start in a busy instance
IDLE = 15.0  # seconds without a command
AHEAD = 1 << 20  # bytes of output that the worker has not read yet

Streams = Dict[str, WebSocket]


def start(path: str, open_streams: Callable[[], Streams]) -> None:
    """Keep a session at `path`, in a process of its own. Returns at once."""
    worker = multiprocessing.parent_process()
    owner = worker.pid if worker and worker.pid else os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _detach()
            try:
                streams = open_streams()
            except LXDError:  # for example, the instance is restarting: the next command may try again
                os.unlink(f"{path}.opened")
                raise
            Keeper(path, owner, streams).keep()
    finally:
        os._exit(0)  # no cleanup: everything that Python would clean up belongs to the worker


def _detach() -> None:
    """Let go of everything that the worker has open.

    The numbers of the files stay in use, so that an object of the worker that closes its file cannot close ours.
    """
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for number in os.listdir("/dev/fd"):
        try:
            os.dup2(null, int(number))
        except OSError:  # the directory that was listed
            pass


class Keeper:
    """Passes frames between the session and one worker at a time."""

    def __init__(self, path: str, owner: int, streams: Streams) -> None:
        self.path = path
        self.owner = owner
        self.streams = streams
        self.frames = Frames()
        self.ready = False  # for another command
        self.last = time.monotonic()
        self.worker: socket.socket | None = None
        self.for_worker = b""
        self.abandoned = False  # a worker left before its command had ended

    def keep(self) -> None:
        while not self.ready and self._has_owner() and self._is_active(STARTING):
            self._pass()
        if not self.ready:
            return  # for example, there is no python3. The file `.opened` stays, so that no worker tries again
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            inode = os.stat(self.path).st_ino
            listener.listen(16)
            while self._is_needed(inode):
                self._pass(listener)
        if self._is_ours(inode):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
                os.unlink(f"{self.path}.opened")
        self._end()

    def _is_active(self, seconds: float) -> bool:
        """Whether the session is open and has sent something in the last seconds."""
        return time.monotonic() - self.last < seconds and not self.streams[_exec.STDOUT].ended

    def _is_needed(self, inode: int) -> bool:
        if self.abandoned or not self._is_ours(inode) or self.streams[_exec.STDOUT].ended:
            return False
        return self._has_owner() and (self.worker is not None or self._is_active(IDLE))

    def _has_owner(self) -> bool:
        """Whether the Ansible that needs the session still runs."""
        try:
            os.kill(self.owner, 0)
        except ProcessLookupError:
            return False
        return True

    def _is_ours(self, inode: int) -> bool:
        """Whether the socket still exists, and does not belong to another keeper."""
        try:
            return os.stat(self.path).st_ino == inode
        except FileNotFoundError:
            return False

    def _end(self) -> None:
        """End the agent, which kills an abandoned command with everything that it started."""
        self.streams[_exec.CONTROL].say(b'{"command": "signal", "signal": 15}')
        until = time.monotonic() + 5
        while not self.streams[_exec.STDOUT].ended and time.monotonic() < until:
            self._pass()

    def _pass(self, listener: socket.socket | None = None) -> None:
        """Pass on what has arrived, or wait a second for it."""
        readable = self._wait(listener)
        for stream in self.streams.values():
            if stream.sock in readable:
                data = stream.receive()
                if stream is self.streams[_exec.STDOUT]:
                    self._take_output(data)
        if self.worker in readable:
            self._read_worker()
        if listener in readable:  # after the worker: the next one may come when this one has just left
            self._accept(listener)
        if self.worker and self.for_worker:
            self._write_worker()

    def _wait(self, listener: socket.socket | None) -> list[Any]:
        """The sockets that can be read. Writes to the streams what can be written."""
        stdin, stdout = self.streams[_exec.STDIN], self.streams[_exec.STDOUT]
        running = [stream for stream in self.streams.values() if not stream.ended]
        writers: list[Any] = [stream.sock for stream in running if stream.flush()]
        full = len(self.for_worker) > AHEAD
        readers: list[Any] = [stream.sock for stream in running if not (stream is stdout and full)]
        if listener:
            readers.append(listener)
        if self.worker and not stdin.unsent:
            readers.append(self.worker)
        if self.worker and self.for_worker:
            writers.append(self.worker)
        return select.select(readers, writers, [], 1.0)[0]

    def _take_output(self, data: bytes) -> None:
        self.for_worker += data if self.worker else b""
        for kind, _content in self.frames.add(data):
            self.ready = self.ready or kind == b"d"
        self.last = time.monotonic()

    def _accept(self, listener: Any) -> None:
        worker, _address = listener.accept()
        if self.worker or not self.ready or self._has_unexpected_output():
            worker.close()
            return
        worker.setblocking(False)
        self.worker, self.for_worker, self.ready = worker, FREE, False

    def _has_unexpected_output(self) -> bool:
        """Whether the agent sends something while no command runs. Usually, the daemon or the instance has gone."""
        stdout = self.streams[_exec.STDOUT]
        return stdout.ended or bool(select.select([stdout.sock], [], [], 0)[0])

    def _read_worker(self) -> None:
        worker: Any = self.worker
        try:
            data = worker.recv(BLOCK)
        except ConnectionError:
            data = b""
        if data:
            self.streams[_exec.STDIN].send(data)
            return
        worker.close()
        self.worker = None
        self.abandoned = not self.ready

    def _write_worker(self) -> None:
        worker: Any = self.worker
        try:
            self.for_worker = self.for_worker[worker.send(self.for_worker) :]
        except BlockingIOError:
            pass
        except OSError:
            self.for_worker = b""  # the worker has gone, which `_read_worker` notices
