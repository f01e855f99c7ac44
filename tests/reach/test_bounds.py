# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of the connection (docs/security.md): the right instance, files of the user, complete requests and input."""

from __future__ import annotations

import concurrent.futures
import copy
import io
import os
import secrets
import time
import types
from typing import Any, Callable, Iterator

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._exec import STDIN, Command
from lab.cutting import Cutting

pytestmark = pytest.mark.both  # it depends on what the daemon does with commands and files

#: For tests that a session does not affect.
each_an_exec = pytest.mark.parametrize("way", ["exec"])
WHO = "echo $(cat /etc/which) $(id -un)"


# -- which instance, as whom ------------------------------------------------------------------------------------------


@pytest.fixture
def cutting(server, tmp_path) -> Iterator[Cutting]:  # type: ignore[no-untyped-def]
    cutting = Cutting(str(tmp_path / "s"), str(server.daemon.socket))
    yield cutting
    cutting.close()


def test_hosts_of_one_name_in_a_loop_and_later(control, guest, twin) -> None:  # type: ignore[no-untyped-def]
    """Ansible gives one connection the options of one item after the other.

    The sessions that are opened meanwhile serve the second play.
    """
    wanted = {"one": "default root", "two": "twins root", "three": "default tester", "four": "twins nobody"}
    users = {"three": "tester", "four": "65534"}
    projects = {"two": twin, "four": twin}
    control.hosts(
        {
            name: {
                "ansible_host": guest,
                "ansible_user": users.get(name, "root"),
                "ansible_lxd_project": projects.get(name, "default"),
            }
            for name in wanted
        }
    )
    asked = {"ansible.builtin.raw": WHO, "register": "said"}
    in_a_loop = {
        **asked,
        "delegate_to": "{{ item }}",
        "loop": [*wanted] * 3,
        "failed_when": "said.stdout | trim != wanted[item]",
    }
    each = {**asked, "failed_when": "said.stdout | trim != wanted[inventory_hostname]"}
    one = {"gather_facts": False, "vars": {"wanted": wanted}}
    plays = [{"hosts": "one", "tasks": [in_a_loop], **one}, {"hosts": "api", "tasks": [each] * 3, **one}]
    (control.folder / "play.yml").write_text(yaml.safe_dump(plays))
    done = control("ansible-playbook", str(control.folder / "play.yml"))
    assert done.returncode == 0, done.stdout


@each_an_exec
def test_the_options_of_each_call(connect, server, guest, twin, cutting) -> None:  # type: ignore[no-untyped-def]
    """A connection uses nothing that it reached with other options. With the same options, it finds the same."""
    connection = connect()
    place, answers = {}, {}
    for _round in range(2):
        for name, options in {
            "first": {},
            "project": {"project": twin},
            "user": {"user": "tester"},
            "server": {"url": cutting.url},
        }.items():
            variables = {
                "inventory_hostname": guest,
                "ansible_lxd_url": server.daemon.url,
                "ansible_lxd_keep_open": False,
            }
            connection.set_options(
                var_options={**variables, **{f"ansible_lxd_{key}": value for key, value in options.items()}}
            )
            before = cutting.connections
            answers[name] = connection.exec_command(WHO)[1].decode().strip(), cutting.connections > before
            assert place.setdefault(name, connection._shared_path("session")) == connection._shared_path("session")
    assert answers == {
        "first": ("default root", False),
        "project": ("twins root", False),
        "user": ("default tester", False),
        "server": ("default root", True),
    }
    assert len(set(place.values())) == 4


@each_an_exec
def test_what_a_session_belongs_to(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A host with another pin, another certificate, another text in its file, or other switches finds no session."""
    (tmp_path / "client.crt").write_text("one")
    connection, places = connect(keep_open=False), set()
    certificate = {"client_cert": str(tmp_path / "client.crt")}
    for options in (
        {}, {"server_fingerprint": "a" * 64}, {"server_fingerprint": "b" * 64}, {"server_cert": "c"},
        {"validate_certs": False}, {"trust_token": "t"}, {"client_key": "k"}, {"url": "https://h:1"}, {"user": "x"},
        {"host": "other"}, {"project": "p"}, {"project": "None"}, {"fork_modules": False}, {"cache_code": False},
        certificate,
    ):  # fmt: skip
        connection.set_options(
            var_options={
                "inventory_hostname": "guest",
                **{f"ansible_lxd_{key}": value for key, value in options.items()},
            }
        )
        places.add(connection._shared_path("session"))
    (tmp_path / "client.crt").write_text("another")
    assert len(places | {connection._shared_path("session")}) == 16


def test_two_threads_have_a_client_each(connect, way) -> None:  # type: ignore[no-untyped-def]
    """For example, the thread that reports the progress of a stack, and the task."""
    connection = connect()
    assert connection.exec_command("echo on")[1] == b"on\n"

    def work(one: Any) -> list[bytes]:
        return [one.exec_command(f"echo {number}")[1] for number in range(25)]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for said in pool.map(work, [connection, copy.copy(connection), copy.copy(connection)]):
            assert said == [f"{number}\n".encode() for number in range(25)]


@each_an_exec
@pytest.mark.parametrize("number", ["4294967295", "4294967296", "18446744073709551615", "²"])
def test_a_number_that_is_no_user(connect, number) -> None:  # type: ignore[no-untyped-def]
    """The kernel interprets the first one as "no change", and that user is root."""
    connection = connect(user=number, keep_open=False)
    with pytest.raises(AnsibleError, match=f"remote_user '{number}'"):
        connection.exec_command("id -u")


# -- files that are not what they were --------------------------------------------------------------------------------

SMUGGLED = b'{"name": "smuggled"}'
REQUEST = (
    b"POST /1.0/profiles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(SMUGGLED), SMUGGLED)
)


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> list[str]:
    """Do something after the size of a file was determined, and before it is sent. Returns the methods of requests."""
    real, sent = Transport.request, []

    def request(self: Transport, method: str, path: str, body: Any = None, *more: Any, **named: Any) -> Any:
        if hasattr(body, "read"):
            sent.append(method)
            work()
        return real(self, method, path, body, *more, **named)

    monkeypatch.setattr(Transport, "request", request)
    return sent


def test_a_file_that_grows_while_it_is_sent(connect, server, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Text that is appended must not become a request with our rights."""
    (tmp_path / "log").write_bytes(b"a line\n")

    def append() -> None:
        with (tmp_path / "log").open("ab") as stream:
            stream.write(REQUEST)

    connection = connect()
    sent = meanwhile(monkeypatch, append)
    connection.put_file(str(tmp_path / "log"), "/root/log")
    assert connection.exec_command("cat /root/log")[1] == b"a line\n"
    connection.put_file(str(tmp_path / "log"), "/root/log")  # on the same connection
    assert sent == ["POST"] * 2
    assert "smuggled" not in str(server.query("/1.0/profiles"))


@pytest.mark.parametrize("left", [0, 5])
def test_a_file_that_gets_shorter_while_it_is_sent(connect, monkeypatch, tmp_path, left: int) -> None:  # type: ignore[no-untyped-def]
    """The task fails at once. It sends neither the rest nor a second request."""
    (tmp_path / "log").write_bytes(b"a longer line\n" * 9)
    connection = connect(timeout=20)
    sent = meanwhile(monkeypatch, lambda: os.truncate(tmp_path / "log", left))
    with pytest.raises(AnsibleError, match="log became shorter while it was sent"):
        connection.put_file(str(tmp_path / "log"), "/root/shorter")
    assert sent == ["POST"]
    assert connection.exec_command("echo on")[1] == b"on\n"


# -- files of others --------------------------------------------------------------------------------------------------


def test_links_of_a_user_lead_nowhere(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A process of the login user replaces the file that Ansible writes or reads with a link."""
    root, tester = connect(), connect(user="tester")
    root.exec_command("echo secret >/root/secret; echo precious >/etc/precious; chmod 600 /root/secret /etc/precious")
    tester.exec_command("ln -sf /root/secret ~/secret; ln -sf /etc/precious ~/precious")
    (tmp_path / "file").write_bytes(b"overwritten")
    with pytest.raises(AnsibleError, match="(?i)/home/tester/precious cannot be written.*permission denied"):
        tester.put_file(str(tmp_path / "file"), "/home/tester/precious")
    assert root.exec_command("stat -c %U /etc/precious; cat /etc/precious")[1] == b"root\nprecious\n"
    with pytest.raises(AnsibleError, match="(?i)/home/tester/secret cannot be read.*permission denied"):
        tester.fetch_file("/home/tester/secret", str(tmp_path / "secret"))
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize(("user", "home"), [("root", "/root"), ("tester", "/home/tester")])
def test_relative_paths_are_of_the_home(connect, tmp_path, user: str, home: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_bytes(b"at home")
    connection = connect(user=user)
    connection.put_file(str(tmp_path / "file"), "of home")
    assert connection.exec_command(f"cat '{home}/of home'")[1] == b"at home"
    connection.fetch_file("of home", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"at home"


def test_files_of_a_user_both_ways(connect, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Any content and any name work. Everything but a regular file is refused."""
    connection = connect(user="tester")
    (tmp_path / "file").write_bytes(os.urandom(3_000_000) + bytes(range(256)))
    (tmp_path / "empty").touch()
    for name in ("größe \\041 %s\n'\"$(id)", "-n"):
        for file in ("file", "empty"):
            connection.put_file(str(tmp_path / file), f"/home/tester/{name}")
            connection.fetch_file(f"/home/tester/{name}", str(tmp_path / "back"))
            assert (tmp_path / "back").read_bytes() == (tmp_path / file).read_bytes()
    connection.exec_command("mkfifo ~/pipe; ln -sf /dev/zero ~/zero; ln -sf ~/loop ~/loop; ln -sf -- ~/-n ~/link")
    connection.fetch_file("link", str(tmp_path / "back"))
    for path, words in {
        "pipe": "not a regular file",
        "zero": "not a regular file",
        "/etc": "directory",
        "nothing": "cannot be read",
        "loop": "cannot be read",
    }.items():
        with pytest.raises(AnsibleError, match=f"{path} .*{words}"):
            connection.fetch_file(path, str(tmp_path / "never"))
    with pytest.raises(AnsibleError, match="/no/such/folder/file cannot be written"):
        connection.put_file(str(tmp_path / "file"), "/no/such/folder/file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "empty", "file"]


@pytest.mark.parametrize("user", ["root", "tester"])
def test_a_fetch_that_fails_keeps_the_earlier_copy(connect, tmp_path, user: str) -> None:  # type: ignore[no-untyped-def]
    connection = connect(user=user)
    (tmp_path / "copy").write_text("of yesterday")
    (tmp_path / "copy").chmod(0o640)
    with pytest.raises(AnsibleError, match="nothing"):
        connection.fetch_file("/tmp/nothing", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "of yesterday"
    connection.exec_command("echo of today >/tmp/today")
    connection.fetch_file("/tmp/today", str(tmp_path / "copy"))
    assert ((tmp_path / "copy").read_text(), (tmp_path / "copy").stat().st_mode & 0o777) == ("of today\n", 0o640)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("user", ["root", "tester"])
def test_a_full_disk_is_said_at_once(connect, tmp_path, user: str) -> None:  # type: ignore[no-untyped-def]
    """On the controller and in the instance. It is no error of the connection, and is not retried."""
    connection = connect(user=user)
    (tmp_path / "file").write_bytes(bytes(2_000_000))
    connection.put_file(str(tmp_path / "file"), "/tmp/full")
    (tmp_path / "link").symlink_to("/dev/full")  # so that nothing can happen to the device
    begin = time.monotonic()
    with pytest.raises(AnsibleError, match="No space left on device") as caught:
        connection.fetch_file("/tmp/full", str(tmp_path / "link"))
    assert not isinstance(caught.value, AnsibleConnectionFailure)
    with pytest.raises(AnsibleError, match="/dev/full cannot be written") as caught:
        connection.put_file(str(tmp_path / "file"), "/dev/full")
    assert not isinstance(caught.value, AnsibleConnectionFailure)
    assert time.monotonic() - begin < 20
    connection.exec_command("rm -f /tmp/full")


# -- input that is cut ------------------------------------------------------------------------------------------------


@each_an_exec
def test_a_command_whose_input_is_cut_is_not_done(connect, cutting) -> None:  # type: ignore[no-untyped-def]
    """A command cannot distinguish it from the end of its input, and may succeed. Its outputs end properly."""
    connection = connect(url=cutting.url, keep_open=False)
    data = b"x" * 300_000
    assert connection.exec_command("wc -c", in_data=data)[1] == b"300000\n"
    for after in [*range(1, 300_000, 23_456), 299_999, 300_010]:
        cutting.after, before = after, cutting.cuts
        with pytest.raises(AnsibleConnectionFailure, match="lost the input of a command in instance guest"):
            pytest.fail(f"after {after} bytes: {connection.exec_command('cat >/dev/null; echo done', in_data=data)}")
        assert cutting.cuts == before + 1
    connection = connect(keep_open=False)
    for _time in range(20):
        assert connection.exec_command("echo done", in_data=b"x" * 1_000_000)[:2] == (0, b"done\n"), (
            "input that nobody reads is not cut"
        )
        assert connection.exec_command("exit 3", in_data=b"x")[0] == 3


@pytest.mark.parametrize(
    ("data", "gate", "owed"),
    [(b"", None, False), (b"x", None, True), (io.BytesIO(), None, True), (b"", lambda out, err: None, True)],
)
def test_what_a_command_may_lose_before_its_input_is_connected(data, gate, owed) -> None:  # type: ignore[no-untyped-def]
    """A command may end before its input is connected. A file may be empty or not, and a gate may have a password."""
    streams = {STDIN: types.SimpleNamespace(echoed=False)}
    assert Command(streams, data, gate, 1)._owes() is owed


# -- secrets ----------------------------------------------------------------------------------------------------------


@each_an_exec
def test_what_the_daemon_shows_of_a_command(connect, server) -> None:  # type: ignore[no-untyped-def]
    """The `environment` of a task is in its command line.

    Everybody who may see operations sees the command line of a separate exec, but not of a command in a session.
    """
    shown = []
    for keep_open in (True, False):
        connection = connect(keep_open=keep_open)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            secret = f"hidden-{secrets.token_hex(8)}"  # what has ended is shown a while longer
            running = pool.submit(
                connection.exec_command,
                f"SECRET={secret}; touch /run/shown; while [ -e /run/shown ]; do sleep 0.1; done",
            )
            try:
                while (
                    server.daemon.cli("exec", "guest", "--", "sh", "-c", "ls /run/shown 2>/dev/null || true").strip()
                    == ""
                ):
                    pass
                shown.append(secret in str(server.query("/1.0/operations?recursion=1")))
            finally:
                server.daemon.cli("exec", "guest", "--", "rm", "-f", "/run/shown")
            running.result(20)
    assert shown == [False, True]
