# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin in a real container: commands, files, users, errors, and a daemon that goes away."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import signal
import threading
import tracemalloc

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.loader import become_loader
from reach.conftest import beside, until
from reach.control import PASSWORD

pytestmark = pytest.mark.both  # it depends on what the daemon does with commands and files

SIZE = 100 * 1024 * 1024


def become(connection, method: str, user: str, password: str | None = None) -> str:  # type: ignore[no-untyped-def]
    """Set up `become` for the connection, and return the command that prints the user."""
    plugin = become_loader.get(method)
    plugin.set_options(direct={"become_user": user, "become_pass": password})
    connection.set_become_plugin(plugin)
    return plugin.build_become_command("id -un", connection._shell)


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 126, 127, 255])
def test_exit_codes(connect, code) -> None:  # type: ignore[no-untyped-def]
    assert connect().exec_command(f"echo said; exit {code}") == (code, b"said\n", b"")


def test_the_exit_code_of_a_command_that_is_killed(connect) -> None:  # type: ignore[no-untyped-def]
    assert connect().exec_command("kill -9 $$")[0] == 137


def test_output_is_kept_byte_by_byte(connect) -> None:  # type: ignore[no-untyped-def]
    data = bytes(range(256)) * 8192  # 2 MiB, more than any buffer on the way
    script = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data); sys.stderr.buffer.write(data)"
    code, out, err = connect().exec_command(f'python3 -c "{script}"', in_data=data)
    assert (code, out == data, err == data) == (0, True, True)


def test_input_that_nobody_reads(connect) -> None:  # type: ignore[no-untyped-def]
    code, out, _err = connect().exec_command("echo done", in_data=b"x" * 4_000_000)
    assert (code, out) == (0, b"done\n")


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells(connect, server, guest, shell, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """`/bin/sh` is dash on Debian, bash on RHEL and busybox on Alpine."""
    server.daemon.cli("exec", guest, "--", "ln", "-sf", shell, "/bin/sh")
    try:
        connection = connect()
        assert connection.exec_command("echo $0; echo no >&2; exit 3") == (3, b"/bin/sh\n", b"no\n")
        assert connection.exec_command("cat", in_data=bytes(range(256))) == (0, bytes(range(256)), b"")
        assert connection.exec_command("kill -9 $$")[0] == 137
        assert (
            connection.exec_command(become(connection, "ansible.builtin.su", "tester"))[1].splitlines()[-1] == b"tester"
        )
        (tmp_path / "sent").write_bytes(b"by file")
        connection.put_file(str(tmp_path / "sent"), "/root/by-file")
        assert connection.exec_command("cat /root/by-file; rm /root/by-file")[1] == b"by file"
    finally:
        server.daemon.cli("exec", guest, "--", "ln", "-sf", "dash", "/bin/sh")


def test_commands_side_by_side(connect) -> None:  # type: ignore[no-untyped-def]
    """Each of many short commands returns its whole output. Some daemons close one stream in some hundreds early."""
    connections = [connect() for _worker in range(4)]

    def ask(number: int) -> tuple[int, bytes, bytes]:
        return connections[number % 4].exec_command(f"echo {number}; echo error {number} >&2; exit {number % 5}")

    def work(worker: int) -> dict[int, tuple[int, bytes, bytes]]:
        return {number: ask(number) for number in range(worker, 400, 4)}

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for answers in pool.map(work, range(4)):
            assert answers == {
                number: (number % 5, f"{number}\n".encode(), f"error {number}\n".encode()) for number in answers
            }


def test_no_client_is_started(control, guest, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Programs with the names of the clients come first on the path, and create a file when they run."""
    for name in ("lxc", "incus"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    control.hosts({guest: {}})
    done = control(
        "ansible",
        "api",
        "-m",
        "ansible.builtin.setup",
        "-a",
        "gather_subset=!all",
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    assert "SUCCESS" in done.stdout, done.stdout
    assert not (tmp_path / "started").exists()


def test_a_task_that_takes_too_long_is_killed(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    control.hosts({guest: {}})
    done = control("ansible", "api", "-m", "ansible.builtin.raw", "-a", "exec sleep 4321", "--task-timeout", "2")
    assert "imed out" in done.stdout, done.stdout
    until(
        "the command still runs in the guest",
        lambda: "sleep" not in server.daemon.cli("exec", guest, "--", "sh", "-c", "cat /proc/[0-9]*/comm"),
    )


# -- users ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["name", "number"])
def test_a_login_user(connect, by) -> None:  # type: ignore[no-untyped-def]
    uid = connect().exec_command("id -u tester")[1].decode().strip()
    connection = connect(user="tester" if by == "name" else uid)
    assert connection.exec_command('id -u; id -gn; pwd; echo "$HOME $USER"')[1].decode().split("\n")[:4] == [
        uid,
        "tester",
        "/home/tester",
        "/home/tester tester",
    ]


def test_a_user_number_that_nobody_has(connect) -> None:  # type: ignore[no-untyped-def]
    assert connect(user="4242").exec_command("id -u; id -g; pwd")[1] == b"4242\n4242\n/\n"


def test_a_user_is_looked_up_once(connect, server) -> None:  # type: ignore[no-untyped-def]
    """By the first worker of a run. The others read its result from a file."""
    first = connect(user="tester")
    first.exec_command("true")
    assert first._remembered()["user"] > 0
    second = connect(user="tester")
    second._looked_up = None  # type: ignore[assignment] # it would fail
    assert second.exec_command("id -un")[1] == b"tester\n"


def test_a_user_that_is_not_there(connect) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnsibleError, match="remote_user 'nobody-here': instance guest has no such user"):
        connect(user="nobody-here").exec_command("true")


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_become_from_root(connect, method) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    _code, out, _err = connection.exec_command(become(connection, f"ansible.builtin.{method}", "tester"))
    assert out.splitlines()[-1] == b"tester"


def test_become_with_a_password(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect(user="tester")
    command = become(connection, "ansible.builtin.sudo", "root", PASSWORD)
    code, out, err = connection.exec_command(command, in_data=b"input for the command")
    assert (code, out.splitlines()[-1]) == (0, b"root"), err
    assert PASSWORD.encode() not in out + err


def test_become_with_a_wrong_password(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect(user="tester")
    with pytest.raises(AnsibleError, match="Incorrect .*sudo password"):
        connection.exec_command(become(connection, "ansible.builtin.sudo", "root", "wrong"))


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_large_file_both_ways(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """100 MiB have the same checksum on both sides, and are never in memory as a whole."""
    block = os.urandom(1024 * 1024)
    there, back = tmp_path / "there", tmp_path / "back"
    with there.open("wb") as stream:
        for _count in range(SIZE // len(block)):
            stream.write(block)
    checksum = hashlib.sha256(block * (SIZE // len(block))).hexdigest()
    connection = connect()
    tracemalloc.start()
    try:
        connection.put_file(str(there), "/root/large")
        connection.fetch_file("/root/large", str(back))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024, peak
    assert connection.exec_command("sha256sum </root/large; rm /root/large")[1].split()[0].decode() == checksum
    assert back.stat().st_size == SIZE
    assert hashlib.sha256(back.read_bytes()).hexdigest() == checksum


def test_an_empty_file(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").touch()
    connection = connect()
    connection.put_file(str(tmp_path / "empty"), "/root/empty")
    connection.fetch_file("/root/empty", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b""


@pytest.mark.parametrize("user", ["root", "tester"])
def test_a_file_belongs_to_the_login_user(connect, tmp_path, user) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_bytes(b"a=1&b=2\n")
    path = f"/tmp/größe {user} %41&x=y"
    connection = connect(user=user)
    connection.put_file(str(tmp_path / "file"), path)
    assert (
        connection.exec_command(f"stat -c '%U %G %a' '{path}'; cat '{path}'")[1]
        == f"{user} {user} 600\na=1&b=2\n".encode()
    )


def test_complaint_59_a_push_that_fails_is_an_error(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(AnsibleError, match="/root/no/such/folder/file"):
        connect().put_file(str(tmp_path / "file"), "/root/no/such/folder/file")
    with pytest.raises(AnsibleFileNotFound):
        connect().put_file(str(tmp_path / "nothing"), "/root/file")


def test_a_helper_for_files_that_ends_meanwhile(connect, server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """It ends after some ten idle seconds. The daemon answers a request at that moment with error 500."""
    (tmp_path / "file").write_bytes(b"a file")
    connection = connect()
    enough = threading.Event()

    def kill() -> None:
        killed = 0
        while killed < 5 and not enough.is_set():
            killed += kill_helpers(server)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        try:
            while not killing.done():
                connection.put_file(str(tmp_path / "file"), "/root/file")
                connection.fetch_file("/root/file", str(tmp_path / "back"))
        finally:
            enough.set()
    connection.put_file(
        str(tmp_path / "file"), "/root/file"
    )  # one that was killed in the middle may have told the daemon that all was well
    connection.fetch_file("/root/file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"a file"


def kill_helpers(server) -> int:  # type: ignore[no-untyped-def]
    """Kill the helpers for files of this daemon. Returns their number."""
    killed = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if (
                b"forkfile" in path.read_bytes().split(b"\0")
                and os.fsencode(server.daemon.folder) in (path.parent / "environ").read_bytes()
            ):
                os.kill(int(path.parent.name), signal.SIGKILL)
                killed += 1
    return killed


def test_what_can_be_fetched(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    connection.exec_command("cd /root; echo here >file; ln -s file link; ln -s /root/link far; ln -s loop loop")
    for name in ("link", "far"):
        connection.fetch_file(f"/root/{name}", str(tmp_path / name))
        assert (tmp_path / name).read_text() == "here\n"
    for path, words in {
        "/root": "is a directory",
        "/root/nothing": "/root/nothing",
        "/root/loop": "link to itself",
    }.items():
        with pytest.raises(AnsibleError, match=words):
            connection.fetch_file(path, str(tmp_path / "never"))
        assert not (tmp_path / "never").exists()


# -- errors -----------------------------------------------------------------------------------------------------------


def test_an_instance_that_is_not_there(connect) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnsibleConnectionFailure, match="no instance gest in project default .* Did you mean 'guest'"):
        connect("gest").exec_command("true")


def test_an_instance_that_does_not_run(connect, server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    server.run("instance", name="asleep", source={"type": "none"}, state="stopped")
    try:
        with pytest.raises(AnsibleConnectionFailure, match="asleep .* is not running.*Start it"):
            connect("asleep").exec_command("true")
    finally:
        server.run("instance", name="asleep", state="absent")


def test_an_instance_that_is_frozen(connect, server, guest) -> None:  # type: ignore[no-untyped-def]
    server.run("instance", name=guest, state="frozen")
    try:
        with pytest.raises(AnsibleConnectionFailure, match="guest .* is (frozen|not running).*Start it"):
            connect().exec_command("true")
    finally:
        server.run("instance", name=guest, state="started")


def test_a_shell_that_is_not_there(connect) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    connection.set_option("executable", "/bin/no-such-shell")
    code, _out, err = connection.exec_command("true")
    assert (code, b"not found" in err) == (127, True)


def test_projects(connect, server, guest, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Complaint 61: the project is an option of each host, and commands and files keep to it."""
    server.run(
        "project",
        name="shop",
        config={"features.images": False, "features.profiles": False, "features.storage.volumes": False},
    )
    server.run("instance", name="till", image="debian/12", project="shop")
    try:
        with pytest.raises(AnsibleConnectionFailure, match="no instance till in project default"):
            connect("till").exec_command("true")
        with pytest.raises(AnsibleConnectionFailure, match="no instance guest in project shop"):
            connect(guest, project="shop").exec_command("true")
        connection = connect("till", project="shop")
        (tmp_path / "file").write_bytes(b"in the till")
        connection.put_file(str(tmp_path / "file"), "/root/file")
        assert connection.exec_command("cat /root/file; hostname")[1] == b"in the tilltill\n"
        connection.fetch_file("/root/file", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == b"in the till"
    finally:
        server.run("instance", name="till", project="shop", state="absent", force=True)
        server.run("project", name="shop", state="absent")


# -- a daemon that goes away ------------------------------------------------------------------------------------------


def test_a_daemon_that_restarts_between_commands(connect, server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    assert connection.exec_command("echo before")[1] == b"before\n"
    server.daemon.kill()
    server.daemon.start()
    assert connection.exec_command("echo after")[1] == b"after\n"
    (tmp_path / "file").write_bytes(b"x")
    server.daemon.kill()
    server.daemon.start()
    connection.put_file(str(tmp_path / "file"), "/root/file")


def test_a_daemon_that_is_starting_is_waited_for(connect, server) -> None:  # type: ignore[no-untyped-def]
    connection = connect()
    server.daemon.kill()
    starting = threading.Timer(0.3, server.daemon.start)  # when the command has met the socket that nobody listens at
    starting.start()
    try:
        assert connection.exec_command("echo patient")[1] == b"patient\n"
    finally:
        starting.join()


def test_a_daemon_that_dies_during_a_command(connect, server) -> None:  # type: ignore[no-untyped-def]
    connection = connect(timeout=20)
    thread, failures = beside(connection, "touch /run/started; sleep 60")
    until(
        "the command did not start",
        lambda: server.daemon.cli("exec", "guest", "--", "sh", "-c", "ls /run/started 2>/dev/null || true").strip(),
    )
    server.daemon.kill()
    server.daemon.start()
    thread.join(30)
    assert not thread.is_alive()
    assert [type(failure) for failure in failures] == [AnsibleConnectionFailure]
    assert "It is not known whether the command has ended" in str(failures[0])
