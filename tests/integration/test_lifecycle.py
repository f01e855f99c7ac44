# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is odd about single kinds, step by step: predicted, done, done once, and the daemon's own client agrees.

What all kinds do alike is in `test_conformance.py`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest


class Case(NamedTuple):
    """A step: the task, where the daemon shows the result, and what is to be seen there (None: nothing)."""

    module: str
    arguments: dict[str, Any]
    path: str
    expected: dict[str, Any] | None


def _case(module: str, path: str, expected: dict[str, Any] | None, **arguments: Any) -> Case:
    return Case(module, arguments, path, expected)


PROFILE, POOL, NET, PROJECT = "/1.0/profiles/p1", "/1.0/storage-pools/pool1", "/1.0/networks/net1", "/1.0/projects/prj1"
NIC = {"type": "nic", "network": "lxdbr0"}
MACVLAN = {"type": "macvlan", "config": {"parent": "lxdbr0"}}
FEATURES = {"features.images": "false", "features.profiles": "true"}
SERVER, INTERVAL = {"images.compression_algorithm": "none"}, {"images.auto_update_interval": 12}
#: Features of projects that only later daemons know, or that a daemon adds by itself.
LATER = ("features.storage.buckets", "features.storage.volumes", "features.networks", "features.networks.zones")
STEPS: dict[str, list[Case]] = {
    "profile": [
        _case(
            "profile",
            PROFILE,
            {"config": {"limits.cpu": "2", "security.nesting": "true"}},
            name="p1",
            config={"limits.cpu": 2, "security.nesting": True},
        ),
        _case(
            "profile",
            PROFILE,
            {"config": {"limits.memory": "1GiB", "security.nesting": "true"}},
            name="p1",
            config={"limits.memory": "1GiB", "limits.cpu": None},
        ),
        _case(
            "profile",
            PROFILE,
            {"description": "d", "devices": {"eth0": NIC}},
            name="p1",
            description="d",
            devices={"eth0": NIC},
        ),
        _case(
            "profile",
            PROFILE,
            {"devices": {"eth0": {**NIC, "security.mac_filtering": "true"}}},
            name="p1",
            devices={"eth0": {"security.mac_filtering": True}},
        ),
        _case("profile", PROFILE, {"devices": {"eth0": NIC}}, name="p1", devices={"eth0": NIC}, purge_devices=True),
        _case(
            "profile",
            PROFILE,
            {"devices": {"none": {"type": "none"}}},
            name="p1",
            devices={"none": {"type": "none"}},
            purge_devices=True,
        ),
        _case("profile", PROFILE, None, name="p1", state="absent"),
    ],
    "project": [
        _case(
            "project",
            PROJECT,
            {"description": "x"},
            name="prj1",
            description="x",
            config={"features.images": False, "features.profiles": True},
        ),
        _case(
            "project",
            PROJECT,
            {"config": {**FEATURES, "user.a": "1"}},
            name="prj1",
            config={"user.a": 1},
            purge_config=True,
        ),
        _case("project", PROJECT, None, name="prj1", state="absent"),
    ],
    "storage_pool": [
        _case("storage_pool", POOL, {"driver": "dir", "description": ""}, name="pool1", driver="dir"),
        _case(
            "storage_pool",
            POOL,
            {"driver": "btrfs"},
            name="pool1",
            driver="btrfs",
            config={"size": "1GiB"},
            recreate=True,
        ),
        _case(
            "storage_pool",
            POOL,
            {"driver": "btrfs"},
            name="pool1",
            config={"size": "1536MiB", "user.a": 1, "rsync.bwlimit": "1MiB"},
        ),
        _case(
            "storage_pool",
            POOL,
            {"config": {"size": "1536MiB", "user.a": "2"}},
            name="pool1",
            config={"user.a": 2},
            purge_config=True,
        ),
        _case("storage_pool", POOL, None, name="pool1", state="absent"),
    ],
    "network": [
        _case(
            "network",
            NET,
            {"type": "bridge"},
            name="net1",
            config={"ipv4.address": "auto", "ipv6.address": "auto", "ipv4.nat": True},
        ),
        _case(
            "network",
            NET,
            {"type": "bridge"},
            name="net1",
            config={"ipv4.address": "10.158.7.1/24", "ipv6.address": "none"},
        ),
        _case(
            "network",
            NET,
            {"type": "bridge"},
            name="net1",
            config={"user.k": "v", "user.gone": 1, "ipv4.dhcp.expiry": "2h"},
        ),
        _case(
            "network",
            NET,
            {
                "config": {
                    "ipv4.address": "10.158.7.1/24",
                    "ipv4.nat": "true",
                    "ipv6.address": "none",
                    "ipv6.nat": "true",
                    "user.k": "v",
                }
            },
            name="net1",
            config={"user.k": "v"},
            purge_config=True,
        ),
        _case(
            "network",
            NET,
            {"type": "macvlan", "config": {"parent": "lxdbr0"}},
            name="net1",
            **MACVLAN,
            recreate=True,
        ),
        _case("network", NET, None, name="net1", state="absent"),
    ],
    "server": [
        _case(
            "server",
            "/1.0",
            {"config": {**SERVER, "images.auto_update_interval": "12", "user.site": "lab"}},
            config={**INTERVAL, "user.site": "lab"},
        ),
        _case("server", "/1.0", {"config": SERVER}, config={"images.auto_update_interval": 6, "user.site": None}),
    ],
    "instance": [
        _case(
            "instance",
            "/1.0/instances/i1",
            {"status": "Stopped"},
            name="i1",
            image="busybox",
            state="present",
            config={"limits.cpu": 1, "user.a": "b"},
        ),
        _case(
            "instance",
            "/1.0/instances/i1",
            {"status": "Stopped"},
            name="i1",
            state="present",
            description="d",
            config={"limits.memory": "256MiB", "user.a": None},
        ),
        _case(
            "instance",
            "/1.0/instances/i1",
            {"status": "Stopped"},
            name="i1",
            state="stopped",
            devices={"root": {"size": "2GiB"}},
        ),
        _case(
            "instance",
            "/1.0/instances/i1",
            {"status": "Running", "description": "d"},
            name="i1",
            config={"limits.memory": "300MiB"},
        ),
        _case(
            "instance",
            "/1.0/instances/i1",
            {"status": "Running", "ephemeral": False},
            name="i1",
            profiles=["default"],
            config={"limits.processes": 500},
        ),
        _case("instance", "/1.0/instances/i1", {"status": "Frozen"}, name="i1", state="frozen"),
        _case("instance", "/1.0/instances/i1", {"status": "Running"}, name="i1", state="started"),
        _case("instance", "/1.0/instances/i1", {"status": "Stopped"}, name="i1", state="stopped", force=True),
        _case(
            "instance",
            "/1.0/instances/i2",
            {"status": "Stopped", "description": "d"},
            name="i1",
            new_name="i2",
            state="present",
        ),
        _case(
            "instance",
            "/1.0/instances/i3",
            {"status": "Stopped"},
            name="i3",
            source={"type": "copy", "source": "i2"},
            state="stopped",
        ),
        _case(
            "instance", "/1.0/instances/i4", {"status": "Stopped"}, name="i4", source={"type": "none"}, state="present"
        ),
        _case("instance", "/1.0/instances/i4", None, name="i4", state="absent"),
        _case("instance", "/1.0/instances/i3", None, name="i3", state="absent"),
        _case(
            "instance",
            "/1.0/instances/i2",
            {"status": "Running", "config": {}, "devices": {}},
            name="i2",
            purge_config=True,
            purge_devices=True,
        ),
        _case("instance", "/1.0/instances/i2", None, name="i2", state="absent", force=True),
    ],
}


def _of_users(module: str, key: str, value: Any) -> Any:
    """A part of an object without the keys that the daemon writes by itself, where they are many."""
    if key != "config":
        return value
    own = ("volatile.", "image.", *(("source",) if module == "storage_pool" else ()))
    return {name: text for name, text in value.items() if not name.startswith(own) and name not in LATER}


@pytest.mark.parametrize("kind", STEPS)
def test_lifecycle(api, kind: str) -> None:
    for step in STEPS[kind]:
        done = api.converges(step.module, **step.arguments)
        seen = api.daemon.query(step.path, check=False)
        if step.expected is None:
            assert seen is None
            assert done[step.module] is None
            continue
        assert {key: _of_users(step.module, key, seen[key]) for key in step.expected} == step.expected
        if step.module != "server":
            for key in ("config", "description", "devices"):
                assert done[step.module].get(key) == seen.get(key), key


def test_info_modules(api, running: str) -> None:
    server = api.run("server_info")["server"]
    assert server["environment"]["server"] == api.kind
    one = api.run("instance_info", name=running)["instances"]
    assert [instance["name"] for instance in one] == [running]
    assert one[0]["state"]["network"]["eth0"]["addresses"]
    assert api.run("instance_info", name="nobody")["instances"] == []
    api.proxy.forget()
    pools = api.run("resource_info", kind="storage_pool")["resources"]
    assert len(api.proxy.requests) == 1
    assert [pool["name"] for pool in pools] == ["default"]
    assert api.run("resource_info", kind="image", name="debian/12")["resources"][0]["properties"]
    assert api.run("resource_info", kind="network", name="nothing")["resources"] == []
    assert api.run("resource_info", kind="instance_snapshot", parent=running)["resources"] == []


def test_what_a_new_instance_costs(server, running: str) -> None:  # type: ignore[no-untyped-def]
    """As docs/architecture.md claims: seven requests until it runs, and looks at its state until it has its address."""
    asked = [re.sub(r"operations/[^/]+", "operations/ID", request.split("?")[0]) for request in server.asked]
    made = [
        "GET /1.0/instances/shared",
        "GET /1.0/images/aliases/busybox",
        "POST /1.0/instances",
        "GET /1.0/operations/ID/wait",
    ]
    begun = ["PUT /1.0/instances/shared/state", "GET /1.0/operations/ID/wait", "GET /1.0/instances/shared"]
    assert asked[:7] == made + begun
    assert set(asked[7:]) == {"GET /1.0/instances/shared/state"}
