# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that is kept open for the commands of a play: what it costs nobody, what it leaves to nobody, and what
happens when it breaks.
"""

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
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _keeper
from reach.conftest import beside, by_line, open_line, until

ALONE = b"0\n"  # what $PPID is where a command is an exec of its own


@pytest.fixture
def way() -> str:
    return "line"


def running(server: Any, words: str) -> bool:
    """Whether a process with these words runs in the guest."""
    return words in server.daemon.cli("exec", "guest", "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


COMM = pathlib.Path("/proc/self/comm")


@pytest.fixture(autouse=True, scope="module")
def named() -> None:
    """A name for this process that the keepers inherit: the tests of the other daemon run beside, in a process with the
    same command line.
    """
    COMM.write_text(f"reach-{os.getpid()}")


def keepers() -> list[int]:
    """The processes that this one left to keep lines."""
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
    until("the other end of the line still runs in the guest", lambda: not running(server, "python3 -c"))


def test_what_a_command_finds_is_the_same(connect) -> None:  # type: ignore[no-untyped-def]
    ask = "env | grep -v ^_= | sort; id; pwd; umask; ulimit -a; ls -l /proc/self/fd | wc -l; cat /proc/self/status | grep -E '^(Sig|Cap|Groups)'"
    assert connect().exec_command(ask) == connect(keep_open=False).exec_command(ask)
    assert connect(user="tester").exec_command(ask) == connect(user="tester", keep_open=False).exec_command(ask)


PYTHON = "/bin/sh -c /usr/bin/python3"  # how Ansible runs a module that it gives as input
LOOK = b"""
import gc, json, locale, os, signal, sys, threading
status = [line for line in open("/proc/self/status") if line.startswith(("Sig", "Cap", "Groups", "Threads", "Umask"))]
print(json.dumps({
    "process": [status, sorted(os.listdir("/proc/self/fd")), os.getcwd(), threading.active_count()],
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "python": [sys.argv, sys.path, str(sys.flags), sys.executable, sys.prefix, __name__, __file__, gc.isenabled(), locale.getlocale(), sys.stdin.read()],
    "files": [str(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "environment": dict(os.environ),
}, sort_keys=True, indent=1))
"""


def forked(connection: Any, python: str = "/usr/bin/python3") -> bool:
    """Whether a program of Python goes on from what runs at the other end of the line, and is not started."""
    code, out, err = connection.exec_command(
        f"/bin/sh -c {python}", in_data=b"print(open('/proc/self/cmdline').read().split(chr(0))[1])"
    )
    assert (code, err) == (0, b""), err
    return out.rstrip() == b"-c"


@pytest.mark.parametrize("user", ["root", "tester"])
@pytest.mark.parametrize("name", ["python3", "python3.11"])
def test_what_a_program_of_python_finds_is_the_same(connect, user, name) -> None:  # type: ignore[no-untyped-def]
    line, alone = connect(user=user), connect(user=user, keep_open=False)
    assert forked(line, f"/usr/bin/{name}") and not forked(alone, f"/usr/bin/{name}")
    found = [connection.exec_command(f"/bin/sh -c /usr/bin/{name}", in_data=LOOK) for connection in (line, alone)]
    assert found[0][0] == 0, found[0]
    assert found[0][1].decode() == found[1][1].decode()


@pytest.mark.parametrize(
    "program",
    [
        b"raise SystemExit(7)",
        b"import sys; sys.exit('some words')",
        b"import os; os._exit(3)",
        b"import atexit; atexit.register(print, 'at the end'); print('a lot of it ' * 100000)",
        b"import threading, time; threading.Thread(target=lambda: (time.sleep(0.3), print('a thread'))).start()",
        b"import subprocess; subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 4'], check=False)",
    ],
)
def test_how_a_program_of_python_ends_is_the_same(connect, program) -> None:  # type: ignore[no-untyped-def]
    assert connect().exec_command(PYTHON, in_data=program) == connect(keep_open=False).exec_command(
        PYTHON, in_data=program
    )


def test_a_program_of_python_that_fails(connect) -> None:  # type: ignore[no-untyped-def]
    code, out, err = connect().exec_command(PYTHON, in_data=b"print('before', flush=True)\n1/0")
    assert (code, out, err.splitlines()[-1]) == (1, b"before\n", b"ZeroDivisionError: division by zero")
    assert connect().exec_command(PYTHON, in_data=b"import os; os.kill(os.getpid(), 9)")[0] == 137


ARCHIVE = b"""
import sys, zipfile, zipimport
with zipfile.ZipFile("/root/{name}.zip", "w") as archive:
    archive.writestr("lesson.py", "{source}" + "# and so on\\n" * 9)
sys.path.insert(0, "/root/{name}.zip")
import lesson
compiled = getattr(zipimport._compile_source, "__self__", None)
print(lesson.answer(), lesson.answer.__code__.co_filename, not compiled or len(compiled.new))
{end}
"""


def test_a_source_in_an_archive_is_compiled_once(connect) -> None:  # type: ignore[no-untyped-def]
    """As the `module_utils` that come with each module. The same source from elsewhere is not compiled, another one
    from the same place is.
    """
    connection = connect()
    assert forked(connection)

    def imported(name: str, number: int, end: str = "") -> tuple[int, str]:
        text = (
            ARCHIVE.decode()
            .replace("{name}", name)
            .replace("{source}", f"def answer():\\n return {number}\\n")
            .replace("{end}", end)
        )
        code, out, _err = connection.exec_command(PYTHON, in_data=text.encode())
        return code, out.decode().strip()

    assert imported("first", 1, "import os; os._exit(0)")[0] == 0  # it tells nothing
    assert imported("first", 1, "sys.exit(3)") == (3, "1 /root/first.zip/lesson.py 1")
    assert imported("second", 1) == (0, "1 /root/second.zip/lesson.py 0")
    assert imported("second", 2, "raise ValueError") == (1, "2 /root/second.zip/lesson.py 1")
    assert imported("first", 2) == (0, "2 /root/first.zip/lesson.py 0")
    code, _out, err = connection.exec_command(
        PYTHON, in_data=b"import sys; sys.path.insert(0, '/root/second.zip'); import lesson; lesson.answer(1)"
    )
    assert code == 1 and b"takes 0 positional arguments" in err


def test_another_python(connect) -> None:  # type: ignore[no-untyped-def]
    """That of a virtual environment, and one whose libraries are others since the line was opened."""
    connection = connect()
    assert forked(connection)
    connection.exec_command(
        "mkdir -p /venv/bin; ln -s /usr/bin/python3 /venv/bin/python3; echo home = /usr/bin >/venv/pyvenv.cfg"
    )
    assert not forked(connection, "/venv/bin/python3")
    assert (
        connection.exec_command("/bin/sh -c /venv/bin/python3", in_data=b"import sys; print(sys.prefix)")[1]
        == b"/venv\n"
    )
    libraries = "$(python3 -c 'import site; print(site.getsitepackages()[0])')"
    connection.exec_command(f"echo answer = 42 >{libraries}/meanwhile.py")
    try:
        assert not forked(connection)
        assert connection.exec_command(PYTHON, in_data=b"import meanwhile; print(meanwhile.answer)")[1] == b"42\n"
    finally:
        connection.exec_command(f"rm {libraries}/meanwhile.py; rm -r /venv")


def test_a_home_that_was_removed(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect(user="tester")
    connect().exec_command("mv /home/tester /home/away; mkdir /home/tester; chown tester: /home/tester")
    connect().exec_command("rm -r /home/away")
    assert by_line(connection)
    assert connection.exec_command(PYTHON, in_data=b"print('on')") == (0, b"on\n", b"")


def test_a_time_zone_that_is_set_meanwhile(connect) -> None:  # type: ignore[no-untyped-def]
    write = b"""
import struct
head = b"TZif" + bytes(16) + struct.pack(">6L", 0, 0, 0, 0, 1, 4)
with open("/etc/localtime", "wb") as stream:
    stream.write(head + struct.pack(">lBB", 9 * 3600, 0, 0) + b"JST" + bytes(1))
"""
    ask = b"import time; print(time.tzname[0])"
    connection = connect()
    assert connection.exec_command(PYTHON, in_data=ask)[1] == b"UTC\n"
    try:
        connection.exec_command("mv /etc/localtime /etc/localtime.before")
        assert connection.exec_command(PYTHON, in_data=write) == (0, b"", b"")
        assert forked(connection)
        assert connection.exec_command(PYTHON, in_data=ask)[1] == b"JST\n"
    finally:
        connection.exec_command("rm /etc/localtime; mv /etc/localtime.before /etc/localtime")


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
    until("the line is not free again", lambda: by_line(second))


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
    """By Ctrl-C; in the command that stays open with what it has started."""
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
    """Nobody knows what became of the command that ran, and the next one does not mind."""
    connection = connect()
    thread, failures = beside(connection, "touch /run/begun; sleep 60")
    until("the command does not run", lambda: running(server, "sleep 60"))
    for number in keepers():
        os.kill(number, signal.SIGKILL)
    thread.join(20)
    assert [type(failure) for failure in failures] == [AnsibleConnectionFailure]
    assert f"instance guest of {server.daemon.url} broke off. Whether it came to its end is not known" in str(
        failures[0]
    )
    assert connection.exec_command("echo on")[1] == b"on\n"


def test_a_command_that_comes_as_the_daemon_dies(connect, server) -> None:  # type: ignore[no-untyped-def]
    """The keeper, which is held here, finds the command and the end of its streams at the same time."""
    connection = connect()
    held = keepers()
    for number in held:
        os.kill(number, signal.SIGSTOP)
    server.daemon.kill()
    thread, failures = beside(connection, "touch /run/patient")
    try:
        until(
            "the command did not ask the keeper",
            lambda: pathlib.Path("/proc/net/unix").read_text().count(connection._memory("line")) > 1,
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
    open_line(connection)


def test_it_is_closed_when_nobody_needs_it(connect, server, guest, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(_keeper, "IDLE", 2.0)
    connection = connect()
    assert running(server, "python3 -c")
    until("the line is still open", lambda: not running(server, "python3 -c"))
    assert connection.exec_command("echo $PPID")[1] == ALONE
    open_line(connection)


def test_an_instance_without_python(connect, server, guest) -> None:  # type: ignore[no-untyped-def]
    server.run("instance", name=guest, config={"environment.PATH": "/nothing/here"})
    try:
        connection = connect(keep_open=False)
        connection.set_option("keep_open", True)
        for _command in range(5):
            assert connection.exec_command("echo $PPID") == (0, ALONE, b"")
        until("a keeper waits for what will not come", lambda: not keepers())
        assert connection.exec_command("echo $PPID") == (0, ALONE, b"")
    finally:
        server.daemon.cli("config", "unset", guest, "environment.PATH")


def test_an_instance_whose_python_is_slow_to_start(connect, server, guest, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(_keeper, "IDLE", 1.0)
    slow = "mkdir -p /slow; printf '#!/bin/sh\\nsleep 3\\nexec /usr/bin/python3 \"$@\"\\n' >/slow/python3; chmod +x /slow/python3"
    server.daemon.cli("exec", guest, "--", "sh", "-c", slow)
    server.run("instance", name=guest, config={"environment.PATH": "/slow:/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        connect()
    finally:
        server.daemon.cli("config", "unset", guest, "environment.PATH")


def test_a_process_left_behind_does_not_hold_the_line(connect) -> None:  # type: ignore[no-untyped-def]
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
    assert by_line(connection)
