# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Starts the commands of a session in the instance, and passes their input, output and exit codes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from typing import Any

from .frames import BLOCK, receive, send

PIPE = 1 << 20  # the most that a pipe holds
AHEAD = 1 << 20  # of input that the command has not read yet. The agent leaves more of it in the session


class Command:
    """A running command. It ends with its process.

    Later output of processes that it started is lost, as with a separate exec of the daemon.
    """

    def __init__(self, process: Any) -> None:
        self.process = process  # a `subprocess.Popen`, or a forked module with the same attributes
        self.stdin = process.stdin
        self.pipes = [process.stdin, process.stdout, process.stderr]
        self.outputs = {process.stdout.fileno(): b"o", process.stderr.fileno(): b"E"}
        self.pending = b""  # input that the command has not taken yet
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)

    def run(self, ended: int) -> bool:
        """Pass input and output until the process ends. Returns whether the whole input was received.

        `ended` is a file descriptor that is readable when a process has ended. Raises EOFError if the session ends.
        """
        complete = False
        while self.process.poll() is None:
            sources = [] if complete or len(self.pending) >= AHEAD else [0]
            readable, writable, _failed = select.select(
                [ended, *self.outputs, *sources], [self.stdin] if self.pending else [], []
            )
            if ended in readable:
                os.read(ended, BLOCK)
            for number in readable:
                if number in self.outputs:
                    self._pass_output(number)
            if writable:
                self._pass_input()
            if 0 in readable:
                kind, content = receive()
                complete = kind == b"e"
                self.pending += b"" if self.stdin.closed else content
            if complete and not self.pending:
                self.stdin.close()
        self._finish()
        return complete

    def _finish(self) -> None:
        """Pass the last output. A process that the command started may write without end, so there is a limit."""
        for number in list(self.outputs):
            for _block in range(PIPE // BLOCK):
                if not self._pass_output(number):
                    break
        for pipe in self.pipes:
            pipe.close()

    def _pass_output(self, number: int) -> bool:
        """Send some output. Returns False if there is none now, or at its end."""
        try:
            data = os.read(number, BLOCK)
        except BlockingIOError:
            return False
        if data:
            send(self.outputs[number], data)
        else:
            del self.outputs[number]
        return bool(data)

    def _pass_input(self) -> None:
        try:
            self.pending = self.pending[os.write(self.stdin.fileno(), self.pending[:BLOCK]) :]
        except BrokenPipeError:  # the command does not read its input
            self.pending = b""
            self.stdin.close()


def serve(forks: Any = None) -> None:
    """Run commands until the session ends, which raises EOFError. Returns in a forked module only."""
    with open("/proc/self/environ", "rb") as stream:  # Python changes some variables for itself, not for the commands
        environ = dict(entry.split(b"=", 1) for entry in stream.read().split(b"\0") if b"=" in entry)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, _stop)
    send(b"d")
    while True:
        _kind, content = receive()
        send(b"s")
        if _run(json.loads(content.decode()), forks, environ, ended):
            return


def _stop(_number: int, _frame: object) -> None:
    raise EOFError


def _run(argv: list[str], forks: Any, environ: dict[bytes, bytes], ended: int) -> bool:
    """Run one command. Returns True in a forked module, which then runs its program."""
    complete = False
    try:
        process = forks.start(argv) if forks else None
        if process and process.pid == 0:
            return True
        command = Command(
            process or subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=-1, start_new_session=True, env=environ)
        )
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError)
        send(b"E", f"{argv[0]}: {'command not found' if missing else exc.strerror}\n".encode())
        code = 127 if missing else 126
    else:
        complete = _supervise(command, ended)
        code = int(command.process.returncode or 0)
        if forks:
            forks.collect()
    send(b"x", str(code if code >= 0 else 128 - code).encode())
    while not complete:
        complete = receive()[0] == b"e"
    send(b"d")
    return False


def _supervise(command: Command, ended: int) -> bool:
    """Run a command to its end. If the session ends first, kill the command and what it started."""
    try:
        return command.run(ended)
    except EOFError:
        if command.process.returncode is not None:
            raise  # another process may have its number now
        try:
            os.killpg(command.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # a forked module that has no process group of its own yet
            os.kill(command.process.pid, signal.SIGKILL)
        raise
