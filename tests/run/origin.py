# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has loaded Ansible and is forked for each ansible-playbook, or for each module (`started.py`).

Usage: origin.py KIND SOCKET SESSION

It ends where the process SESSION ends or says so. What Ansible warns of while it is loaded, nobody sees: the first
ansible-playbook with these settings, which is no fork, has said it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import marshal
import multiprocessing.util
import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
import traceback
import types
from typing import Any

import started

CLONE_NEWNET = 0x40000000
#: How many objects are made before Python looks for cycles among them.
OBJECTS = 50_000
_PLUGINS = {
    "action": "assert command copy debug fail gather_facts include_vars normal service set_fact template "
    "validate_argument_spec",
    "cache": "jsonfile memory",
    "callback": "default",
    "connection": "local",
    "filter": "core encryption mathstuff urls urlsplit",
    "inventory": "advanced_host_list auto constructed host_list ini script toml yaml",
    "lookup": "env file items template vars",
    "shell": "sh",
    "strategy": "linear",
    "test": "core files mathstuff uri",
    "vars": "host_group_vars",
}
_LIBRARY = (
    "base64 datetime grp hashlib http.client json platform pwd resource runpy shlex shutil ssl subprocess urllib.parse "
    "zipfile zipimport"
)
#: What a playbook and a module import of Ansible and of Python. What an Ansible does not have is left out.
LOADED = {
    started.PLAYBOOK: [
        "ansible.cli.playbook",
        "ansible.executor.playbook_executor",
        "concurrent.futures.thread",
        *(f"ansible.plugins.{kind}.{name}" for kind, names in _PLUGINS.items() for name in names.split()),
    ],
    started.MODULE: [
        "ansible.module_utils.basic",
        "ansible.module_utils._internal._ansiballz._loader",
        *_LIBRARY.split(),
    ],
}


class Origin:
    def __init__(self, kind: str, path: str, session: str) -> None:
        self.kind = kind
        # not the network of a test, which would stay with this process
        self.network = enter(f"/proc/{session}/ns/net", enter("/proc/self/ns/net", None))
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.bind(path)
        self.line.listen(64)  # who comes now waits until all is loaded
        self.events = selectors.DefaultSelector()
        self.events.register(self.line, selectors.EVENT_READ, self.order)
        self.events.register(os.pidfd_open(int(session)), selectors.EVENT_READ, sys.exit)

    def serve(self) -> None:
        while True:
            for key, _events in self.events.select():
                if self.events.get_map().get(key.fd) is key:  # and has not been ended by an event before
                    key.data()

    def order(self) -> None:
        """Fork for it."""
        line, _address = self.line.accept()
        with contextlib.suppress(ConnectionError):
            said, descriptors, _flags, _address = socket.recv_fds(line, started.LONGEST, 5)
            if said == started.END:
                self.line.close()
                sys.exit()  # the line to the session is closed as the last one, when this process has ended
            if said:
                self.fork(line, said, descriptors)
                return
        line.close()  # whoever had it was killed

    def fork(self, line: socket.socket, said: bytes, descriptors: list[int]) -> None:
        pid = os.fork()
        if not pid:
            for key in list(self.events.get_map().values()):
                os.close(key.fd)
            self.events.close()
            os.close(line.detach())
            run(said, descriptors, self.network)
        for descriptor in descriptors:
            os.close(descriptor)
        process = os.pidfd_open(pid)
        self.events.register(process, selectors.EVENT_READ, lambda: self.ended(pid, process, line))
        self.events.register(line, selectors.EVENT_READ, lambda: self.alone(process, line))
        with contextlib.suppress(OSError):
            line.send(str(pid).encode())

    def ended(self, pid: int, process: int, line: socket.socket) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.events.unregister(process)
        os.close(process)
        if line in self.events.get_map():
            self.events.unregister(line)
        with contextlib.suppress(OSError):
            line.send(str(status).encode())
        line.close()

    def alone(self, process: int, line: socket.socket) -> None:
        """Whoever waited for this fork has been killed."""
        self.events.unregister(line)
        signal.pidfd_send_signal(process, signal.SIGKILL)


def enter(path: str, before: tuple[int, int] | None) -> tuple[int, int]:
    """A network namespace, see setns(2), if it is another one than before. Not every Python has `os.setns`. Without
    `before`, this only says which one it is.
    """
    descriptor = os.open(path, os.O_RDONLY)
    found = os.fstat(descriptor)
    namespace = found.st_dev, found.st_ino
    if before and namespace != before and ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"{path} cannot be entered")
    os.close(descriptor)
    return namespace


def load(kind: str) -> None:
    for name in LOADED[kind]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    os.chdir("/")
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS)


def run(order: bytes, descriptors: list[int], network: tuple[int, int]) -> None:
    """The program, in this process, which ends with it."""
    status = 1
    try:
        become(*marshal.loads(order), descriptors, network)
        status = ended(sys.argv[0])
    except BaseException:
        traceback.print_exc()
    finally:
        for file in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                file.flush()
        os._exit(status)


def become(
    argv: list[str],
    environ: dict[str, str],
    mask: int,
    signals: list[int],
    descriptors: list[int],
    network: tuple[int, int],
) -> None:
    """What the process is that this one stands for."""
    atexit._clear()  # what the origin does at its end
    atexit.register(multiprocessing.util._exit_function)
    os.setsid()  # what ends its own group does not end others
    for number in range(3):
        os.dup2(descriptors[number], number)
    enter(f"/proc/self/fd/{descriptors[3]}", network)
    os.fchdir(descriptors[4])
    for descriptor in descriptors:
        os.close(descriptor)
    os.umask(mask)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual if number in signals else signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None
    sys.argv = argv
    unbuffered = bool(environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        binary = open(number, "wb" if number else "rb", 0 if number and unbuffered else -1, closefd=False)  # noqa: SIM115
        file = io.TextIOWrapper(
            binary,
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=number == 2 and not unbuffered,
            write_through=bool(number) and unbuffered,
        )
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def ended(path: str) -> int:
    """Run a program as the main one, to its end. Returns its exit status."""
    main = types.ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    with open(path, "rb") as file:
        text = file.read()
    status: Any = 0
    try:
        exec(compile(text, path, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as exc:
        status = exc.code
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
        return 1
    return status or 0


if __name__ == "__main__":
    origin = Origin(*sys.argv[1:])
    load(origin.kind)
    for number in (1, 2):  # whoever made this process waits for that
        os.dup2(0, number)
    origin.serve()
