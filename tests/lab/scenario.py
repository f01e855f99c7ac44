# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with systemd that molecule makes on an outer daemon in namespaces of its own, and the cluster of them."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Callable

import yaml
from integration.modules import ModuleFailed

from . import image
from .daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOLECULE = ROOT / "extensions" / "molecule"
MODULES = ROOT / "tests" / "integration" / "modules.py"
NAMES = {"lxd": "cluster", "incus": "cluster_incus"}


class Scenario:
    def __init__(self, kind: str, lab: pathlib.Path) -> None:
        self.kind, self.lab = kind, lab
        self.outer = Daemon(kind, lab, nested=True)
        self.folder = lab / "m"
        self.processes: list[subprocess.Popen[str]] = []
        inventory = yaml.safe_load((MOLECULE / "inventory" / "hosts.yml").read_text())
        self.hosts: dict[str, dict[str, Any]] = {name: variables or {} for name, variables in inventory["all"]["hosts"].items()}
        self.built = image.environ(kind)  # once: a new package in the archive must not change it under the hosts

    def environ(self) -> dict[str, str]:
        settings = yaml.safe_load((MOLECULE / "config.yml").read_text())["ansible"]["env"]
        return {
            **os.environ,
            **settings,
            **self.built,
            "CLOUDHOST_PRODUCT": self.kind,
            "CLOUDHOST_URL": self.outer.url,
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.folder),
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
        }

    # -- molecule ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._must(subprocess.run([self._tool("ansible-playbook"), "-i", str(MOLECULE / "inventory"), str(MOLECULE / "build.yml")], **self._io()))
        self.outer.start()

    def molecule(self, step: str) -> str:
        return self._must(self._inside([self._tool("molecule"), step, "-s", NAMES[self.kind]]))

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.outer.stop()

    # -- playbooks --------------------------------------------------------------------------------------------------

    def play(self, playbook: str, *options: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """A playbook of the collection, or of the scenario, with the inventory as self.hosts has it."""
        return self._inside(self._command(playbook, *options, **extra))

    def background(self, playbook: str, *options: str, **extra: Any) -> subprocess.Popen[str]:
        return self._begin(self._command(playbook, *options, **extra))

    def _command(self, playbook: str, *options: str, **extra: Any) -> list[str]:
        inventory = self.lab / "inventory"
        (inventory / "group_vars").mkdir(parents=True, exist_ok=True)
        (inventory / "group_vars" / "all.yml").write_text((MOLECULE / "inventory" / "group_vars" / "all.yml").read_text())
        (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": copy.deepcopy(self.hosts)}}))
        book = playbook if "." in playbook else str(MOLECULE / f"{playbook}.yml")
        return [self._tool("ansible-playbook"), "-i", str(inventory), *(["-e", json.dumps(extra)] if extra else []), *options, book]

    # -- modules ----------------------------------------------------------------------------------------------------

    def url(self, host: str) -> str:
        """The socket of a host's daemon, as seen from here."""
        pid = self.outer.query(f"/1.0/instances/{host}/state")["pid"]
        return f"unix:///proc/{pid}/root/var/lib/{self.kind}/unix.socket"

    def module(self, host: str, module: str, /, **arguments: Any) -> subprocess.Popen[str]:
        """A module on a host's daemon, in a process of its own."""
        full = {"url": self.url(host), "timeout": 120, **arguments}
        return self._begin([sys.executable, str(MODULES), json.dumps([module, full])])

    def run(self, host: str, module: str, /, **arguments: Any) -> dict[str, Any]:
        process = self.module(host, module, **arguments)
        text = process.communicate(timeout=300)[0]
        assert text.strip().startswith("{"), text
        result: dict[str, Any] = json.loads(text)
        if result.get("failed"):
            raise ModuleFailed(result)
        return result

    def unchanged(self, host: str, module: str, /, **arguments: Any) -> None:
        again = self.run(host, module, **arguments)
        assert (again["changed"], again["actions"]) == (False, []), again["diff"]

    # -- hosts ------------------------------------------------------------------------------------------------------

    def inside(self, host: str, *command: str) -> str:
        """A command on a host, which need not let us in."""
        return self.outer.cli("exec", host, "--", *command)

    def query(self, host: str, path: str) -> Any:
        return json.loads(self.inside(host, self.outer.client, "query", path))

    def query_raw(self, host: str, method: str, path: str, body: dict[str, Any]) -> None:
        self.inside(host, self.outer.client, "query", "-X", method, "-d", json.dumps(body), path)

    def power(self, host: str, action: str) -> None:
        self.outer.query(f"/1.0/instances/{host}/state", "PUT", {"action": action, "force": action == "stop", "timeout": 60})

    def members(self, host: str) -> dict[str, str]:
        return {member["server_name"]: member["status"] for member in self.query(host, "/1.0/cluster/members?recursion=1")}

    def leader(self, host: str) -> str:
        found = self.query(host, "/1.0/cluster/members?recursion=1")
        return next(member["server_name"] for member in found if "database-leader" in member["roles"])

    def fourth(self) -> None:
        """One more host in the inventory."""
        self.hosts["node4"] = {"ansible_host": "10.0.0.4"}
        self._must(self.play("prepare", "--limit", "node4"))

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
        def holds() -> bool:
            try:
                return condition()
            except (RuntimeError, ValueError):  # a daemon that does not answer yet
                return False

        self.outer._await(holds, what, seconds)

    # -- processes --------------------------------------------------------------------------------------------------

    def _io(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": self.environ(), "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    def _enter(self, command: list[str]) -> list[str]:
        return ["nsenter", "--net", f"--target={self.outer.keeper.pid}", *command]

    def _begin(self, command: list[str]) -> subprocess.Popen[str]:
        self.processes.append(subprocess.Popen(self._enter(command), **self._io()))
        return self.processes[-1]

    def _inside(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._enter(command), check=False, **self._io())

    @staticmethod
    def _tool(name: str) -> str:
        return str(pathlib.Path(sys.executable).with_name(name))

    @staticmethod
    def _must(done: subprocess.CompletedProcess[str]) -> str:
        assert done.returncode == 0, done.stdout[-12000:]
        return done.stdout
