# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Runs commands in an instance, one after the other: sent there whole, as C(python3 -c), so it needs the standard library and nothing else.

Frames go both ways: a letter, the length of what follows in four bytes, and what follows. Heard: C(r) a command in JSON, C(i) some of its
input, C(e) the end of its input. Said: C(s) it starts, C(o) and C(E) some of its output and errors, C(x) its exit code, C(d) ready for another.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess

HEAD = struct.Struct(">cI")
BLOCK = 1 << 16
PIPE = 1 << 20  # the most that a pipe holds
AHEAD = 1 << 20  # of input that the command has not read yet; more is left to wait where it comes from


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def hear() -> tuple[bytes, bytes]:
    kind, size = HEAD.unpack(read(HEAD.size))
    return kind, read(size)


def frame(kind: bytes, data: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(data)) + data


def say(kind: bytes, data: bytes = b"") -> None:
    data = frame(kind, data)
    while data:
        data = data[os.write(1, data) :]


class Command:
    """One command. It ends with its process: what others that it left behind say later is nobody's, as with the daemon's own exec."""

    def __init__(self, words: list[str], environ: dict[bytes, bytes]) -> None:
        self.process = subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, start_new_session=True, env=environ)
        self.pipes = [pipe for pipe in (self.process.stdin, self.process.stdout, self.process.stderr) if pipe]
        self.stdin, stdout, stderr = self.pipes
        self.outputs = {stdout.fileno(): b"o", stderr.fileno(): b"E"}
        self.pending = b""  # input that it has not taken yet
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)

    def talk(self, ended: int) -> bool:
        """Pass input and output until the process ends, which C(ended) can be read for. Returns whether all of the input was heard."""
        heard = False
        while self.process.poll() is None:
            listening = [] if heard or len(self.pending) >= AHEAD else [0]
            readable, writable, _failed = select.select([ended, *self.outputs, *listening], [self.stdin] if self.pending else [], [])
            if ended in readable:
                os.read(ended, BLOCK)
            for number in readable:
                if number in self.outputs:
                    self.tell(number)
            if writable:
                self.feed()
            if 0 in readable:
                kind, data = hear()
                heard = kind == b"e"
                self.pending += b"" if self.stdin.closed else data
            if heard and not self.pending:
                self.stdin.close()
        for number in list(self.outputs):
            for _block in range(PIPE // BLOCK):  # what it said at last; what it left behind may go on for ever
                if not self.tell(number):
                    break
        for pipe in self.pipes:
            pipe.close()
        return heard

    def tell(self, number: int) -> bool:
        """Say what it said. False: nothing for now, or for ever."""
        try:
            data = os.read(number, BLOCK)
        except BlockingIOError:
            return False
        if data:
            say(self.outputs[number], data)
        else:
            del self.outputs[number]
        return bool(data)

    def feed(self) -> None:
        try:
            self.pending = self.pending[os.write(self.stdin.fileno(), self.pending[:BLOCK]) :]
        except BrokenPipeError:  # it does not read what it is given
            self.pending = b""
            self.stdin.close()


def run(words: list[str], environ: dict[bytes, bytes], ended: int) -> None:
    """One command, from its start to where the next may come."""
    heard = False
    try:
        command = Command(words, environ)
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError)
        say(b"E", f"{words[0]}: {'command not found' if missing else exc.strerror}\n".encode())
        code = 127 if missing else 126
    else:
        try:
            heard = command.talk(ended)
        except EOFError:  # nobody waits for it any more
            os.killpg(command.process.pid, signal.SIGKILL)
            raise
        code = command.process.returncode
    say(b"x", str(code if code >= 0 else 128 - code).encode())
    while not heard:
        heard = hear()[0] == b"e"
    say(b"d")


def stop(_number: int, _frame: object) -> None:
    raise EOFError


def main() -> None:
    with open("/proc/self/environ", "rb") as stream:  # what Python makes of it is not what the commands shall find
        environ = dict(entry.split(b"=", 1) for entry in stream.read().split(b"\0") if b"=" in entry)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, stop)
    say(b"d")
    while True:
        _kind, data = hear()
        say(b"s")
        run(json.loads(data.decode()), environ, ended)


if __name__ == "__main__":
    try:
        main()
    except EOFError:
        pass
