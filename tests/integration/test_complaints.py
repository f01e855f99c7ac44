# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users of other tools complained about, each as a test. Numbers are those of docs/complaints.md."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time
from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances._wait import Waiter
from integration.modules import ModuleFailed

BASE = {"image": "busybox"}
EMPTY = {"source": {"type": "none"}}


def _sql(api, statement: str, value: str) -> None:  # type: ignore[no-untyped-def]
    program = ["lxd", "sql"] if api.kind == "lxd" else ["incus", "admin", "sql"]
    subprocess.run(
        [*program, "global", statement.format(value)], env=api.daemon.environ(), check=True, capture_output=True
    )


def _held_by_the_kernel(pid: int, controller: str, file: str) -> str:
    """A limit of the container whose first process this is, in the hierarchy of the controller or in the one of all of
    them.
    """
    groups = [line.split(":", 2)[1:] for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    (controllers, group) = next((found for found in groups if controller in found[0].split(",")), None) or next(
        found for found in groups if not found[0]
    )
    own = re.sub(r"(/lxc\.payload[^/]*).*", r"\1", group)  # an init may have made groups in its own
    return (pathlib.Path("/sys/fs/cgroup") / controllers / own.lstrip("/") / file).read_text().strip()


def test_3_and_4_config_and_volatile_keys_do_not_change_forever(api, running: str) -> None:
    config = {
        "limits.cpu": 1,
        "security.nesting": True,
        "limits.memory": "512MB",
        "boot.autostart": "no",
        "user.note": "a, b",
    }
    api.converges("instance", name=running, config=config)
    shown = api.query(f"/1.0/instances/{running}")["config"]
    volatile = {key: value for key, value in shown.items() if key.startswith(("volatile.", "image."))}
    assert volatile
    api.unchanged("instance", name=running, config={**config, **volatile})
    api.run("instance", name=running, purge_config=True)
    kept = api.query(f"/1.0/instances/{running}")["config"]
    assert {key: kept[key] for key in volatile} == volatile, "purging took keys of the daemon"


def test_5_a_mac_address_that_the_user_set_stays(api) -> None:
    # The short time-out is for a stop before it has booted.
    config = {"volatile.eth0.hwaddr": "00:16:3e:12:34:56", "boot.host_shutdown_timeout": 1}
    api.converges("instance", name="mac", **BASE, config=config, state="started")
    assert api.query("/1.0/instances/mac")["config"]["volatile.eth0.hwaddr"] == "00:16:3e:12:34:56"
    api.converges("instance", name="mac", state="stopped", force=True, config=config)
    api.converges("instance", name="mac", config={"volatile.eth0.hwaddr": "00:16:3e:12:34:57"}, state="present")


def test_6_and_7_a_source_that_the_daemon_rewrites_is_no_change(api, lab) -> None:  # type: ignore[no-untyped-def]
    """ZFS and LVM make a pool and a volume group of a device, and keep what was asked for in volatile.initial_source.

    Neither runs on every kernel, so a Btrfs pool on a device is given the two keys in the daemon's own database.
    """
    disk = lab / f"{api.kind}-disk.img"
    with disk.open("wb") as stream:
        stream.truncate(512 * 1024 * 1024)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(disk)], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        api.converges("storage_pool", name="block", driver="btrfs", config={"source": device})
        api.converges("storage_pool", name="block", driver="btrfs", description="x", config={"source": device})
        _sql(api, "UPDATE storage_pools_config SET value = 'vg0' WHERE key = 'source' AND value = '{0}'", device)
        assert api.query("/1.0/storage-pools/block")["config"]["source"] == "vg0"
        if "volatile.initial_source" not in api.query("/1.0/storage-pools/block")["config"]:
            columns = "storage_pool_id, node_id, key, value"
            row = (
                f"SELECT {columns.split(', key')[0]}, 'volatile.initial_source', '{{0}}' "
                "FROM storage_pools_config WHERE value = 'vg0'"
            )
            _sql(api, f"INSERT INTO storage_pools_config ({columns}) {row}", device)
        api.unchanged("storage_pool", name="block", driver="btrfs", description="x", config={"source": device})
        api.unchanged("storage_pool", name="block", driver="btrfs", config={"source": "vg0"})
        assert "config.source" in api.fails("storage_pool", name="block", config={"source": "/dev/other"})
        _sql(api, "UPDATE storage_pools_config SET value = '{0}' WHERE key = 'source' AND value = 'vg0'", device)
        api.converges("storage_pool", name="block", state="absent")
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_8_auto_is_satisfied_and_never_sent_again(api) -> None:
    config = {"ipv4.address": "auto", "ipv6.address": "auto"}
    first = api.converges("network", name="auto0", config=config)["network"]["config"]
    api.converges("network", name="auto0", config={**config, "user.x": 1})
    second = api.query("/1.0/networks/auto0")["config"]
    assert [second[key] for key in config] == [first[key] for key in config]
    api.run("network", name="auto0", state="absent")


def test_12_an_image_that_is_there_needs_no_second_import(api, image_files) -> None:  # type: ignore[no-untyped-def]
    api.converges("image", name="another/name", **image_files)
    api.proxy.forget()
    api.unchanged("image", name="another/name", **image_files)
    alias = api.query("/1.0/images/aliases/another%2Fname")
    assert alias["target"] == api.query("/1.0/images/aliases/debian%2F12")["target"]
    api.run("image_alias", name="another/name", state="absent")


def test_13_and_14_a_profile_keeps_what_the_task_does_not_name(api) -> None:
    devices = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    api.run("profile", name="kept", description="d", config={"limits.cpu": 1}, devices=devices)
    done = api.converges("profile", name="kept", config={"limits.memory": "1GiB"})
    assert done["diff"]["after"] == 'config:\n  limits.memory: "1GiB"\n'
    shown = api.query("/1.0/profiles/kept")
    assert (shown["description"], shown["config"], shown["devices"]) == (
        "d",
        {"limits.cpu": "1", "limits.memory": "1GiB"},
        devices,
    )
    api.run("profile", name="kept", state="absent")


def test_15_a_network_seen_from_a_project(api) -> None:
    """Without features.networks a project shares the networks of the default one; with it, it has its own and sees no
    others.
    """
    api.run("project", name="shared-nets", config={"features.networks": False})
    api.run("project", name="own-nets", config={"features.networks": True})
    api.converges(
        "network", name="pnet", project="shared-nets", config={"ipv4.address": "10.158.9.1/24", "ipv6.address": "none"}
    )
    api.unchanged("network", name="pnet", config={"ipv4.address": "10.158.9.1/24"})
    api.unchanged("network", name="pnet", project="own-nets", state="absent")
    api.converges("network", name="pnet", project="shared-nets", state="absent")
    for project in ("shared-nets", "own-nets"):
        api.run("project", name=project, state="absent")


def test_41_a_running_instance_is_changed_in_place(api, running: str) -> None:
    before = api.query(f"/1.0/instances/{running}/state")["pid"]
    api.converges(
        "instance",
        name=running,
        config={"limits.memory": "400MiB", "limits.processes": 400},
        description="in place",
        devices={"root": {"size": "3GiB"}},
    )
    assert api.query(f"/1.0/instances/{running}/state")["pid"] == before
    assert _held_by_the_kernel(before, "pids", "pids.max") == "400"


def test_42_a_stopped_instance_is_changed_without_being_booted(api) -> None:
    api.run("instance", name="asleep", **EMPTY, state="stopped")
    used = api.query("/1.0/instances/asleep")["last_used_at"]
    for state in ("stopped", "present"):
        api.converges(
            "instance",
            name="asleep",
            state=state,
            config={"user.by": state},
            devices={"eth0": {"limits.ingress": "10Mbit"}},
            description=state,
        )
    shown = api.query("/1.0/instances/asleep")
    assert (shown["status"], shown["last_used_at"]) == ("Stopped", used)


def test_43_a_key_for_the_next_start_restarts_only_where_allowed_and_keeps_the_mac(api) -> None:
    api.run("instance", name="restarts", **BASE, wait_for=["ipv4"])
    before = api.query("/1.0/instances/restarts")["config"]
    pid = api.query("/1.0/instances/restarts/state")["pid"]
    done = api.converges("instance", name="restarts", config={"security.idmap.isolated": True})
    assert api.query("/1.0/instances/restarts/state")["pid"] == pid
    assert any("takes effect at its next start" in str(warning) for warning in done["warnings"])
    done = api.converges(
        "instance", name="restarts", config={"security.privileged": True}, restart="if_required", force=True
    )
    assert done["actions"] == ["stop instance restarts", "update instance restarts (config)", "start instance restarts"]
    after = api.query("/1.0/instances/restarts")["config"]
    assert after["volatile.eth0.hwaddr"] == before["volatile.eth0.hwaddr"]
    assert api.query("/1.0/instances/restarts/state")["pid"] != pid


def test_44_renaming_keeps_the_instance(api) -> None:
    api.run("instance", name="old", **EMPTY, state="stopped", config={"user.id": 7})
    api.run("instance_snapshot", instance="old", name="s1")
    created = api.query("/1.0/instances/old")["created_at"]
    api.converges("instance", name="old", new_name="new", **EMPTY, state="stopped")
    shown = api.query("/1.0/instances/new?recursion=1")
    assert (shown["created_at"], shown["config"]["user.id"], [snapshot["name"] for snapshot in shown["snapshots"]]) == (
        created,
        "7",
        ["s1"],
    )
    api.unchanged("instance", name="new", image="some/other", state="stopped")


def test_46_the_description_survives_a_restore(api) -> None:
    api.run("instance", name="described", **BASE, state="stopped", description="kept", config={"user.v": 1})
    api.run("instance_snapshot", instance="described", name="s1")
    api.run("instance", name="described", state="stopped", description="kept too", config={"user.v": 2})
    done = api.run("instance_snapshot", instance="described", name="s1", state="restored")
    assert done["actions"] == ["restore instance described from snapshot s1"]
    shown = api.query("/1.0/instances/described")
    assert (shown["description"], shown["config"]["user.v"]) == ("kept too", "1")


def test_47_stop_right_after_start_does_not_hang(api) -> None:
    api.run("instance", name="quick", **BASE, config={"boot.host_shutdown_timeout": 3})
    stop = {"name": "quick", "state": "stopped", "force": True}
    predicted = api.run("instance", check=True, **stop)
    api.proxy.forget()
    done = api.run("instance", **stop)
    assert [predicted[key] for key in ("changed", "actions", "diff")] == [
        done[key] for key in ("changed", "actions", "diff")
    ]
    asked = [json.loads(body) for request, body in api.proxy.bodies if request == "PUT /1.0/instances/quick/state"]
    assert asked[0] == {"action": "stop", "timeout": 3, "force": False}, "it is given longer than its own limit"
    assert [one["force"] for one in asked[1:]] in ([], [True]), "force comes next, and once"
    api.unchanged("instance", **stop)


def test_48_one_nic_without_an_address_does_not_hold_up_the_wait(api) -> None:
    api.run("network", name="quiet0", config={"ipv4.address": "none", "ipv6.address": "none"})
    devices = {"eth1": {"type": "nic", "network": "quiet0"}}
    task = {"name": "twonics", **BASE, "devices": devices, "wait_for": ["ipv4"], "timeout": 60}
    assert api.run("instance", check=True, **task)["instance"]["addresses"] == [], "there is none yet"
    done = api.run("instance", **task)
    assert api.run("instance", check=True, **task)["instance"]["addresses"] == done["instance"]["addresses"]
    addresses = done["instance"]["state"]["network"]["eth0"]["addresses"]
    assert [address["address"] for address in addresses if address["family"] == "inet"][0].startswith("10.158.1.")
    api.run("instance", name="twonics", state="absent", force=True)
    api.run("network", name="quiet0", state="absent")


def test_49_and_50_a_time_out_says_what_was_seen_and_the_instance_stays(api, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Waiter.wait

    def impatient(self: Waiter, conditions: list[str]) -> dict[str, Any]:
        """What is left of the time when the instance has started: however long that took."""
        self.client.deadline._end = time.monotonic() + 0.5
        return wait(self, conditions)

    monkeypatch.setattr(Waiter, "wait", impatient)
    with pytest.raises(ModuleFailed) as caught:
        api.run("instance", name="lonely", **BASE, wait_for=["ipv6"], timeout=120)
    message = str(caught.value)
    for word in (
        "timeout of 120 s",
        "waiting for ipv6 of instance lonely",
        "status Running",
        "eth0 (up)",
        "The instance stays",
    ):
        assert word in message, message
    assert api.query("/1.0/instances/lonely")["status"] == "Running"
    api.unchanged("instance", name="lonely", **BASE)


def test_51_cloud_init_that_is_not_there_is_said_at_once(api, running: str) -> None:
    api.proxy.forget()
    with pytest.raises(ModuleFailed, match="has no cloud-init"):
        api.run("instance", name=running, wait_for=["cloud_init"])
    assert len([request for request in api.proxy.writes if request.endswith("/exec")]) == 1, "it was looked for again"
    assert api.run("instance", name=running, wait_for=["agent", "ipv4"])["changed"] is False


SAY_READY = (
    'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!; my $b = \'{"state": "Ready"}\'; '
    'print $s "PATCH /1.0 HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nContent-Length: " . '
    'length($b) . "\\r\\n\\r\\n$b"; print scalar <$s>;'
)


def test_51_an_instance_that_reports_ready_runs(api, running: str, distribution: str) -> None:
    if not api.has("instance_ready_state"):
        with pytest.raises(ModuleFailed, match="needs the extension 'instance_ready_state'"):
            api.run("instance", name=running, wait_for=["ready"], timeout=5)
        return
    api.run("instance", name="tells", image=distribution, wait_for=["ipv4"])
    said = api.daemon.cli("exec", "tells", "--", "perl", "-e", SAY_READY, f"/dev/{api.kind}/sock")
    assert "200" in said
    assert api.query("/1.0/instances/tells")["status"] == "Ready"
    api.unchanged("instance", name="tells", wait_for=["ready", "ipv4"])


def test_62_the_default_profile_of_a_project_is_adopted(api) -> None:
    api.run("project", name="fresh")
    devices = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    done = api.converges("profile", name="default", project="fresh", devices=devices)
    assert done["actions"] == ["update profile default (devices)"]
    assert api.query("/1.0/profiles/default?project=fresh")["devices"] == devices
    api.run("project", name="fresh", state="absent")
