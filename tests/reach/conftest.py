# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: real daemons, a container that Ansible can manage, and Ansible as a user runs it."""

from __future__ import annotations

import contextlib
import pathlib
import sys
import threading
import time
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from ansible.errors import AnsibleError  # noqa: E402 - the tests folder is no package of the collection
from ansible.playbook.play_context import PlayContext  # noqa: E402
from ansible.plugins.loader import connection_loader, init_plugin_loader  # noqa: E402

init_plugin_loader([])  # before anything of the collection is imported, or it would not be a collection to Ansible

from integration.conftest import Server, debian, lab, server  # noqa: E402, F401 - fixtures
from lab.watched import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401 - hooks
from reach.control import ACCOUNT, Control  # noqa: E402


@pytest.fixture(scope="session")
def image_files(debian: dict[str, str]) -> dict[str, str]:  # noqa: F811
    """Ansible needs a distribution."""
    return debian


@pytest.fixture(scope="session")
def guest(server: Server) -> str:  # noqa: F811
    """A running container with python3, sudo and a user `tester`."""
    server.run("instance", name="guest", image="debian/12", wait_for=["ipv4"])
    server.daemon.cli("exec", "guest", "--", "sh", "-c", ACCOUNT)
    return "guest"


@pytest.fixture(scope="module")
def twin(server: Server, guest: str) -> Iterator[str]:  # noqa: F811
    """A project with an instance of the name of the guest. The file `/etc/which` of each contains its project."""
    server.run(
        "project",
        name="twins",
        config={"features.images": False, "features.profiles": False, "features.storage.volumes": False},
    )
    server.run(
        "instance", name=guest, image="debian/12", project="twins", devices={"eth0": {"type": "none"}}
    )  # two of one name are not on one network
    for project in ("default", "twins"):
        server.daemon.cli("exec", guest, "--project", project, "--", "sh", "-c", f"echo {project} >/etc/which")
    yield "twins"
    server.run("instance", name=guest, project="twins", state="absent", force=True)
    server.run("project", name="twins", state="absent")


@pytest.fixture(params=["exec", "session"])
def way(request: pytest.FixtureRequest) -> str:
    """Each command in a separate exec of the API, or all of them in the session."""
    return str(request.param)


@pytest.fixture
def connect(server: Server, guest: str, way: str) -> Iterator[Callable[..., Any]]:  # noqa: F811
    """The plugin as Ansible creates it, for one host, with options by their variables, as `user="tester"`.

    If the connection uses a session, the session is open.
    """
    made: list[Any] = []

    def connect(name: str = guest, **options: Any) -> Any:
        connection = connection_loader.get("cloudhost.lxd.api", PlayContext(), "/dev/null")
        given = {"keep_open": way == "session", **options}
        variables = {
            "inventory_hostname": name,
            "ansible_lxd_url": server.daemon.url,
            **{f"ansible_lxd_{key}": value for key, value in given.items()},
        }
        connection.set_options(var_options=variables)
        made.append(connection)
        if given["keep_open"] and name == guest:
            with contextlib.suppress(AnsibleError):  # a user that does not exist
                open_session(connection)
        return connection

    yield connect
    for connection in made:
        connection.reset()


def open_session(connection: Any) -> None:
    """Run commands until one runs in the session: the second one opens it."""
    until("no session was opened", lambda: in_session(connection))


def in_session(connection: Any) -> bool:
    """Whether a command runs in the session. There it has a parent; in a separate exec, it sees none."""
    code, out, err = connection.exec_command("echo $PPID")
    assert code == 0, err
    return int(out) != 0  # no output would be an error


PYTHON = "/bin/sh -c /usr/bin/python3"  # how Ansible runs a module that it sends as input


def is_forked(connection: Any, python: str = "/usr/bin/python3") -> bool:
    """Whether a program of Python is forked from the session agent, and not started."""
    code, out, err = connection.exec_command(
        f"/bin/sh -c {python}", in_data=b"print(open('/proc/self/cmdline').read().split(chr(0))[1])"
    )
    assert (code, err) == (0, b""), err
    return out.rstrip() == b"-c"


def until(what: str, condition: Callable[[], Any]) -> None:
    """Wait for a condition. `what` describes the failure.

    The limit is long because Ansible alone takes half a minute to start on a busy machine.
    """
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def beside(connection: Any, command: str) -> tuple[threading.Thread, list[Exception]]:
    """Run a command in a thread. Returns the thread, and the list that will contain its error."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            connection.exec_command(command)
        except AnsibleError as exc:
            failures.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failures


@pytest.fixture
def control(server: Server, tmp_path: pathlib.Path) -> Control:  # noqa: F811
    return Control(tmp_path, server.daemon)
