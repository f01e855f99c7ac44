# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Runs commands in an instance, one after the other: sent there whole, as `python3 -c`, so it needs the standard
library and nothing else.

Frames go both ways: a letter, the length of what follows in four bytes, and what follows. Heard: `r` a command in JSON,
`i` some of its
input, `e` the end of its input. Said: `s` it starts, `o` and `E` some of its output and errors, `x` its exit code, `d`
ready for another.

A command that is this same Python with a program as its input, which is how Ansible sends a module, is not started but
forked, with what
modules import from the standard library already there. What else they import comes with them in an archive, of which
Python keeps nothing: the
first that compiles a source tells the result, and those that are forked later take it where the very same source comes
again. Both together save
two thirds of what most modules compute, and they find what they would find.
"""

from __future__ import annotations

import _imp
import contextlib
import gc
import glob
import hashlib
import importlib
import json
import marshal
import mmap
import os
import select
import signal
import site
import struct
import subprocess
import sys
import time
import types
import zipimport
from typing import Any

HEAD = struct.Struct(">cI")
BLOCK = 1 << 16
PIPE = 1 << 20  # the most that a pipe holds
AHEAD = 1 << 20  # of input that the command has not read yet; more is left to wait where it comes from

#: What every module of Ansible imports of the standard library, with what these import.
COMMON = (
    "argparse array base64 ctypes dataclasses datetime decimal encodings.idna fcntl grp ipaddress logging pathlib "
    "platform pwd runpy shlex socket "
    "syslog tempfile textwrap typing urllib.parse zipfile"
)


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


class Child:
    """A process that goes on from here, to run what it is given as its input: `pid` is 0 in it. Otherwise as of
    `subprocess.Popen`.
    """

    def __init__(self) -> None:
        self.returncode: int | None = None
        pipes = [os.pipe() for _stream in range(3)]
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                for number, pipe in enumerate(pipes):
                    os.dup2(pipe[number > 0], number)
                os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)
            except OSError:  # it must not speak on the line
                os._exit(126)
            return
        for number, pipe in enumerate(pipes):
            os.close(pipe[number > 0])
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(pipe[number == 0], "rb" if number else "wb", 0) for number, pipe in enumerate(pipes)
        )

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.returncode


class Compiled:
    """What sources in archives were compiled to, by the digest of the source."""

    MOST = 2000  # sources
    SIZE = 16 << 20  # bytes of what one child tells, in memory that is shared with it; used are as many as it tells

    def __init__(self) -> None:
        self.known: dict[bytes, types.CodeType] = {}
        self.new: dict[bytes, types.CodeType] = {}
        self.told = mmap.mmap(-1, self.SIZE)
        self._compile = zipimport._compile_source  # type: ignore[attr-defined]
        zipimport._compile_source = self.source  # type: ignore[attr-defined]

    def source(self, path: str, source: bytes) -> Any:
        digest = hashlib.sha256(source).digest()
        if digest in self.known:
            code = self.known[digest]
            _imp._fix_co_filename(code, path)  # type: ignore[attr-defined] # as Python does with what it kept in a file
        else:
            code = self.new[digest] = self._compile(path, source)
        return code

    def tell(self) -> None:
        """In a child, at its end."""
        text = marshal.dumps(dict(self.new)) if self.new else b""
        if len(text) <= self.SIZE - HEAD.size:
            self.told[HEAD.size : HEAD.size + len(text)] = text
            self.told[: HEAD.size] = HEAD.pack(b"c", len(text))  # at last: a child that is killed has told nothing

    def learn(self) -> None:
        """When a child has ended."""
        size = HEAD.unpack(self.told[: HEAD.size])[1]
        if size and len(self.known) < self.MOST:
            self.known.update(marshal.loads(self.told[HEAD.size : HEAD.size + size]))
        self.told[: HEAD.size] = bytes(HEAD.size)


class Python:
    """The Python that runs this, and whether one that is started now would be another."""

    def __init__(self) -> None:
        self.found = self._look()
        self.prepared = False
        self.compiled: Compiled | None = None

    @staticmethod
    def _look() -> list[tuple[int, int] | None]:
        """When what a Python finds at its start was changed: by an upgrade, or by a library that is installed
        meanwhile.
        """
        folders = [
            *filter(None, sys.path),
            *getattr(site, "getsitepackages", list)(),
            site.getusersitepackages(),
        ]  # but not the current one: nothing is of it
        paths = [path for folder in folders for path in sorted(glob.glob(f"{folder}/*.pth"))]
        customize = getattr(sys.modules.get("sitecustomize"), "__file__", None) or "/"
        found: list[tuple[int, int] | None] = []
        for place in (sys.executable, customize, *folders, *paths):
            try:
                about = os.stat(place)
                found.append((about.st_ino, about.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    def is_meant(self, words: list[str]) -> bool:
        """Whether a command is nothing but this Python: by a name of it in its own folder, for elsewhere it may be that
        of a virtual environment.
        """
        if len(words) != 3 or words[:2] != ["/bin/sh", "-c"]:
            return False
        folder, name = os.path.split(words[2])
        own = os.path.dirname(sys.executable)
        try:
            same = (
                name.startswith("python")
                and os.path.realpath(folder) == os.path.realpath(own)
                and os.path.samefile(words[2], sys.executable)
            )
        except OSError:
            return False
        return same and self._look() == self.found and not self._outdated()

    @staticmethod
    def _outdated() -> bool:
        """Whether a library that is loaded was upgraded: what is loaded later would be of another version."""
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
            return any(".so" in line and line.endswith(" (deleted)\n") for line in stream)

    def child(self) -> Child:
        if not self.prepared:
            for name in COMMON.split():
                with contextlib.suppress(ImportError):  # distributions leave some out
                    importlib.import_module(name)
            with contextlib.suppress(AttributeError, OSError):  # before Python 3.8; no memory
                self.compiled = Compiled()
            gc.collect()
            gc.freeze()  # what is there is there for good, and need not be looked at in every child
            self.prepared = True
        return Child()


class Command:
    """One command. It ends with its process: what others that it left behind say later is nobody's, as with the
    daemon's own exec.
    """

    def __init__(self, process: subprocess.Popen[bytes] | Child) -> None:
        self.process = process
        self.pipes = [pipe for pipe in (self.process.stdin, self.process.stdout, self.process.stderr) if pipe]
        self.stdin, stdout, stderr = self.pipes
        self.outputs = {stdout.fileno(): b"o", stderr.fileno(): b"E"}
        self.pending = b""  # input that it has not taken yet
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)

    def talk(self, ended: int) -> bool:
        """Pass input and output until the process ends, which `ended` can be read for. Returns whether all of the input
        was heard.
        """
        heard = False
        while self.process.poll() is None:
            listening = [] if heard or len(self.pending) >= AHEAD else [0]
            readable, writable, _failed = select.select(
                [ended, *self.outputs, *listening], [self.stdin] if self.pending else [], []
            )
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


def run(words: list[str], python: Python, environ: dict[bytes, bytes], ended: int) -> bool:
    """One command, from its start to where the next may come. True in a process that is to be the command."""
    heard = False
    try:
        process: subprocess.Popen[bytes] | Child
        if python.is_meant(words):
            process = python.child()
            if process.pid == 0:
                become(words[2])
                return True
        else:
            process = subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, start_new_session=True, env=environ)
        command = Command(process)
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError)
        say(b"E", f"{words[0]}: {'command not found' if missing else exc.strerror}\n".encode())
        code = 127 if missing else 126
    else:
        try:
            heard = command.talk(ended)
        except EOFError:  # nobody waits for it any more
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:  # a child that has no group of its own yet
                os.kill(process.pid, signal.SIGKILL)
            raise
        code = int(process.returncode or 0)
        if python.compiled:
            python.compiled.learn()
    say(b"x", str(code if code >= 0 else 128 - code).encode())
    while not heard:
        heard = hear()[0] == b"e"
    say(b"d")
    return False


def become(executable: str) -> None:
    """Be as a Python that has just started by this name."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError):  # a folder that was removed
        os.environ.setdefault("PWD", os.getcwd())  # as the shell does, which a module is given to
    time.tzset()  # the time zone may be another one by now
    if getattr(sys, "_base_executable", None) == sys.executable:  # no virtual environment
        sys._base_executable = executable  # type: ignore[attr-defined] # what venv makes its links to
    sys.executable = executable
    sys.argv = [""]


def stop(_number: int, _frame: object) -> None:
    raise EOFError


def main() -> Compiled | None:
    """Run commands until the line breaks. Returns in a child only, as a Python that has just started."""
    with open("/proc/self/environ", "rb") as stream:  # what Python makes of it is not what the commands shall find
        environ = dict(entry.split(b"=", 1) for entry in stream.read().split(b"\0") if b"=" in entry)
    python = Python()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, stop)
    say(b"d")
    while True:
        _kind, data = hear()
        say(b"s")
        if run(json.loads(data.decode()), python, environ, ended):
            return python.compiled


if __name__ == "__main__":
    try:
        compiled = main()
    except EOFError:
        sys.exit()
    pid = os.getpid()
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.modules["__main__"].__file__ = "<stdin>"
    try:
        exec(
            compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True), sys.modules["__main__"].__dict__
        )  # what the command was given
    finally:
        if compiled and os.getpid() == pid:  # not what it has forked itself
            compiled.tell()
