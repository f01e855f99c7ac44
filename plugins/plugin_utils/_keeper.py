# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The process that keeps a line to an instance open between the workers of Ansible, and passes on what either end says.

It serves one command at a time on a unix socket in the folder that Ansible makes for a run, and sends the others away.
It ends when the line
breaks, when a command is given up, when nothing has been asked for `IDLE` seconds, and when Ansible or its folder is
gone.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import multiprocessing
import os
import pathlib
import select
import signal
import socket
import time
import zlib
from typing import Any, Callable, Dict

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import BLOCK
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _exec
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._frames import Frames
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._line import FREE

STARTING = 60.0  # the most that Python may take in a busy instance
IDLE = 15.0
AHEAD = 1 << 20  # of output that the worker has not read yet

#: What runs in the instance. Packed, so that its words are none that `pkill -f` there looks for.
SOURCE = base64.b64encode(zlib.compress(pathlib.Path(__file__).with_name("_inside.py").read_bytes())).decode()
COMMAND = ["python3", "-c", f"import base64, zlib; exec(zlib.decompress(base64.b64decode('{SOURCE}')))"]

Opened = Dict[str, "_exec.Stream"]


def start(place: str, open_it: Callable[[], Opened]) -> None:
    """Keep a line at `place`, in a process of its own; returns at once."""
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
                streams = open_it()
            except LXDError:  # an instance that is restarting, for instance: the next command may try again
                os.unlink(f"{place}.opened")
                raise
            Keeper(place, owner, streams).keep()
    finally:
        os._exit(0)  # nothing of the worker may be cleaned up here: it is the worker's


def _detach() -> None:
    """Let go of everything that the worker has open. The numbers stay taken, so that nothing of it closes a file of
    ours.
    """
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for number in os.listdir("/dev/fd"):
        try:
            os.dup2(null, int(number))
        except OSError:  # the one that listed them
            pass


class Keeper:
    """From when the line is open until it is not wanted any more."""

    def __init__(self, place: str, owner: int, streams: Opened) -> None:
        self.place = place
        self.owner = owner
        self.streams = streams
        self.frames = Frames()
        self.ready = False  # for another command
        self.last = time.monotonic()
        self.worker: socket.socket | None = None
        self.for_worker = b""
        self.given_up = False

    def keep(self) -> None:
        while not self.ready and self._is_owned() and self._heard_within(STARTING):
            self._turn()
        if not self.ready:
            return  # there is no python3, for instance: the mark stays, so that nobody tries again
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(self.place)
            number = os.stat(self.place).st_ino
            door.listen(16)
            while self._wanted(number):
                self._turn(door)
        if self._is_ours(number):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.place)
                os.unlink(f"{self.place}.opened")
        self._end()

    def _heard_within(self, seconds: float) -> bool:
        return time.monotonic() - self.last < seconds and not self.streams[_exec.STDOUT].ended

    def _wanted(self, number: int) -> bool:
        if self.given_up or not self._is_ours(number) or self.streams[_exec.STDOUT].ended:
            return False
        return self._is_owned() and (self.worker is not None or self._heard_within(IDLE))

    def _is_owned(self) -> bool:
        try:
            os.kill(self.owner, 0)
        except ProcessLookupError:
            return False
        return True

    def _is_ours(self, number: int) -> bool:
        """Whether the socket is there, and no other keeper's by now."""
        try:
            return os.stat(self.place).st_ino == number
        except FileNotFoundError:
            return False

    def _end(self) -> None:
        """Have a command that was given up killed, with all that it started."""
        self.streams[_exec.CONTROL].protocol.send_text(b'{"command": "signal", "signal": 15}')
        until = time.monotonic() + 5
        while not self.streams[_exec.STDOUT].ended and time.monotonic() < until:
            self._turn()

    def _turn(self, door: socket.socket | None = None) -> None:
        """Pass on what there is, or wait a second for something."""
        stdin, stdout = self.streams[_exec.STDIN], self.streams[_exec.STDOUT]
        writers: list[Any] = [stream.sock for stream in self.streams.values() if not stream.ended and stream.send()]
        full = len(self.for_worker) > AHEAD
        readers: list[Any] = [
            stream.sock for stream in self.streams.values() if not stream.ended and not (stream is stdout and full)
        ]
        if door:
            readers.append(door)
        if self.worker and not stdin.unsent:
            readers.append(self.worker)
        if self.worker and self.for_worker:
            writers.append(self.worker)
        readable, writable, _failed = select.select(readers, writers, [], 1.0)
        for stream in self.streams.values():
            if stream.sock in readable:
                data = stream.receive()
                if stream is stdout:
                    self._hear(data)
        if self.worker in readable:
            self._read_worker()
        if door in readable:  # after the worker: the next one may be there when this one has just gone
            self._open(door)
        if self.worker and self.for_worker:
            self._write_worker()

    def _hear(self, data: bytes) -> None:
        self.for_worker += data if self.worker else b""
        for kind, _content in self.frames.of(data):
            self.ready = self.ready or kind == b"d"
        self.last = time.monotonic()

    def _open(self, door: Any) -> None:
        worker, _address = door.accept()
        if self.worker or not self.ready or self._stirs():
            worker.close()
            return
        worker.setblocking(False)
        self.worker, self.for_worker, self.ready = worker, FREE, False

    def _stirs(self) -> bool:
        """Whether the other end has something to say while no command runs: most often that the daemon or the instance
        has gone.
        """
        stdout = self.streams[_exec.STDOUT]
        return stdout.ended or bool(select.select([stdout.sock], [], [], 0)[0])

    def _read_worker(self) -> None:
        worker: Any = self.worker
        try:
            data = worker.recv(BLOCK)
        except ConnectionError:
            data = b""
        if data:
            self.streams[_exec.STDIN].protocol.send_binary(data)
            return
        worker.close()
        self.worker = None
        self.given_up = not self.ready

    def _write_worker(self) -> None:
        worker: Any = self.worker
        try:
            self.for_worker = self.for_worker[worker.send(self.for_worker) :]
        except BlockingIOError:
            pass
        except OSError:
            self.for_worker = b""  # it has gone; reading tells
