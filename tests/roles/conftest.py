# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An empty daemon for each test, and playbooks run against it as a user runs them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
from typing import Any, Iterator

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.daemon import KINDS, Daemon  # noqa: E402 - the tests folder is no package of the collection
from lab.folder import folder  # noqa: E402
from lab.watched import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401 - hooks


@pytest.fixture(scope="session")
def lab() -> Iterator[pathlib.Path]:
    with folder("roles") as lab:
        yield lab


@contextlib.contextmanager
def fresh(kind: str, lab: pathlib.Path) -> Iterator[Daemon]:
    """As its package leaves it: no pool, no bridge, a default profile without devices."""
    daemon = Daemon(kind, lab)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(params=KINDS)
def daemon(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Daemon]:
    with fresh(request.param, lab) as daemon:
        yield daemon


@pytest.fixture(scope="module", params=KINDS)
def kept(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Daemon]:
    """One for all tests of a file that leave it as it is, or begin with what they need."""
    with fresh(request.param, lab / "kept") as daemon:
        yield daemon


@pytest.fixture(scope="session")
def silent(lab: pathlib.Path) -> str:
    """A socket that nobody listens at."""
    path = lab / "silent.socket"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    return f"unix://{path}"


class Run:
    """One run of a playbook: what it said, and what it changed, which is asked only of one that did not fail: that one
    may have changed nothing, too.
    """

    def __init__(self, text: str, code: int) -> None:
        self.text, self.code, self.failed = text, code, code != 0

    def _succeeded(self) -> str:
        assert not self.failed, self.text
        return self.text

    @property
    def changed(self) -> int:
        recap = re.findall(r"changed=(\d+)", self._succeeded())
        assert recap, self.text
        return sum(map(int, recap))

    @property
    def plan(self) -> list[str]:
        """What a role or playbook says of a stack."""
        return re.findall(r"^ +\" *((?:[-+~]|-/\+) \S.*?)\",?$", self._succeeded(), re.M)

    @property
    def tasks(self) -> list[str]:
        """The tasks that changed something. Warnings and the progress, which begins with the host, come before it."""
        return re.findall(
            r"^TASK \[(?:.* : )?(.*?)\] \**\n(?:(?:ok|included|\[).*\n)*(?=changed)", self._succeeded(), re.M
        )


def ansible(*arguments: str, folder: pathlib.Path | None = None, within: tuple[str, ...] = (), **variables: str) -> Run:
    """A playbook as a user runs it, in a folder where that matters, by a program that begins it elsewhere, with more
    variables in its environment.
    """
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    environ = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0",
        "ANSIBLE_INJECT_FACT_VARS": "0",
        **variables,
    }
    done = subprocess.run(
        [*within, program, *arguments],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(done.stdout, done.returncode)


class Player:
    """Run a role with variables, `play("init", init_config={…})`, or one task, `play.task("instance", name=…)`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.book = folder / "play.yml"

    def __call__(self, role: str, /, *options: str, **variables: Any) -> Run:
        return self._run(
            {"ansible.builtin.import_role": {"name": f"cloudhost.lxd.{role}"}}, role != "init", *options, **variables
        )

    def task(self, module: str, /, **arguments: Any) -> Run:
        return self._run({f"cloudhost.lxd.{module}": arguments}, False)

    def _run(self, task: dict[str, Any], facts: bool, *options: str, **variables: Any) -> Run:
        self.book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": facts, "tasks": [task]}]))
        extra = json.dumps({"ansible_python_interpreter": sys.executable, **variables})
        return ansible("-i", "localhost,", "-c", "local", "-e", extra, *options, str(self.book))


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Player:
    return Player(tmp_path)
