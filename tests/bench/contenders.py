# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same work done in four ways: N instances created, looked at when they are as they should be, and deleted."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import yaml
from lab.daemon import Daemon

IMAGE = "debian/12"


class Ansible:
    """Playbooks of one task, run as a user runs them. Tasks differ by contender."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path, url: str = "") -> None:
        self.daemon, self.folder, self.url = daemon, folder, url or daemon.url

    def play(self, *tasks: dict[str, Any], loop: list[str] | None = None, check: bool = True) -> str:
        path = self.folder / "play.yml"
        path.write_text(
            yaml.safe_dump(
                [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), "vars": {"names": loop or []}}]
            )
        )
        program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
        command = [
            program,
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(path),
        ]
        environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"], "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(done.stdout[-4000:])
        return done.stdout

    def each(self, module: str, names: list[str], **arguments: Any) -> str:
        return self.play(
            {module: {"name": "{{ item }}", "url": self.url, **arguments}, "loop": "{{ names }}"}, loop=names
        )


class Stack(Ansible):
    title, color = "stack, one task", "#1b6ca8"
    parallel = 8

    def have(self, names: list[str], state: str = "started", **options: Any) -> str:
        options = options or {"image": IMAGE}
        definition = {"instances": [{"name": name, "state": state, **options} for name in names]}
        return self.play(
            {
                "cloudhost.lxd.stack": {
                    "name": "bench",
                    "definition": definition,
                    "url": self.url,
                    "parallel": self.parallel,
                }
            }
        )

    create = converge = have

    def delete(self, names: list[str]) -> str:
        return self.play(
            {
                "cloudhost.lxd.stack": {
                    "name": "bench",
                    "state": "absent",
                    "force": True,
                    "url": self.url,
                    "parallel": self.parallel,
                }
            }
        )


class Module(Ansible):
    title, color = "cloudhost.lxd.instance in a loop", "#4f9d4f"

    def have(self, names: list[str], state: str = "started") -> str:
        return self.each("cloudhost.lxd.instance", names, image=IMAGE, state=state)

    create = converge = have

    def delete(self, names: list[str]) -> str:
        return self.each("cloudhost.lxd.instance", names, state="absent", force=True)


class Community(Ansible):
    title, color = "community.general.lxd_container in a loop", "#c44e52"

    def have(self, names: list[str], state: str = "started") -> str:
        url = self.url.replace("unix://", "unix:")
        return self.each(
            "community.general.lxd_container", names, source={"type": "image", "alias": IMAGE}, state=state, url=url
        )

    create = converge = have

    def delete(self, names: list[str]) -> str:
        return self.each(
            "community.general.lxd_container",
            names,
            state="absent",
            force_stop=True,
            url=self.url.replace("unix://", "unix:"),
        )


class Native:
    """The daemon's own client, so many at a time; looking at all of them is one request."""

    title, color = "lxc or incus, in parallel", "#555555"
    parallel = 8

    def __init__(self, daemon: Daemon, folder: pathlib.Path) -> None:
        self.daemon = daemon
        self.title = f"{daemon.client}, {self.parallel} at a time"

    def _all(self, names: list[str], *command: str) -> None:
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            list(pool.map(lambda name: self.daemon.cli(*(word.format(name) for word in command)), names))

    def create(self, names: list[str]) -> None:
        self._all(names, "launch", IMAGE, "{}", "--quiet")

    def converge(self, names: list[str], state: str = "started") -> None:
        found = json.loads(self.daemon.cli("query", "/1.0/instances?recursion=1"))
        assert {instance["name"] for instance in found} >= set(names)

    def delete(self, names: list[str]) -> None:
        self._all(names, "delete", "--force", "{}")


def seconds(work: Any, *arguments: Any, **options: Any) -> float:
    start = time.monotonic()
    work(*arguments, **options)
    return time.monotonic() - start
