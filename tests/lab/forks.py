# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules in processes of their own, in the network namespace of a daemon: several at a time, and to be killed.

They are forked from one process that has loaded Ansible and all modules, because a Python that starts anew needs half a
second for that. That process has one thread, which a process of pytest has not, so a fork of it is safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import weakref
from typing import Any

TESTS = pathlib.Path(__file__).resolve().parents[1]
CLONE_NEWNET = 0x40000000
#: The longest order, in bytes.
LONGEST = 1 << 17


class Task:
    """A module that runs. `namespace` is the pid of a process in whose network namespace it does."""

    def __init__(self, module: str, arguments: dict[str, Any], namespace: int | None = None) -> None:
        order = json.dumps([module, arguments, namespace]).encode()
        assert len(order) < LONGEST, f"the arguments of {module} are too long for one order"
        self._result, child = os.pipe()
        try:
            socket.send_fds(_forks(), [order], [child])
            _said, (self._process,), _flags, _address = socket.recv_fds(_forks(), 1, 1)
        finally:
            os.close(child)
        weakref.finalize(self, os.close, self._process)

    def running(self) -> bool:
        return self._result >= 0 and not select.select([self._result], [], [], 0)[0]

    def communicate(self, timeout: float = 180) -> tuple[str, str]:
        """The JSON that the module said, empty where it was killed, as `subprocess.Popen` tells it."""
        parts, end = [b""], time.monotonic() + timeout
        while self._result >= 0:
            if not select.select([self._result], [], [], max(0.0, end - time.monotonic()))[0]:
                raise subprocess.TimeoutExpired("module", timeout)
            parts.append(os.read(self._result, 65536))
            if not parts[-1]:
                os.close(self._result)
                self._result = -1
        return b"".join(parts).decode(), ""

    def kill(self) -> None:
        """End it, and return when it has ended. One that has ended long ago is left alone, and so is the process that
        has its number now.
        """
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        select.select([self._process], [], [])


@functools.lru_cache(maxsize=None)
def _forks() -> socket.socket:
    """The line to the process that forks, which ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
    )
    theirs.close()
    return ours


def serve(line: socket.socket) -> None:
    sys.path.insert(0, str(TESTS))
    from ansible_collections.cloudhost.lxd.tests.unit.running import MODULES  # noqa: PLC0415 - as below
    from integration.modules import ModuleFailed, run_module  # noqa: PLC0415 - the path to it is known only now

    for path in sorted(TESTS.parent.glob("plugins/modules/*.py")):
        importlib.import_module(MODULES + path.stem)
    while True:
        order, descriptors, _flags, _address = socket.recv_fds(line, LONGEST, 1)
        if not order:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        child = os.fork()
        if child:
            process = os.pidfd_open(child)  # before anybody waits for it, so its number is still its own
            socket.send_fds(line, [b"."], [process])
            os.close(process)
            os.close(descriptors[0])
            continue
        line.close()
        module, arguments, namespace = json.loads(order)
        if namespace is not None:
            enter(namespace)
        try:
            result = run_module(module, **arguments)
        except ModuleFailed as exc:
            result = exc.result
        with os.fdopen(descriptors[0], "w") as place:
            place.write(json.dumps(result))
        os._exit(0)


def enter(pid: int) -> None:
    """The network namespace of a process, see setns(2). `os.setns` is there since Python 3.12."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"the network namespace of {pid} cannot be entered")
    os.close(descriptor)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
