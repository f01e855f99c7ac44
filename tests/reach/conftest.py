# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real daemons as for the modules, a container that Ansible can manage, and Ansible run as a user runs it."""

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

from integration.conftest import Server, image_files, lab, server  # noqa: E402, F401 - fixtures
from reach.control import ACCOUNT, Control  # noqa: E402


@pytest.fixture(scope="session")
def guest(server: Server) -> str:  # noqa: F811
    """A running container with python3, sudo and a user `tester`."""
    server.run("instance", name="guest", image="debian/12", wait_for=["ipv4"])
    server.daemon.cli("exec", "guest", "--", "sh", "-c", ACCOUNT)
    return "guest"


@pytest.fixture(params=["exec", "line"])
def way(request: pytest.FixtureRequest) -> str:
    """Each command an exec of the API of its own, or all of them through the line that is kept open."""
    return str(request.param)


@pytest.fixture
def connect(server: Server, guest: str, way: str) -> Iterator[Callable[..., Any]]:  # noqa: F811
    """The plugin as Ansible makes it, for one host; options by their variables, as `user="tester"`. Its line is open,
    where it has one.
    """
    made: list[Any] = []

    def connect(name: str = guest, **options: Any) -> Any:
        connection = connection_loader.get("cloudhost.lxd.api", PlayContext(), "/dev/null")
        given = {"keep_open": way == "line", **options}
        variables = {
            "inventory_hostname": name,
            "ansible_lxd_url": server.daemon.url,
            **{f"ansible_lxd_{key}": value for key, value in given.items()},
        }
        connection.set_options(var_options=variables)
        made.append(connection)
        if given["keep_open"] and name == guest:
            with contextlib.suppress(AnsibleError):  # a user that is not there
                open_line(connection)
        return connection

    yield connect
    for connection in made:
        connection.reset()


def open_line(connection: Any) -> None:
    """Two commands open it; a command in it has a parent, and one that is an exec of its own has none that it can see."""
    until("no line was opened", lambda: by_line(connection))


def by_line(connection: Any) -> bool:
    """Whether a command runs in the line that is kept open."""
    code, out, err = connection.exec_command("echo $PPID")
    assert code == 0, err
    return int(out) != 0  # of nothing it would be an error


def until(what: str, condition: Callable[[], Any]) -> None:
    """Wait for a condition; `what` is wrong while it does not hold. The limit is one for busy machines, where Ansible
    alone takes half a minute.
    """
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def beside(connection: Any, command: str) -> tuple[threading.Thread, list[Exception]]:
    """A command in a thread that was started, and the list that its error will be in."""
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
