# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command, and write down what it and all its descendants cost.

Daemons, monitors of containers and whatever else loses its parent become children of this process, so their processor
time is known when they end. A cgroup would not tell: LXD and Incus put their containers into groups of their own at the
root.

Usage: measured.py REPORT [--leaves] COMMAND [ARGUMENT...]

The report is JSON: `wall` and `cpu` in seconds, `exit` status, `left`: what still ran two seconds after the command
ended, and `files`: what it left in its folder for temporary files, and of the folders that daemons of tests live in.
What runs is killed, what is there is removed, and both make the run fail, unless the command is one that `--leaves`
services behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Iterator

PR_SET_CHILD_SUBREAPER = 36
#: How many seconds a process may take that is ending when the command has ended.
GRACE = 2.0
TICKS = os.sysconf("SC_CLK_TCK")
#: What stays in the temporary folder for what tests do on purpose: pytest keeps the folders of its last runs, and
#: an Ansible or a module that a test kills cannot tidy up.
ON_PURPOSE = ("pytest-of-*", "pymp-*", "ansible_*_payload_*")
#: Where tests/lab/folder.py makes folders: those of one command have its number.
LABS = "/var/tmp/cloudhost-*-{}-*"


class Process:
    """One entry of /proc, see proc_pid_stat(5)."""

    def __init__(self, pid: int) -> None:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
        fields = text[text.rindex(")") + 2 :].split()
        self.pid, self.name = pid, text[text.index("(") + 1 : text.rindex(")")]
        self.state, self.parent = fields[0], int(fields[1])
        self.cpu = sum(int(ticks) for ticks in fields[11:15]) / TICKS  # its own and that of children it has waited for

    @property
    def words(self) -> str:
        with contextlib.suppress(OSError):
            return (
                f"{self.pid} "
                + pathlib.Path(f"/proc/{self.pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
                .strip()[:200]
            )
        return f"{self.pid} {self.name}"


def descendants() -> list[Process]:
    """What is below this process, parents before children."""
    by_parent: dict[int, list[Process]] = {}
    for process in _processes():
        by_parent.setdefault(process.parent, []).append(process)
    found = [child for child in by_parent.get(os.getpid(), []) if child.state != "Z"]
    for process in found:
        found += by_parent.get(process.pid, [])
    return found


def _processes() -> Iterator[Process]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                yield Process(int(entry))


class Temporary:
    """A folder for all temporary files of a command. Its name is short, because paths of sockets are in it."""

    def __init__(self) -> None:
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="run-"))
        self.path.chmod(0o1777)  # other users write there too
        self.environ = {"TMPDIR": str(self.path), "CLOUDHOST_TEST_NUMBER": str(os.getpid())}

    def removed(self) -> list[str]:
        """Remove all of it. Returns what should not have been there any more."""
        known = {path for pattern in ON_PURPOSE for path in self.path.glob(pattern)}
        labs = [pathlib.Path(name) for name in glob.glob(LABS.format(os.getpid()))]
        left = sorted(str(path) for path in [*self.path.iterdir(), *labs] if path not in known)
        for path in labs:
            subprocess.run(["umount", "--quiet", "--lazy", str(path)], check=False)  # those in memory
        for path in [self.path, *labs]:
            shutil.rmtree(path, ignore_errors=True)
        return left


def main() -> int:
    report, *command = sys.argv[1:]
    leaves = command[0] == "--leaves"
    command = command[1:] if leaves else command
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    temporary = None if leaves else Temporary()  # services that go on would lose theirs
    begin = time.monotonic()
    child = os.posix_spawnp(command[0], command, {**os.environ, **(temporary.environ if temporary else {})})
    cpu, status = 0.0, None
    for number in (signal.SIGTERM, signal.SIGINT):  # once it has ended, another process may have its number
        signal.signal(number, lambda received, _frame: status is None and os.kill(child, received))
    while status is None:
        pid, ended, usage = os.wait4(-1, 0)
        cpu += usage.ru_utime + usage.ru_stime
        if pid == child:
            status = os.waitstatus_to_exitcode(ended)
    wall = time.monotonic() - begin
    cpu += reap(0.0 if leaves else GRACE)
    left = descendants()
    cpu += sum(process.cpu for process in left)
    words = [process.words for process in left]
    if left and not leaves:
        print("still running, and killed:", *words, sep="\n    ", flush=True)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        status = status or 1
    files = temporary.removed() if temporary else []
    if files:
        print("left in the folder for temporary files, and removed:", *files, sep="\n    ", flush=True)
        status = status or 1
    told = {"wall": wall, "cpu": cpu, "exit": status, "left": words, "files": files}
    pathlib.Path(report).write_text(json.dumps(told))
    return status if status >= 0 else 128 - status


def reap(seconds: float) -> float:
    """Wait for children that are ending, `seconds` at most; their processor time."""
    cpu, end = 0.0, time.monotonic() + seconds
    while True:
        try:
            pid, _status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
        elif time.monotonic() > end:
            return cpu
        else:
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
