# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session: commands find what they find in a separate exec, it leaves nothing behind, and it may break."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _session_keeper
from reach.conftest import beside, in_session, open_session, until

pytestmark = pytest.mark.both  # it depends on what the daemon does with commands and files

ALONE = b"0\n"  # $PPID of a command in a separate exec


@pytest.fixture
def way() -> str:
    return "session"


def running(server: Any, words: str) -> bool:
    """Whether a process with these words runs in the guest."""
    return words in server.daemon.cli("exec", "guest", "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


COMM = pathlib.Path("/proc/self/comm")


@pytest.fixture(autouse=True, scope="module")
def named() -> None:
    """Name this process, and so its keepers: the tests of the other daemon have the same command line."""
    COMM.write_text(f"reach-{os.getpid()}")


def keepers() -> list[int]:
    """The session keepers that this process has started."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, session = (lambda fields: (fields[0], int(fields[3])))(path.read_text().rpartition(")")[2].split())
            mine = (path.parent / "comm").read_text() == COMM.read_text()
            if mine and state != "Z" and session != os.getsid(0):
                found.append(int(path.parent.name))
    return found


def test_a_play_uses_it_and_leaves_nothing(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    control.hosts({guest: {}})
    task = {"ansible.builtin.raw": "echo parent $PPID"}
    (control.folder / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "api", "gather_facts": True, "tasks": [task] * 6}])
    )
    done = control("ansible-playbook", str(control.folder / "play.yml"), "-v")
    assert done.returncode == 0, done.stdout
    parents = re.findall(r"parent (\d+)", done.stdout)
    assert len(parents) >= 6 and parents[-1] != "0", done.stdout
    until("the session agent still runs in the guest", lambda: not running(server, "python3 -c"))


def test_what_a_command_finds_is_the_same(connect) -> None:  # type: ignore[no-untyped-def]
    ask = (
        "env | grep -v ^_= | sort; id; pwd; umask; ulimit -a; ls -l /proc/self/fd | wc -l; "
        "cat /proc/self/status | grep -E '^(Sig|Cap|Groups)'"
    )
    assert connect().exec_command(ask) == connect(keep_open=False).exec_command(ask)
    assert connect(user="tester").exec_command(ask) == connect(user="tester", keep_open=False).exec_command(ask)


def test_its_output_has_a_name(connect) -> None:  # type: ignore[no-untyped-def]
    assert connect().exec_command("echo out >/dev/stdout; echo err | tee /dev/stderr >/dev/null") == (
        0,
        b"out\n",
        b"err\n",
    )


def test_a_command_that_comes_while_another_runs(connect, server) -> None:  # type: ignore[no-untyped-def]
    first, second = connect(), connect()
    thread, failures = beside(first, "touch /run/first; while [ -e /run/first ]; do :; done")
    until("the first does not run", lambda: running(server, "/run/first"))
    assert second.exec_command("echo $PPID; rm /run/first")[1] == ALONE
    thread.join(20)
    assert not thread.is_alive() and not failures
    until("the session is not free again", lambda: in_session(second))


def test_a_command_that_is_given_up_is_killed_with_its_children(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    control.hosts({guest: {}})
    tasks = [{"ansible.builtin.raw": "true"}] * 4 + [
        {"ansible.builtin.raw": "sleep 4322 & sleep 4323; true", "timeout": 3}
    ]
    (control.folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "api", "gather_facts": False, "tasks": tasks}]))
    done = control("ansible-playbook", str(control.folder / "play.yml"))
    assert "imed out" in done.stdout, done.stdout
    until("the command still runs in the guest", lambda: not running(server, "sleep 432"))


@pytest.mark.parametrize(
    ("keep_open", "command"), [(True, "sleep 4324 & sleep 4325; true"), (False, "exec sleep 4325")]
)
def test_a_play_that_is_interrupted_kills_its_command(control, server, guest, keep_open: bool, command: str) -> None:  # type: ignore[no-untyped-def]
    """By Ctrl-C. In a session, what the command has started is killed too."""
    control.variables["ansible_lxd_keep_open"] = keep_open
    control.hosts({guest: {}})
    tasks = [{"ansible.builtin.raw": "true"}] * 4 + [{"ansible.builtin.raw": command}]
    (control.folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "api", "gather_facts": False, "tasks": tasks}]))
    play = control.begin("ansible-playbook", str(control.folder / "play.yml"))
    try:
        until("the command does not run", lambda: running(server, "sleep 4325"))
        os.killpg(play.pid, signal.SIGINT)  # as a terminal does
        assert play.wait(30) != 0
    finally:
        play.kill()
        play.wait()
    until("the command still runs in the guest", lambda: not running(server, "sleep 432"))


def test_a_keeper_that_dies(connect, server) -> None:  # type: ignore[no-untyped-def]
    """It is not known whether the command has ended. The next command works."""
    connection = connect()
    thread, failures = beside(connection, "touch /run/begun; sleep 60")
    until("the command does not run", lambda: running(server, "sleep 60"))
    for number in keepers():
        os.kill(number, signal.SIGKILL)
    thread.join(20)
    assert [type(failure) for failure in failures] == [AnsibleConnectionFailure]
    message = f"instance guest of {server.daemon.url} broke during a command. It is not known whether the command has"
    assert message in str(failures[0])
    assert connection.exec_command("echo on")[1] == b"on\n"


def test_a_command_that_comes_as_the_daemon_dies(connect, server) -> None:  # type: ignore[no-untyped-def]
    """The keeper, which is stopped here, finds the command and the end of its streams at the same time."""
    connection = connect()
    held = keepers()
    for number in held:
        os.kill(number, signal.SIGSTOP)
    server.daemon.kill()
    thread, failures = beside(connection, "touch /run/patient")
    try:
        until(
            "the command did not ask the keeper",
            lambda: pathlib.Path("/proc/net/unix").read_text().count(connection._shared_path("session")) > 1,
        )
    finally:
        for number in held:
            os.kill(number, signal.SIGCONT)
        server.daemon.start()
    thread.join(30)
    assert not thread.is_alive() and not failures
    assert connection.exec_command("ls /run/patient")[0] == 0


def test_an_instance_that_is_frozen_meanwhile(connect, server, guest) -> None:  # type: ignore[no-untyped-def]
    connection = connect(timeout=2)
    server.run("instance", name=guest, state="frozen")
    try:
        with pytest.raises(AnsibleConnectionFailure, match="guest .* is (frozen|not running).*Start it"):
            connection.exec_command("touch /run/thawed")
    finally:
        server.run("instance", name=guest, state="started")
    assert connection.exec_command("ls /run/thawed")[0] != 0, "a command that was given up ran all the same"


def test_an_instance_that_restarts_meanwhile(connect, server, guest) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    server.run("instance", name=guest, state="restarted", force=True)
    assert connection.exec_command("echo $PPID") == (0, ALONE, b"")
    open_session(connection)


def test_it_is_closed_when_it_is_idle(connect, server, guest, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(_session_keeper, "IDLE", 2.0)
    connection = connect()
    assert running(server, "python3 -c")
    until("the session is still open", lambda: not running(server, "python3 -c"))
    assert connection.exec_command("echo $PPID")[1] == ALONE
    open_session(connection)


def test_an_instance_without_python(connect, server, guest) -> None:  # type: ignore[no-untyped-def]
    server.run("instance", name=guest, config={"environment.PATH": "/nothing/here"})
    try:
        connection = connect(keep_open=False)
        connection.set_option("keep_open", True)
        for _command in range(5):
            assert connection.exec_command("echo $PPID") == (0, ALONE, b"")
        until("a keeper waits for a session that cannot start", lambda: not keepers())
        assert connection.exec_command("echo $PPID") == (0, ALONE, b"")
    finally:
        server.daemon.cli("config", "unset", guest, "environment.PATH")


def test_an_instance_whose_python_is_slow_to_start(connect, server, guest, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(_session_keeper, "IDLE", 1.0)
    script = '#!/bin/sh\\nsleep 3\\nexec /usr/bin/python3 "$@"\\n'
    slow = f"mkdir -p /slow; printf '{script}' >/slow/python3; chmod +x /slow/python3"
    server.daemon.cli("exec", guest, "--", "sh", "-c", slow)
    server.run("instance", name=guest, config={"environment.PATH": "/slow:/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        connect()
    finally:
        server.daemon.cli("config", "unset", guest, "environment.PATH")


def test_a_process_left_behind_does_not_block_the_session(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    assert connection.exec_command("sleep 30 & echo $!; echo left behind >&2")[2] == b"left behind\n"
    assert (
        connection.exec_command(
            "pkill -x sleep || for p in /proc/[0-9]*; do grep -qsx sleep $p/comm && kill ${p#/proc/}; done; echo on"
        )[1]
        == b"on\n"
    )
    assert connection.exec_command("exec >&- 2>&-; sleep 0.2; exit 5") == (5, b"", b"")
    code, out, _err = connection.exec_command("while :; do echo y || exit; done & echo on")
    assert code == 0 and b"on" in out.splitlines()
    assert connection.exec_command("exec <&-; sleep 0.2; echo on", in_data=b"x" * 4_000_000)[1] == b"on\n"
    assert in_session(connection)
