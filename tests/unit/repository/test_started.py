# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fork that stands for a process which was started does what that would do (`tests/run/started.py`, `origin.py`)."""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).resolve().parents[2] / "run"
#: Tells what it is, and ends as its argument says.
PROGRAM = """
import atexit, json, os, resource, signal, sys, threading
how = sys.argv[1]
atexit.register(print, "registered")
print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": __file__, "path": sys.path[0], "modules": "__main__" in sys.modules,
    "environ": {name: os.environ.get(name) for name in ("OWN", "PYTEST_CURRENT_TEST", "HOME")},
    "folder": os.getcwd(), "umask": os.umask(0), "read": sys.stdin.read(),
    "signals": [signal.getsignal(one) == signal.SIG_IGN for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)],
    "buffered": [sys.stdout.line_buffering, sys.stderr.line_buffering],
    "network": os.readlink("/proc/self/ns/net"), "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "threads": threading.active_count(),
    # Ansible opens one while it is loaded
    "files": sorted(os.listdir("/proc/self/fd")) if "AnsiballZ" in __file__ else None,
}))
print("an error", file=sys.stderr)
threading.Thread(target=lambda: threading.main_thread().join() or print("a thread")).start()
print("pid", os.getpid(), flush=True)
if how == "waits":
    signal.pause()
elif how == "fails":
    raise OSError("it fails")
elif how.isdigit():
    sys.exit(int(how))
elif how == "says":
    sys.exit("why")
elif how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["ansible-playbook", "AnsiballZ_ping.py"])
def begin(request, tmp_path):
    """Begin a program by one of these names, as a session begins it, or by itself."""
    sys.path.insert(0, str(RUN))
    try:
        import started
    finally:
        sys.path.remove(str(RUN))
    program = tmp_path / request.param
    program.write_text(PROGRAM)
    session = started.Session().__enter__()
    place = session.environ[started.PLACE]

    def begin(how, forked, unbuffered="", **more):
        environ = {**os.environ, "PYTHONPATH": str(RUN), "PYTHONPYCACHEPREFIX": str(tmp_path / "kept"), "OWN": "own"}
        environ[started.PLACE] = place if forked else ""
        environ["PYTHONUNBUFFERED"] = unbuffered
        return subprocess.Popen(
            [sys.executable, str(program), how],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    for _ in range(2):  # of playbooks, the first one runs by itself, and the second one makes the origin
        begin("0", True).communicate("")
    yield begin
    session.__exit__()
    assert not os.path.exists(place.partition(":")[2])


def ran(process):
    """What a program said but its pid, how it ended, and whether another process ran it."""
    said, errors = process.communicate("given", timeout=600)
    lines = said.splitlines()
    (pid,) = [int(line.split()[1]) for line in lines if line.startswith("pid ")]
    told = [json.loads(line) if line.startswith("{") else line for line in lines if not line.startswith("pid ")]
    return (told, errors, process.returncode), pid != process.pid


def test_it_says_and_ends_as_the_process_would(begin, tmp_path):
    for how in ("0", "7", "says", "killed"):
        (plain, itself), (found, other) = (
            ran(begin(how, forked, cwd=tmp_path, umask=0o27)) for forked in (False, True)
        )
        assert (itself, other) == (False, True)
        assert found == plain and plain[0][0]["umask"] == 0o27 and plain[0][0]["read"] == "given"
        assert ("registered" in plain[0]) == (how != "killed") and "an error" in plain[1]


def test_an_error_is_told(begin):
    (_told, errors, status), other = ran(begin("fails", True))
    assert other and status == 1 and errors.rstrip().endswith("OSError: it fails")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_reach_it_and_it_does_not_outlive_who_waits_for_it(begin, number):
    process = begin("waits", True)
    process.stdin.close()
    line = ""
    while not line.startswith("pid "):
        line = process.stdout.readline()
    pid = int(line.split()[1])
    assert pid != process.pid
    fork = os.pidfd_open(pid)
    process.send_signal(number)
    assert process.wait(600) == -number
    assert select.select([fork], [], [], 600)[0], "it runs alone"
    os.close(fork)
    process.stdout.close(), process.stderr.close()


def test_what_differs_more_runs_by_itself(begin, tmp_path, monkeypatch):
    """Files that a fork would not have, and for a playbook, other settings of Ansible."""
    with open(os.devnull) as file:
        assert not ran(begin("0", True, pass_fds=[file.fileno()]))[1]
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "other")
    (told, _errors, _status), other = ran(begin("0", True))
    assert other == ("AnsiballZ" in told[0]["file"])
