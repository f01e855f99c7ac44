# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves keep data, snapshots and MAC addresses; isolation and limits are what the guest really gets."""

from __future__ import annotations

import pytest


@pytest.fixture
def second_pool(api):  # type: ignore[no-untyped-def]
    api.run("storage_pool", name="second", driver="dir")
    return "second"


def _with_data(api, name: str) -> dict[str, str]:  # type: ignore[no-untyped-def]
    api.run("instance", name=name, image="busybox", wait_for=["ipv4"])
    api.daemon.cli("exec", name, "--", "sh", "-c", "echo precious > /root/data")
    api.run("instance_snapshot", instance=name, name="s1")
    return api.query(f"/1.0/instances/{name}")["config"]


def _check(api, name: str, before: dict[str, str], project: str = "default") -> None:  # type: ignore[no-untyped-def]
    shown = api.query(f"/1.0/instances/{name}?recursion=1&project={project}")
    assert shown["config"]["volatile.eth0.hwaddr"] == before["volatile.eth0.hwaddr"]
    assert [snapshot["name"] for snapshot in shown["snapshots"]] == ["s1"]
    assert api.daemon.cli("exec", name, "--project", project, "--", "cat", "/root/data") == "precious\n"


def test_move_to_another_pool(api, second_pool: str) -> None:
    before = _with_data(api, "mover")
    done = api.converges("instance", name="mover", pool=second_pool, restart="if_required", force=True)
    assert done["actions"] == [
        "stop instance mover",
        f"move instance mover from pool default to pool {second_pool}",
        "start instance mover",
    ]
    assert done["instance"]["expanded_devices"]["root"]["pool"] == second_pool
    _check(api, "mover", before)


def test_move_to_another_project(api) -> None:
    api.run("project", name="away", config={"features.profiles": False, "features.images": False})
    before = _with_data(api, "mover")
    api.converges("instance", name="mover", new_project="away", restart="if_required", force=True)
    _check(api, "mover", before, "away")
    assert api.daemon.query("/1.0/instances/mover?project=default", check=False) is None
    api.run("instance", name="mover", project="away", state="absent", force=True)
    api.run("project", name="away", state="absent")


def test_rename_of_a_running_instance_restarts_it_where_allowed(api) -> None:
    api.run("instance", name="before", image="busybox")
    done = api.converges("instance", name="before", new_name="after", restart="if_required", force=True)
    assert done["actions"] == ["stop instance before", "rename instance before to after", "start instance after"]


def test_backup_and_back(api, tmp_path) -> None:  # type: ignore[no-untyped-def]
    api.run("instance", name="saved", image="busybox", state="present", config={"user.k": "v"})
    tarball = tmp_path / "saved.tar.gz"
    api.daemon.cli("export", "saved", str(tarball), "--compression", "none")
    api.run("instance", name="saved", state="absent")
    api.converges("instance", name="saved", source={"type": "backup", "file": str(tarball)}, state="present")
    assert api.query("/1.0/instances/saved")["config"]["user.k"] == "v"


def test_snapshot_of_a_running_instance_and_back(api, running: str) -> None:
    api.daemon.cli("exec", running, "--", "sh", "-c", "echo one > /root/file")
    api.converges("instance_snapshot", instance=running, name="live")
    api.daemon.cli("exec", running, "--", "sh", "-c", "echo two > /root/file")
    api.run("instance_snapshot", instance=running, name="live", state="restored")
    assert api.daemon.cli("exec", running, "--", "cat", "/root/file") == "one\n"
    api.run("instance_snapshot", instance=running, name="live", state="absent")


def test_isolation_is_real(api, distribution: str) -> None:
    """Each its own range of UIDs; a denied system call; limits that the kernel holds."""
    config = {
        "security.idmap.isolated": True,
        "security.syscalls.deny": "chroot errno 1",
        "limits.memory": "128MiB",
        "limits.processes": 300,
    }
    for name in ("iso1", "iso2"):
        api.converges("instance", name=name, image=distribution, config=config)
    maps = [api.daemon.cli("exec", name, "--", "cat", "/proc/self/uid_map").split() for name in ("iso1", "iso2")]
    assert maps[0][1] != maps[1][1], "both containers have the same UIDs on the host"
    assert {entry[2] for entry in maps} == {"65536"}
    with pytest.raises(RuntimeError, match="Operation not permitted"):
        api.daemon.cli("exec", "iso1", "--", "chroot", "/", "true")
    api.converges("instance", name="iso1", config={"limits.memory": "96MiB"})
    limit = api.daemon.cli(
        "exec",
        "iso1",
        "--",
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
    )
    assert int(limit) == 96 * 1024 * 1024
