# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real LXD or Incus daemon for one test run: no systemd, its own folder, its own network and mount namespace.

Bridges and subnets of the tests therefore meet neither each other nor the host's. All processes are ended by pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
from typing import ClassVar, NamedTuple

#: The kernel counts these for all containers of a machine together. With the usual 128, the dnsmasq of one of many
#: daemons fails to start; production guides ask for this many, as the role install does.
LIMITS = {"/proc/sys/fs/inotify/max_user_instances": 1048576}


class Sort(NamedTuple):
    """A sort of daemon: its product, its program, the variable of its folder, and its client."""

    product: str
    program: str
    variable: str
    client: str
    #: Whether it is not installed, and sees another /usr than the host (incus7.py).
    unpacked: bool = False


SORTS = {
    "lxd": Sort("lxd", "lxd", "LXD_DIR", "lxc"),
    "incus": Sort("incus", "/usr/libexec/incus/incusd", "INCUS_DIR", "incus"),
    "incus7": Sort("incus", "/usr/libexec/incus/incusd", "INCUS_DIR", "incus", unpacked=True),
}
#: The sorts of daemons that tests run on.
KINDS = os.environ.get("CLOUDHOST_TEST_DAEMONS", "lxd incus").split()
#: Where daemons keep their logs, if not beside their folders, which are gone after a session.
LOGS = os.environ.get("CLOUDHOST_TEST_LOGS")

# /sys shows the network interfaces of the namespace that mounted it, so it is mounted anew, with the cgroups of the
# host in it.
_ENTER = """
set -e
ip link set lo up
mkdir -p "$1/cgroup"
mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroup" /sys/fs/cgroup
shift
exec "$@"
"""

# Daemons in containers find no controller in the mixed hierarchies of some hosts: for them a pure cgroup2 view, in a
# group of its own.
_ENTER_NESTED = """
set -e
ip link set lo up
shift
umount --lazy /sys/fs/cgroup
mount -t sysfs sysfs /sys
mount -t cgroup2 none /sys/fs/cgroup
exec "$@"
"""
_REPLACE = 'mount --bind "$1" /usr; shift; exec "$@"'
_JOIN = 'mkdir -p "$1"; echo $$ > "$1/cgroup.procs"; shift; exec "$@"'


def _end_stopped(session: int) -> None:
    """End the children that stopped themselves, and that the killed leader of a session was about to end.

    To get a user namespace, the daemons have a child stop itself. One that is left listens at the socket of the daemon,
    too. The next daemon asks that socket whether another one runs, and waits for the answer without end.
    """
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, its_session = path.read_text().rpartition(")")[2].split()[:4]
            if state == "T" and int(its_session) == session:
                os.kill(int(path.parent.name), signal.SIGKILL)


def processes_in(network: str) -> list[int]:
    """Every process in a network namespace, by what /proc/PID/ns/net says."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "ns" / "net") == network:
                found.append(int(entry.name))
    return found


class Daemon:
    """One of the sort `name`. Its `kind` is the product."""

    #: Those that were started and not stopped yet.
    running: ClassVar[list[Daemon]] = []

    def __init__(self, name: str, lab: pathlib.Path, beside: Daemon | None = None, nested: bool = False) -> None:
        self.name = name
        self.beside = beside
        self.cgroup = f"/sys/fs/cgroup/{lab.name}" if nested else ""
        self.kind, self.program, self.variable, self.client, self.unpacked = SORTS[name]
        self.folder = lab / name
        self.place = self.folder / "unix.socket"
        self.touched = 0  # how often somebody could have changed something, besides through a proxy
        own = lab / f"{name}.log"
        self.log = pathlib.Path(LOGS, "-".join(own.parts[1:])) if LOGS else own
        self.process: subprocess.Popen[bytes] | None = None
        self.killed = False

    @property
    def socket(self) -> pathlib.Path:
        """For who may change something there; `place` is for who only looks."""
        self.touched += 1
        return self.place

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def environ(self) -> dict[str, str]:
        return {**os.environ, self.variable: str(self.folder)}

    def start(self) -> None:
        for path, least in LIMITS.items():
            if int(pathlib.Path(path).read_text()) < least:
                pathlib.Path(path).write_text(str(least))
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.beside:
            self.keeper = self.beside.keeper
        elif self.process is None:  # the namespaces, with their bridges, outlive a daemon that a test kills
            script = _ENTER_NESTED if self.cgroup else _ENTER
            enter = [
                "unshare",
                "--net",
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                "sh",
                str(self.folder),
                *self._replaced(),
                "sleep",
                "infinity",
            ]
            self.keeper = subprocess.Popen(enter)
            self._await(
                lambda: pathlib.Path(f"/proc/{self.keeper.pid}/comm").read_text().strip() == "sleep", "namespaces"
            )
        command = ["nsenter", "--net", "--mount", f"--target={self.keeper.pid}"]
        command += ["sh", "-c", _JOIN, "sh", self.cgroup] if self.cgroup else []
        command += [self.program, "--group", "root"]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environ(), stdout=log, stderr=log, start_new_session=True)
        self.killed = False
        if self not in self.running:
            self.running.append(self)
        self.wait_ready()

    def _replaced(self) -> list[str]:
        """What a command of the namespaces begins with, for a daemon whose /usr is not that of the host."""
        if not self.unpacked:
            return []
        from .incus7 import usr  # noqa: PLC0415 - the others need no collection beside this file

        return ["sh", "-c", _REPLACE, "sh", str(usr())]

    def wait_ready(self, seconds: float = 60) -> None:
        def ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at its start; its log: {self.log.read_text()[-2000:]}")
            return self.place.exists() and self.query("/1.0", check=False) is not None

        self._await(ready, f"{self.name} to answer", seconds)

    @staticmethod
    def _await(condition, what: str, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"gave up waiting for {what} after {seconds} s")
            time.sleep(0.05)

    def cli(self, *arguments: str, check: bool = True) -> str:
        """The daemon's own client: what it says is the truth that modules are held against."""
        self.touched += 1
        enter = ["nsenter", "--mount", f"--target={self.keeper.pid}"] if self.unpacked else []
        done = subprocess.run(
            [*enter, self.client, *arguments],
            env=self.environ(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{self.client} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout if not done.returncode else ""

    def query(self, path: str, method: str = "GET", body: object = None, check: bool = True):  # type: ignore[no-untyped-def]
        arguments = ["query", "--wait", "-X", method, path] + (["-d", json.dumps(body)] if body is not None else [])
        text = self.cli(*arguments, check=check)
        return json.loads(text) if text.strip() else None

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the daemon's network namespace, where its TCP port is."""
        self.touched += 1
        return subprocess.run(
            ["nsenter", "--net", f"--target={self.keeper.pid}", *command],
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def within(self, *command: str) -> None:
        """Run a command where the daemon sees the file system as it does."""
        subprocess.run(["nsenter", "--net", "--mount", f"--target={self.keeper.pid}", *command], check=True, timeout=60)

    def pids(self) -> list[int]:
        """Every process in our network namespace and those of our instances."""
        return processes_in(os.readlink(f"/proc/{self.keeper.pid}/ns/net"))

    def kill(self) -> None:
        """As a crash would: no chance to tidy up."""
        if self.process:
            self.killed = True
            self.process.kill()
            self.process.wait()
            _end_stopped(self.process.pid)

    def destroy(self) -> None:
        """As if its host were lost: no process of it and nothing of its directory is left. It can start anew."""
        listed = self.query("/1.0/instances?recursion=2&all-projects=true") or []
        inside = [instance["state"]["pid"] for instance in listed if instance["state"]["pid"] > 0]
        self.kill()
        for pid in inside:  # the first process of a container outlives the daemon
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._end()

    def clean(self, keep: str = "") -> None:
        """Delete every instance, so that no container outlives us."""
        for instance in self.query("/1.0/instances?recursion=1&all-projects=true", check=False) or []:
            if instance["name"] == keep:
                continue
            place = f"/1.0/instances/{instance['name']}"
            project = f"?project={instance['project']}"
            self.query(f"{place}/state{project}", "PUT", {"action": "stop", "force": True, "timeout": 10}, check=False)
            self.query(f"{place}{project}", "DELETE", check=False)

    def stop(self) -> None:
        """End it. One that has crashed is an error, with what it said at last."""
        if self.process is None:
            return
        status, said = self.process.poll(), ""
        try:
            if status is None:
                self.clean()
            elif status and not self.killed:
                said = self.log.read_text(errors="replace")[-6000:]
        finally:
            self._end()
        if said:
            raise RuntimeError(f"{self.name} crashed with status {status}; its log: {said}")

    def _end(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in [] if self.beside else self.pids():  # dnsmasq, and monitors of containers that would not go
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not self.beside:
            self.keeper.wait()
        self.process = None
        self.running.remove(self)
        shutil.rmtree(self.folder, ignore_errors=True)
