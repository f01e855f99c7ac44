# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-playbook and modules as forks of processes that have loaded Ansible (`origin.py`), in a session of
tests: to load it takes longer than most of them run.

`Session` makes a folder for the sockets of these processes, as a plugin of pytest too. `sitecustomize.py` calls
`hand_over` in each ansible-playbook and in each module that is started. That process stays: it waits for its fork,
passes signals on, and ends as the fork ends. The fork has its environment, arguments, files, folder and network
namespace. A process that differs in more from those before it runs by itself.

Ansible reads its settings while it is loaded, so there is one origin for each environment of ansible-playbook. It is
made where an environment comes for the second time.

The part that each process runs imports as little as it can.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The number of the process of the session, and a folder. Empty or not there: nothing is handed over.
PLACE = "CLOUDHOST_TEST_STARTED"
PLAYBOOK, MODULE = "ansible-playbook", "AnsiballZ_"
#: Variables that change nothing of what Ansible loads.
PASSED = {"PYTEST_CURRENT_TEST", "OLDPWD", "PWD", "SHLVL", "_", PLACE}
#: Namespaces that a process has to share with the session. The fork enters that of the network.
NAMESPACES = ("cgroup", "ipc", "mnt", "pid", "user", "uts")
#: A folder that is another one where a collection is installed again.
MODULES = "ansible_collections/cloudhost/lxd/plugins/modules"
#: The longest message, in bytes.
LONGEST = 1 << 17
#: How many origins a session has at most: each takes about 60 MiB.
MOST = 12
#: What ends an origin.
END = b"end"


# -- in a session -----------------------------------------------------------------------------------------------------


def beside(environ: dict[str, str]) -> dict[str, str]:
    """Variables with which each Python does what `sitecustomize.py` says."""
    return {**environ, "PYTHONPATH": os.pathsep.join([environ["PYTHONPATH"], os.path.dirname(__file__)])}


class Session:
    """While it is open, what is started with `environ` is handed over."""

    def __enter__(self) -> Session:
        import tempfile

        self.folder = tempfile.TemporaryDirectory(prefix="started-")
        self.environ = {PLACE: f"{os.getpid()}:{self.folder.name}"}
        return self

    def __exit__(self, *_error: object) -> None:
        from _socket import AF_UNIX, SOCK_SEQPACKET, socket

        for entry in os.scandir(self.folder.name):
            line = socket(AF_UNIX, SOCK_SEQPACKET)
            try:
                line.connect(entry.path)
                line.send(END)
                while line.recv(LONGEST):
                    pass  # until it has removed its temporary files
            except OSError:  # no socket, or nobody listens
                pass
            line.close()
        self.folder.cleanup()


def pytest_sessionstart(session: Any) -> None:
    session.config.started = Session().__enter__()
    os.environ.update(session.config.started.environ)


def pytest_sessionfinish(session: Any) -> None:
    os.environ.pop(PLACE, None)
    session.config.started.__exit__()


# -- in a process that was started ------------------------------------------------------------------------------------


def hand_over(program: str) -> None:
    """Does not return where a fork has run the program in the place of this process."""
    import _signal as signal
    from marshal import dumps

    signals = [
        number
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
        if signal.getsignal(number) != signal.SIG_IGN
    ]
    os.umask(mask := os.umask(0))
    try:
        line = _line(program)
        if not line:
            return
        files = [0, 1, 2, os.open("/proc/self/ns/net", os.O_RDONLY), os.open(".", os.O_PATH)]
        order = dumps((sys.orig_argv[1:], dict(os.environ), mask, signals))
        if len(order) > LONGEST:
            return
        line.sendmsg([order], [(1, 1, b"".join(number.to_bytes(4, sys.byteorder) for number in files))])
        pid = line.recv(LONGEST)
    except OSError:
        return
    if not pid:
        return
    for number in signals:
        signal.signal(number, lambda received, _frame: os.kill(int(pid), received))
    ended = int(line.recv(LONGEST) or -signal.SIGKILL)
    if ended < 0:
        if -ended != signal.SIGKILL:
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    os._exit(ended)


def _line(program: str) -> Any:
    """A line to a process that can be forked in the place of this one; None where this one has to run."""
    from _sha1 import sha1
    from _socket import AF_UNIX, SOCK_SEQPACKET, socket

    session, _, folder = os.environ[PLACE].partition(":")
    spaces = (os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES for pid in ("self", session))
    if any(space != next(spaces) for space in spaces) or os.isatty(1):
        return None
    if len(os.listdir("/proc/self/fd")) > 4:  # those that all have, and that of the folder
        return None
    kind = MODULE if program.startswith(MODULE) else program
    state: list[Any] = [kind, sys.executable, sys.path, os.getresuid(), os.getresgid(), os.getgroups()]
    if kind == MODULE:
        state += sorted(pair for pair in os.environ.items() if pair[0].startswith(("PYTHON", "LD_")))
    else:
        state += sorted(pair for pair in os.environ.items() if pair[0] not in PASSED)
        places = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep)
        state += [_version(os.path.join(place, MODULES)) for place in places]
        settings = os.environ.get("ANSIBLE_CONFIG", ""), "ansible.cfg", os.path.expanduser("~/.ansible.cfg")
        state += map(_version, settings)
    path = os.path.join(folder, sha1(repr(state).encode("utf-8", "surrogateescape")).hexdigest()[:16])
    line = socket(AF_UNIX, SOCK_SEQPACKET)
    try:
        line.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        if not _make(kind, path, session):
            return None
        line.connect(path)
    return line


def _make(kind: str, path: str, session: str) -> bool:
    """Make the process that listens there, where that is worth while. Raises OSError where another one makes it."""
    try:
        os.close(os.open(f"{path}.once", os.O_CREAT | os.O_EXCL))
        if kind != MODULE:
            return False
    except FileExistsError:
        pass
    if sum(name.endswith(".made") for name in os.listdir(os.path.dirname(path))) >= MOST:
        return False
    os.close(os.open(f"{path}.made", os.O_CREAT | os.O_EXCL))
    import subprocess

    made = subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(__file__), "origin.py"), kind, path, session],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert made.stdout
    made.stdout.read()  # until it has loaded all
    return True


def _version(path: str) -> Any:
    """What tells a file or folder from what it was and from others."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return os.path.abspath(path), found.st_ino, found.st_size, found.st_mtime_ns
