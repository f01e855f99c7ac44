# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit says is enforced, tried from within: two hardened containers, and one beside them that is not.

The kernel of the tests has no AppArmor, so nothing here relies on it.
"""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any, Iterator, NamedTuple

import pytest
from integration.conftest import Server
from integration.modules import run_module
from lab.daemon import KINDS, Daemon
from lab.inside import effective_user, inside
from testinfra.host import Host

#: What an instance has that the audit finds nothing about.
HARDENED = {
    "security.idmap.isolated": True,
    "limits.memory": "48MiB",
    "limits.processes": 40,
    "limits.cpu": 1,
}
WEAK = {"security.privileged": True}
NOBODY = 65534
#: Capabilities over the whole kernel: sys_module, sys_rawio, sys_time, mac_override, mac_admin (capabilities(7)).
DROPPED = {"sys_module": 16, "sys_rawio": 17, "sys_time": 25, "mac_override": 32, "mac_admin": 33}


class Containers(NamedTuple):
    """Two hardened ones, and a privileged one."""

    server: Server
    one: Host
    other: Host
    weak: Host


@pytest.fixture(scope="module")
def containers(server: Server) -> Iterator[Containers]:
    names = {"hard1": HARDENED, "hard2": HARDENED, "weak1": WEAK}
    try:
        for name, config in names.items():
            server.run("instance", name=name, image="busybox", config=config)
        yield Containers(server, *(inside(server.daemon, name) for name in names))
    finally:
        for name in names:
            server.run("instance", name=name, state="absent", force=True)


def status(host: Host, process: str = "self") -> dict[str, str]:
    """The fields of /proc/PID/status."""
    lines = host.file(f"/proc/{process}/status").content_string.splitlines()
    return {name: value.strip() for name, _colon, value in (line.partition(":") for line in lines)}


def ranges(host: Host, kind: str) -> set[tuple[int, int]]:
    """The IDs of the host that a container uses, each range with its first one and the one after the last."""
    rows = (map(int, line.split()) for line in host.file(f"/proc/self/{kind}_map").content_string.splitlines())
    return {(first, first + count) for _inside, first, count in rows}


def test_nothing_is_found_about_a_hardened_instance(containers: Containers) -> None:
    proxy = containers.server.proxy
    proxy.forget()
    audit = containers.server.run("security_audit_info")
    assert len(proxy.requests) == 7 and proxy.writes == [], proxy.requests
    named: dict[str, list[str]] = {name: [] for name in ("hard1", "hard2", "weak1")}
    for finding in audit["findings"]:
        if finding["name"] in named:
            named[finding["name"]].append(finding["rule"])
    assert (named["hard1"], named["hard2"]) == ([], []) and "instance-privileged" in named["weak1"]
    (facts,) = (one["enforced"] for one in audit["enforced"] if one["name"] == "hard1")
    assert (facts["unprivileged"], facts["idmap"], facts["seccomp"]) == (True, "isolated", "server")
    assert facts["limits"] == {"cpu": "1", "memory": "48MiB", "processes": "40"}
    assert facts["apparmor"] == "missing", "the kernel of the tests has no AppArmor"


@pytest.mark.parametrize("kind", ["uid", "gid"])
def test_the_user_ids_of_two_containers_do_not_overlap(containers: Containers, kind: str) -> None:
    (one,), (other,) = ranges(containers.one, kind), ranges(containers.other, kind)
    assert one[1] <= other[0] or other[1] <= one[0]
    assert min(one[0], other[0]) >= 65536, "IDs of users of the host"
    assert min(first for first, _end in ranges(containers.weak, kind)) == 0


def test_system_calls_are_filtered(containers: Containers) -> None:
    for process in ("1", "self"):
        fields = status(containers.one, process)
        assert fields["Seccomp"] == "2" and fields["Seccomp_filters"] != "0"


def test_capabilities(containers: Containers) -> None:
    """A privileged container lacks those over the kernel. An unprivileged one has all of them over itself only."""
    bounding = int(status(containers.weak, "1")["CapBnd"], 16)
    assert [name for name, bit in DROPPED.items() if bounding >> bit & 1] == []
    for command in ("date -s 2020-01-01", "mknod /tmp/made b 7 0", "echo 1 > /proc/sys/vm/drop_caches"):
        told = containers.one.run(command).stderr  # date of busybox ends with 0
        assert "not permitted" in told or "denied" in told or "Read-only" in told, (command, told)
    assert containers.one.run("hostname hard1").succeeded


def test_memory_is_limited(containers: Containers) -> None:
    assert containers.one.run("dd if=/dev/zero of=/dev/null bs=16M count=1").succeeded
    assert containers.one.run("dd if=/dev/zero of=/dev/null bs=96M count=1").rc == 137, "it was not killed"


def test_processes_are_limited(containers: Containers) -> None:
    """The shell fails to fork, and the number of processes stays below the limit."""
    bomb = containers.other.run("i=0; while [ $i -lt 80 ]; do sleep 600 <&- >&- 2>&- & i=$((i+1)); done")
    try:
        assert bomb.failed and "fork" in bomb.stderr, bomb
        running = containers.server.query("/1.0/instances/hard2/state")["processes"]
        assert 30 <= running <= 40
    finally:
        containers.server.query(
            "/1.0/instances/hard2/state", "PUT", {"action": "restart", "force": True, "timeout": 30}
        )


def on_host(server: Server, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as root where the daemon sees the file system as it does, with mounts of its own. Its first argument
    is the directory of the containers of the pool.
    """
    place = str(server.daemon.folder / "storage-pools" / "default" / "containers")
    enter = ["nsenter", "--mount", f"--target={server.daemon.keeper.pid}", "unshare", "--mount", "sh", "-ec", script]
    return subprocess.run([*enter, "sh", place, *arguments], capture_output=True, text=True, timeout=60, check=False)


#: As a user of the host, who could enter the directory above that of the container. The shell is there because setpriv
#: itself still has capabilities when it opens the program.
_AS_USER = """
mount --bind "$1" /mnt
exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c /mnt/hard1/rootfs/tmp/setuid
"""


def test_a_setuid_program_gives_root_to_nobody_outside(containers: Containers, tmp_path: pathlib.Path) -> None:
    """Its exit status is its effective user, modulo 256."""
    program = str(effective_user(tmp_path / "program"))
    for name in ("setuid", "plain"):
        containers.server.run("instance_file", instance="hard1", path=f"/tmp/{name}", src=program, mode="0755")
    assert containers.one.run("chmod 4755 /tmp/setuid").succeeded
    planted = containers.one.file("/tmp/setuid")
    assert (planted.mode, planted.uid) == (0o4755, 0)
    by_user = inside(containers.server.daemon, "hard1", NOBODY)
    assert (by_user.run("/tmp/plain").rc, by_user.run("/tmp/setuid").rc) == (NOBODY % 256, 0), "it works inside"
    # where the mount maps IDs, the file belongs to root, and otherwise to the root of the container
    ((first, _end),) = ranges(containers.one, "uid")
    assert on_host(containers.server, 'exec "$1/hard1/rootfs/tmp/setuid"').returncode in (0, first % 256)
    outside = on_host(containers.server, _AS_USER)
    assert outside.returncode == 126 and "Permission denied" in outside.stderr, outside


def test_its_root_is_no_root_of_the_host(containers: Containers) -> None:
    """The process of a setuid program, as the host sees it."""
    pid = containers.server.query("/1.0/instances/hard1/state")["pid"]
    fields = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    (uids,) = (line.split()[1:] for line in fields if line.startswith("Uid:"))
    assert all(int(uid) >= 65536 for uid in uids)


def test_a_device_node_is_of_no_use(containers: Containers) -> None:
    """Neither one that root makes inside, nor one that is in its file system already, such as in an image."""
    made = containers.one.run("mknod /tmp/made c 1 11")
    assert made.failed and "not permitted" in made.stderr
    node = '"$1/hard1/rootfs/tmp/planted"'
    planted = on_host(containers.server, f"mknod -m 666 {node} c 1 11; : < {node}")
    assert planted.returncode == 0, planted
    assert containers.one.run("test -c /tmp/planted && test -r /tmp/planted").succeeded
    opened = containers.one.run(": < /tmp/planted")
    assert opened.failed and ("not permitted" in opened.stderr or "denied" in opened.stderr), opened


@pytest.mark.parametrize("kind", KINDS)
def test_limits_that_no_controller_enforces(kind: str, tmp_path_factory: Any, lab: pathlib.Path) -> None:
    """A daemon with a view of control groups that has no controllers, as daemons of nested hosts have it."""
    daemon = Daemon(kind, lab / "bare", nested=True)
    try:
        daemon.start()
        audit = run_module("security_audit_info", url=daemon.url)
    finally:
        daemon.stop()
    (facts,) = (one["enforced"] for one in audit["enforced"] if one["kind"] == "member")
    missing = {one["item"] for one in audit["findings"] if one["rule"] == "member-limits-not-enforced"}
    assert missing and missing == {name for name in ("cpu", "memory", "pids") if facts[f"cgroup_{name}"] is False}
