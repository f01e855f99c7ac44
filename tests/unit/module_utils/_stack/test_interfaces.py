# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on what: parents and interfaces of networks and NICs, what they refer to, and what is missing."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.interfaces import below, missing, references
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused_after, run
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient


def test_interfaces_that_a_config_names():
    assert below({"parent": "br0.100", "bridge.external_interfaces": "eth1, eth2.5/eth2/5",
     "tunnel.a.interface": "eth3", "tunnel.a.id": 3}) == [
        "br0.100", "eth1", "eth2.5", "eth2", "eth3",
    ]  # fmt: skip
    assert references({"parent": "br0.100"}) == [("network", "br0.100", "default"), ("network", "br0", "default")]
    assert references({"parent": None, "bridge.external_interfaces": ["odd"]}) and references({}) == []


def test_what_stands_on_a_network_is_made_after_it_and_deleted_before(world):
    definition = {
        "profiles": [{"name": "web", "devices": {"eth0": {"type": "nic", "nictype": "bridged", "parent": "br0"}}}],
        "networks": [{"name": "mv", "type": "macvlan", "config": {"parent": "br0.5"}}, {"name": "br0"}],
    }
    world.server["api_extensions"] = [*world.server["api_extensions"], "network_type_macvlan"]
    run(world, definition)
    assert world.writes.index("POST /1.0/networks/br0") == 0
    world.writes.clear()
    run(world, absent=True)
    assert world.writes[-1] == "DELETE /1.0/networks/br0"


def test_references_of_sources_are_seen_from_the_project_that_they_name(world):
    source = {"type": "copy", "source": "one", "project": "lab"}
    definition = {
        "instances": [
            {"name": "two", "source": source, "state": "stopped"},
            {"name": "one", "project": "lab", "source": EMPTY, "state": "stopped"},
        ],
        "projects": [{"name": "lab"}],
    }
    run(world, definition)
    assert world.writes == ["POST /1.0/projects/lab", "POST /1.0/instances/one", "POST /1.0/instances/two"]


def test_limits_of_pools_and_volumes_of_the_daemon_name_pools():
    assert ("storage_pool", "fast") in KINDS["project"].references({"config": {"limits.disk.pool.fast": "1GiB"}})
    assert ("storage_pool", "fast/images") in KINDS["server"].references(
        {"config": {"storage.images_volume": "fast/images"}}
    )
    config = {"parent": "br1"}
    assert ("network", "br1", "default") in KINDS["network"].references(
        {"config": None, "members": {"n1": config, "n2": None}}
    )


def test_of_what_cannot_be_known_nothing_is_said(world):
    client = WorldClient(world)
    for name in ("lo", "lxdbr0", "eth0"):
        world.put(f"/1.0/networks/{name}", managed=False)
    wanted = {"p": "lxdbr1"}
    assert (
        missing(client, wanted, {})["p"]
        == "p: there is no network and no interface 'lxdbr1' on lxd 6.1 at world. Did you mean 'lxdbr0'?"
    )
    assert missing(client, {"a": "lo", "b": "eth0", "c": "eth0.100", "d": "veth1"}, {}) == {}
    client.clustered = True
    assert missing(client, wanted, {}) == {}
    client.clustered = False
    world.faults["GET /1.0/networks"] = "User does not have permissions for project"
    assert missing(client, wanted, {}) == {}
    world.faults["GET /1.0/networks"] = "database is gone"
    with pytest.raises(ServerError, match="database is gone"):
        missing(client, wanted, {})
    world.faults.clear()
    del world.objects["default", "/1.0/networks/lo"]
    assert missing(client, wanted, {}) == {}


@pytest.fixture
def host(world):
    """A world that lists the interfaces of the host."""
    for name in ("lo", "lxdbr0", "eth0"):
        world.put(f"/1.0/networks/{name}", managed=name == "lxdbr0")
    world.server["api_extensions"] = [*world.server["api_extensions"], "network_type_macvlan"]
    return world


def bridged(parent, **keys):
    return {"eth0": {"type": "nic", "nictype": "bridged", "parent": parent, **keys}}


def told(world, **definition):
    return run(world, definition, check=True, adopt=True)["warnings"]


def test_a_parent_that_may_come_later_is_a_warning(host):
    words = (
        "devices.eth0.parent: there is no network and no interface 'lxdbr1' on lxd 6.1 at world. Did you mean 'lxdbr0'?"
    )
    later = "Instances with it cannot start before there is one."
    assert told(host, profiles=[{"name": "web", "devices": bridged("lxdbr1")}]) == [
        f"profiles[0] 'web': {words} {later}"
    ]
    for state in ("stopped", "present"):
        entry = {"name": "i1", "source": EMPTY, "state": state, "devices": bridged("lxdbr1")}
        assert told(host, instances=[entry]) == [f"instances[0] 'i1': {words} {later}"]
    assert (
        told(
            host,
            profiles=[
                {"name": name, "devices": bridged(parent)}
                for name, parent in (("a", "eth0"), ("b", "lxdbr0"), ("c", "eth0.5"))
            ],
        )
        == []
    )
    assert told(host, profiles=[{"name": "web", "devices": bridged("soon")}], networks=[{"name": "soon"}]) == []


def test_a_parent_that_is_needed_now_is_an_error(host):
    entry = {"name": "i1", "source": EMPTY, "devices": bridged("lxdbr1")}
    for state in ("started", "frozen"):
        assert "Did you mean 'lxdbr0'?" in refused_after(host, {"instances": [{**entry, "state": state}]})
    static = {"ipv6.address": "fd00::2"}
    assert "lxdbr1" in refused_after(host, {"profiles": [{"name": "web", "devices": bridged("lxdbr1", **static)}]})
    filtered = bridged("lxdbr1", **static, **{"security.ipv6_filtering": True})
    assert len(told(host, profiles=[{"name": "web", "devices": filtered}])) == 1
    host.put("/1.0/instances/i1", status="Running", devices=bridged("lost"))
    there = {"instances": [{"name": "i1", "state": "present", "devices": bridged("lost", mtu=1400)}]}
    assert told(host, **there) == []  # what it runs with is not looked at
    there["instances"][0]["devices"] = bridged("lxdbr1")
    assert "lxdbr1" in refused_after(host, there, adopt=True)
    assert "config.parent" in refused_after(
        host, {"networks": [{"name": "mv", "type": "macvlan", "config": {"parent": "eth1"}}]}
    )
    assert told(host, networks=[{"name": "mv", "type": "macvlan", "config": {"parent": "eth0"}}]) == []


def test_a_bridge_is_made_without_an_interface_that_is_not_there(host):
    (warning,) = told(
        host, networks=[{"name": "br9", "config": {"bridge.external_interfaces": "eth0, eth1,eth2.5/eth2/5"}}]
    )
    assert (
        "config.bridge.external_interfaces: there is no network and no interface 'eth1'" in warning
        and warning.endswith("The bridge is made without it.")
    )
