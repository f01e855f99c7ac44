# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Runs modules in processes that are forked from the session agent, which has the standard library loaded.

A command that only starts the same Python with a program as its input, which is how Ansible sends a module, is forked
instead of started. The process that forks never runs a module, so no module finds data of another one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
import types
from typing import Any

from .interpreter import Interpreter

#: What every module of Ansible imports of the standard library, with what these import.
COMMON = (
    "argparse array base64 ctypes dataclasses datetime decimal encodings.idna fcntl grp ipaddress logging pathlib "
    "platform pwd runpy shlex socket syslog tempfile textwrap typing urllib.parse zipfile"
)


class Child:
    """A forked process, with the attributes that the supervisor uses of `subprocess.Popen`. In it, `pid` is 0."""

    def __init__(self) -> None:
        self.returncode: int | None = None
        pipes = [os.pipe() for _stream in range(3)]
        self.pid = os.fork()
        if self.pid == 0:
            self._take(pipes)
            return
        for number, pipe in enumerate(pipes):
            os.close(pipe[number > 0])
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(pipe[number == 0], "rb" if number else "wb", 0) for number, pipe in enumerate(pipes)
        )

    @staticmethod
    def _take(pipes: list[tuple[int, int]]) -> None:
        """In the child: use the pipes as the standard streams, and close everything else."""
        try:
            os.setsid()
            for number, pipe in enumerate(pipes):
                os.dup2(pipe[number > 0], number)
            os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)
        except OSError:  # it must not write to the session
            os._exit(126)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.returncode


class Forks:
    """Forks a process for each command that would start this Python."""

    def __init__(self, cache_code: bool) -> None:
        self.interpreter = Interpreter()
        self.cache_code = cache_code
        self.cache: Any = None
        self._prepared = False

    def start(self, argv: list[str]) -> Child | None:
        """The process of a command, or None if the command must be started. In the child, `pid` is 0."""
        if not self.interpreter.is_started_by(argv):
            return None
        if not self._prepared:
            self._prepare()
            self._prepared = True
        child = Child()
        if child.pid == 0:
            _reset(argv[2])
        return child

    def _prepare(self) -> None:
        for name in COMMON.split():
            with contextlib.suppress(ImportError):  # some distributions leave parts of the library out
                importlib.import_module(name)
        if self.cache_code and sys.version_info >= (3, 8):
            from .code_cache import CodeCache

            with contextlib.suppress(OSError):  # no memory
                self.cache = CodeCache()
        gc.collect()
        gc.freeze()  # these objects stay, so the children need not examine them

    def collect(self) -> None:
        """After a command has ended: keep what it compiled."""
        if self.cache:
            self.cache.collect()

    def run_program(self) -> None:
        """In the child: run the program in the input, as a Python that has just started."""
        pid = os.getpid()
        if self.cache:
            self.cache.install()
        package = __name__.partition(".")[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        sys.modules["__main__"] = types.ModuleType("__main__")
        sys.modules["__main__"].__file__ = "<stdin>"
        program = compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
        try:
            exec(program, sys.modules["__main__"].__dict__)
        finally:
            if self.cache and os.getpid() == pid:  # not in what the program has forked
                self.cache.publish()


def _reset(executable: str) -> None:
    """Set what differs in a Python that was just started by this path."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError):  # a directory that was removed
        os.environ.setdefault("PWD", os.getcwd())  # as the shell sets it
    time.tzset()  # the time zone may have changed
    if getattr(sys, "_base_executable", None) == sys.executable:  # no virtual environment
        sys._base_executable = executable  # type: ignore[attr-defined] # venv makes its links to it
    sys.executable = executable
    sys.argv = [""]
