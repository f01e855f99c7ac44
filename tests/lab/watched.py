# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hooks of pytest for sessions with daemons.

The report of a test that fails has what each daemon logged meanwhile. If a daemon has died that no test killed, the
session ends at once and has failed, because each of the tests that follow would wait until its retries are over. A
conftest.py imports the hooks that it wants.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
from typing import Any, Callable, Iterator

import pytest

from .daemon import Daemon

#: How many lines of a log are shown: after a failure, and of a daemon that has died.
LINES, LAST_LINES = 40, 100
#: How many seconds a daemon has to take a connection, and to write its stacks.
PATIENCE = 20
#: What else tells about a test that fails: functions that return headings with their texts.
WITNESSES: list[Callable[[], dict[str, str]]] = []
_begins: dict[Daemon, int] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _begins.clear()
    _begins.update({daemon: _size(daemon.log) for daemon in Daemon.running})


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        report.sections += _said()
    dead = [words for words in map(_death, Daemon.running) if words] if report.failed or call.when == "teardown" else []
    if dead:
        tell = item.config.pluginmanager.get_plugin("terminalreporter")
        tell.section("a daemon has died", red=True)
        tell.write("\n".join([f"seen after {item.nodeid} ({call.when})", *dead, ""]))
        item.session.shouldfail = f"the session ends at {item.nodeid}: a daemon has died"


def _said() -> list[tuple[str, str]]:
    sections = []
    for daemon in Daemon.running:
        lines = _since(daemon.log, _begins.get(daemon, 0))
        heading = f"{daemon.name}, {'killed by the test' if daemon.killed else _state(daemon) or 'which runs'}"
        sections.append((f"log of {heading}", "\n".join(lines[-LINES:])))
    for witness in WITNESSES:
        try:
            sections += witness().items()
        except Exception as exc:  # noqa: BLE001 - what failed before is the news
            sections.append(("more logs", f"cannot be read: {exc}"))
    return sections


def _state(daemon: Daemon) -> str:
    """What is wrong with a daemon. Nothing is where it takes connections."""
    assert daemon.process is not None
    status = daemon.process.poll()
    if status is not None:
        return f"which was ended by {signal.Signals(-status).name}" if status < 0 else f"which ended with {status}"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.connect(str(daemon.place))
        except (ConnectionRefusedError, FileNotFoundError) as exc:
            return f"which runs and does not listen ({exc})"
        except OSError:  # it is too busy, or a test has stopped it
            pass
    return ""


def _death(daemon: Daemon) -> str:
    """The last words of a daemon that has died, and that no test killed; from now on it counts as killed, so a fixture
    may start another one to tidy up.
    """
    state = "" if daemon.killed else _state(daemon)
    if not state or daemon.process is None:
        return ""
    daemon.killed = True
    begin, pid, lines = _size(daemon.log), daemon.process.pid, _since(daemon.log, 0)[-LAST_LINES:]
    if daemon.process.poll() is None:  # what are its threads at?
        daemon.process.send_signal(signal.SIGABRT)
        try:
            daemon.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            daemon.kill()
        lines += _since(daemon.log, begin)[: 4 * LAST_LINES]
    heading = f"{daemon.name} (process {pid}), {state}, and no test has killed it. {_machine(daemon)}"
    return "\n    ".join([heading, *_kernel(pid), "The last lines of its log:", *lines])


def _machine(daemon: Daemon) -> str:
    memory = pathlib.Path("/proc/meminfo").read_text().split("\n")[2].split()[1]
    free = shutil.disk_usage(daemon.folder.parent).free
    return f"{int(memory) >> 10} MiB of memory are available, and {free >> 20} MiB in its folder."


def _kernel(pid: int) -> list[str]:
    """What the kernel logged about it, if it may be asked."""
    try:
        done = subprocess.run(["dmesg"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    except OSError:
        return []
    words = (f"[{pid}]", f" {pid} ", "out of memory", "oom-kill")
    return [line for line in done.stdout.splitlines() if any(word in line.lower() for word in words)][-10:]


def _size(path: pathlib.Path) -> int:
    return os.path.getsize(path) if path.exists() else 0


def _since(path: pathlib.Path, begin: int) -> list[str]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace").splitlines()
