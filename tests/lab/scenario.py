# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with systemd that molecule makes on an outer daemon in namespaces of its own, and the cluster of them."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any, Callable, Iterable, Iterator

import yaml
from integration.modules import run_module

from . import image, watched
from .daemon import Daemon
from .forks import Task
from .proxy import Proxy

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOLECULE = ROOT / "extensions" / "molecule"
NAMES = {"lxd": "cluster", "incus": "cluster_incus"}
#: What clients say of a daemon that starts, or of a cluster that has no leader for a moment. All else is an error of
#: the test.
NOT_YET = re.compile(
    r"connection re(fused|set)|no such file or directory|EOF|no available dqlite leader|no known leader|not "
    r"leader|database is locked"
    r"|Failed to begin transaction|bad connection|disk I/O error|deadline exceeded|context canceled|not "
    r"ready|isn't ready|starting up|shutting down"
    r"|Unable to connect to any cluster|Missing event connection|(node|member) is offline|Instance is not "
    r"running|timed out|broken pipe"
)


def changes(text: str) -> int:
    found = re.findall(r"changed=(\d+) .*failed=0", text)
    assert found, text
    return sum(map(int, found))


def changed(done: subprocess.CompletedProcess[str]) -> int:
    """How many tasks of a playbook that did not fail have changed something."""
    assert done.returncode == 0, done.stdout
    return changes(done.stdout)


def _identity(place: str) -> tuple[int, int] | None:
    """What distinguishes the root of a host from those of others. None where there is none."""
    with contextlib.suppress(OSError):
        status = os.stat(f"{place}/")
        return status.st_dev, status.st_ino
    return None


class Scenario:
    def __init__(self, kind: str, lab: pathlib.Path) -> None:
        self.kind, self.lab = kind, lab
        self.outer = Daemon(kind, lab, nested=True)
        self.folder = lab / "m"
        self.made = ""  # what molecule said when it made the cluster
        self.processes: list[subprocess.Popen[str]] = []
        self.tasks: list[Task] = []
        self.roots: dict[str, tuple[str, tuple[int, int] | None]] = {}
        self.hosts = self.declared(MOLECULE / "inventory" / "hosts.yml")
        self.inventory = lab / "inventory"
        self.built = self.packages()  # once: a new package in the archive must not change it under the hosts

    # -- what the hosts are made of; other hosts are a subclass -------------------------------------------------------

    @staticmethod
    def declared(inventory: pathlib.Path, *groups: str) -> dict[str, dict[str, Any]]:
        """The hosts of an inventory, or of a group in it, with their variables. Tests may change them, for the
        playbooks that follow.
        """
        found = yaml.safe_load(inventory.read_text())["all"]
        for group in groups:
            found = found["children"][group]
        hosts = found["hosts"]
        return {name: variables or {} for name, variables in hosts.items()}

    def packages(self) -> dict[str, str]:
        """Which image and archive they have."""
        return image.environ(self.kind)

    def variables(self) -> Iterable[tuple[str, pathlib.Path]]:
        """Files of variables for all hosts. Of two, that whose name is later in the alphabet counts."""
        return [(path.name, path) for path in (MOLECULE / "inventory" / "group_vars" / "all").glob("*.yml")]

    def inventories(self) -> Iterable[pathlib.Path]:
        """Of two, the later one counts."""
        return [self.inventory]

    def environ(self) -> dict[str, str]:
        settings = yaml.safe_load((MOLECULE / "config.yml").read_text())["ansible"]["env"]
        return {
            **os.environ,
            **settings,
            **self.built,
            "CLOUDHOST_PRODUCT": self.kind,
            "CLOUDHOST_URL": self.outer.url,
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.folder),
            "LXD_DIRECT": "false",  # no module runs on this machine here, and to load them for that takes time
            # the hosts stay as they are: their facts are read once, not by every playbook
            "ANSIBLE_GATHERING": "smart",
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.lab / "facts"),
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
        }

    # -- molecule -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._must(subprocess.run(self._command("build"), check=False, **self._io()))
        self.outer.start()
        watched.WITNESSES.append(self.journals)

    def molecule(self, step: str) -> str:
        return self._must(self._inside([self._tool("molecule"), step, "-s", NAMES[self.kind]]))

    def journals(self) -> dict[str, str]:
        """What the daemons of the hosts logged at last, for the report of a test that fails."""
        last = ["journalctl", "--no-pager", "--lines", str(watched.LINES), f"--unit={self.kind}"]
        listed = self.outer.query("/1.0/instances?recursion=1", check=False) or []
        names = [instance["name"] for instance in listed if instance["status"] == "Running"]
        return {f"{self.kind} on {name}": self.outer.cli("exec", name, "--", *last, check=False) for name in names}

    def stop(self) -> None:
        with contextlib.suppress(ValueError):  # it did not start
            watched.WITNESSES.remove(self.journals)
        for task in self.tasks:
            task.kill()
        for process in self.processes:
            process.kill()
            process.wait()
        self.outer.stop()

    # -- playbooks ----------------------------------------------------------------------------------------------------

    def play(self, playbook: str, *options: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """A playbook of the collection, or of the scenario, with the inventory as self.hosts has it."""
        return self._inside(self._command(playbook, *options, **extra))

    def background(self, playbook: str, *options: str, **extra: Any) -> subprocess.Popen[str]:
        return self._begin(self._command(playbook, *options, **extra))

    def _command(self, playbook: str, *options: str, **extra: Any) -> list[str]:
        folder = self.inventory / "group_vars" / "all"
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in self.variables():
            (folder / name).write_text(path.read_text())
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": copy.deepcopy(self.hosts)}}))
        return [
            self._tool("ansible-playbook"),
            *(f"--inventory={path}" for path in self.inventories()),
            *(["-e", json.dumps(extra)] if extra else []),
            *options,
            playbook if "." in playbook else str(MOLECULE / f"{playbook}.yml"),
        ]

    # -- modules ------------------------------------------------------------------------------------------------------

    def root(self, host: str) -> str:
        """The file system of a host, as seen from here. Another one after it was started again."""
        place, seen = self.roots.get(host, ("", None))
        if not seen or _identity(place) != seen:  # the process that had this number may be another one now
            place = f"/proc/{self.outer.query(f'/1.0/instances/{host}/state')['pid']}/root"
            self.roots[host] = place, _identity(place)
        return place

    def url(self, host: str) -> str:
        """The socket of a host's daemon, as seen from here."""
        return f"unix://{self.root(host)}/var/lib/{self.kind}/unix.socket"

    def module(self, host: str, module: str, /, **arguments: Any) -> Task:
        """A module on a host's daemon, in a process of its own."""
        self.tasks.append(Task(module, {"url": self.url(host), "timeout": 120, **arguments}, self.outer.keeper.pid))
        return self.tasks[-1]

    def run(self, host: str, module: str, /, **arguments: Any) -> dict[str, Any]:
        return run_module(module, **{"url": self.url(host), "timeout": 120, **arguments})

    @contextlib.contextmanager
    def proxy(self, host: str, place: str = "") -> Iterator[Proxy]:
        """Something that records requests, and can break them, before a host's daemon: a socket in `place`, or in a
        folder out here.
        """
        path = pathlib.Path(place or self.lab, "cut.socket")
        proxy = Proxy(str(path), self.url(host)[len("unix://") :])
        try:
            yield proxy
        finally:
            proxy.close()
            path.unlink(missing_ok=True)

    def unchanged(self, host: str, module: str, /, **arguments: Any) -> None:
        again = self.run(host, module, **arguments)
        assert (again["changed"], again["actions"]) == (False, []), again["diff"]

    # -- hosts --------------------------------------------------------------------------------------------------------

    def inside(self, host: str, *command: str) -> str:
        """A command on a host, which need not let us in."""
        return self.outer.cli("exec", host, "--", *command)

    def query(self, host: str, path: str) -> Any:
        """What the daemon of a host answers to its own client, which looks for it in the host's folder."""
        environ = {**os.environ, self.outer.variable: f"{self.root(host)}/var/lib/{self.kind}"}
        done = subprocess.run(
            [self.outer.client, "query", path], env=environ, capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{self.outer.client} query {path} on {host}: {done.stderr.strip()}")
        return json.loads(done.stdout or "null")  # which the client does not print

    def sql(self, host: str, *statements: str) -> str:
        """Statements for the cluster's database, by the daemon's own means. They are to be such as can be done twice: a
        busy database is asked again.
        """
        program = {"lxd": ["lxd", "sql"], "incus": ["incus", "admin", "sql"]}[self.kind]
        answers: list[str] = []

        def answered() -> bool:
            answers.append(self.inside(host, *program, "global", "; ".join(statements)))
            return True

        self.wait(answered, f"the database to do {statements}")
        return answers[0]

    def query_raw(self, host: str, method: str, path: str, body: dict[str, Any]) -> None:
        self.inside(host, self.outer.client, "query", "-X", method, "-d", json.dumps(body), path)

    def power(self, host: str, action: str) -> None:
        self.roots.pop(host, None)
        self.outer.query(
            f"/1.0/instances/{host}/state", "PUT", {"action": action, "force": action == "stop", "timeout": 60}
        )

    @contextlib.contextmanager
    def without_power(self, host: str) -> Iterator[None]:
        self.power(host, "stop")
        try:
            yield
        finally:
            self.power(host, "start")

    def members(self, host: str) -> dict[str, str]:
        return {
            member["server_name"]: member["status"] for member in self.query(host, "/1.0/cluster/members?recursion=1")
        }

    def leader(self, host: str) -> str:
        found = self.query(host, "/1.0/cluster/members?recursion=1")
        return next(member["server_name"] for member in found if "database-leader" in member["roles"])

    def fourth(self) -> None:
        """One more host in the inventory."""
        self.hosts["node4"] = {"ansible_host": "10.0.0.4"}
        self._must(self.play("prepare", "--limit", "node4"))

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Until a condition holds. A daemon that does not answer yet is asked again, and anything else that goes wrong
        is raised at once.
        """
        last = ""

        def holds() -> bool:
            nonlocal last
            try:
                return condition()
            except RuntimeError as exc:
                last = str(exc)
                if not NOT_YET.search(last):
                    raise
                return False

        try:
            self.outer._await(holds, what, seconds)
        except RuntimeError as exc:
            if str(exc) == last:
                raise
            raise RuntimeError(f"{exc}; the last error was: {last or 'none'}") from exc

    def online(self, host: str, *names: str) -> None:
        self.wait(lambda: all(self.members(host).get(name) == "Online" for name in names), f"{names} to be online")

    def tidy(self) -> None:
        """End what tests began, and remove what they made besides what the scenario has, also after they failed."""
        for process in self.processes:
            process.kill()
            process.wait()
        for kind, path, kept in (
            ("instance", "instances", r"web-node[123]$"),
            ("profile", "profiles", "default$"),
            ("storage_pool", "storage-pools", "local$"),
        ):
            for place in self.query("node1", f"/1.0/{path}") or ():
                name = place.rpartition("/")[2]
                if not re.match(kept, name):
                    self.run(
                        "node1", kind, name=name, state="absent", **({"force": True} if kind == "instance" else {})
                    )

    # -- processes ----------------------------------------------------------------------------------------------------

    def _io(self) -> dict[str, Any]:
        return {
            "cwd": ROOT,
            "env": self.environ(),
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

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
