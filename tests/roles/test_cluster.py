# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role cluster on hosts with real daemons: made, run again, grown, shrunk and broken off, by editing the inventory
only.
"""

from __future__ import annotations

import copy
import json
import pathlib
import re
import sys
from typing import Any, Iterator

import pytest
import yaml
from lab.cluster import Hosts
from roles.conftest import KINDS, Run, ansible

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "inventories" / "cluster-minimal" / "group_vars" / "all.yml"
MINIMAL = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
#: The simplest example, and what it does not have.
CLUSTER = {
    **{name: MINIMAL[name] for name in ("cluster_config", "cluster_profiles")},
    "cluster_storage_pools": [
        *MINIMAL["cluster_storage_pools"],
        {"name": "sized", "driver": "btrfs", "config": {"size": "1GiB"}},
    ],
    "cluster_networks": [
        *MINIMAL["cluster_networks"],
        {"name": "lan", "type": "macvlan", "config": {"parent": "up-all"}},
    ],
    "cluster_groups": [{"name": "gpu", "description": "Members with GPUs"}],
}


class Inventory:
    """Hosts as a user writes them down. Each module runs in the network namespace of its host."""

    def __init__(self, hosts: Hosts, folder: pathlib.Path) -> None:
        self.hosts, self.folder = hosts, folder
        self.vars: dict[str, dict[str, Any]] = {}
        for node in hosts.nodes:
            python = folder / f"python-{node.name}"
            python.write_text(f'#!/bin/sh\nexec nsenter --net --target={node.keeper.pid} {sys.executable} "$@"\n')
            python.chmod(0o755)
            source = folder / f"pool-{node.name}"
            source.mkdir()
            for bridge in (f"up-{node.name}", "up-all"):
                node.inside("ip", "link", "add", bridge, "type", "bridge")
            self.vars[node.name] = {
                "ansible_connection": "local",
                "ansible_python_interpreter": str(python),
                "cluster_url": node.url,
                "cluster_server_address": node.address,
                "cluster_member_config": [
                    {"entity": "storage-pool", "name": "local", "key": "source", "value": str(source)},
                    {"entity": "network", "name": "lan", "key": "parent", "value": f"up-{node.name}"},
                ],
            }
        self.vars["node1"]["cluster_member_config"].pop()  # it joins, and has what stands in config

    def play(self, *names: str, options: tuple[str, ...] = (), playbook: str = "", **extra: Any) -> Run:
        inventory = self.folder / "hosts.yml"
        inventory.write_text(
            yaml.safe_dump(
                {
                    "all": {
                        "hosts": {name: self.vars[name] for name in names},
                        "vars": {**copy.deepcopy(CLUSTER), **extra},
                    }
                }
            )
        )
        book = self.folder / "cluster.yml"
        book.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "roles": ["cloudhost.lxd.cluster"]}]))
        # each host has a Python of its own, so no module runs in Ansible's workers, and to load them for that takes
        # time
        return ansible("-i", str(inventory), *options, playbook or str(book), LXD_DIRECT="false")


@pytest.fixture(scope="module", params=KINDS)
def inventory(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Inventory]:
    hosts = Hosts(request.param, lab / f"cluster-{request.param}", 3)
    try:
        hosts.start()
        yield Inventory(hosts, lab / f"cluster-{request.param}")
    finally:
        hosts.stop()


def members(inventory: Inventory) -> dict[str, str]:
    return {
        member["server_name"]: member["status"]
        for member in inventory.hosts.nodes[0].query("/1.0/cluster/members?recursion=1")
    }


@pytest.mark.parametrize(
    ("names", "options"),
    [(("node1", "node2", "node3"), ("--limit", "node3")), (("node1", "node3"), ())],
    ids=["limit", "hosts"],
)
def test_a_limited_run_begins_no_second_cluster(
    inventory: Inventory, names: tuple[str, ...], options: tuple[str, ...]
) -> None:
    """By --limit, or by fewer hosts than those that cluster_hosts names."""
    refused = inventory.play(
        *names, options=options, **({} if options else {"cluster_hosts": ["node1", "node2", "node3"]})
    )
    assert refused.failed and "Run it once on all of them, without --limit" in refused.text, refused.text
    assert options or "not all of node1, node2, node3 take part" in refused.text
    assert inventory.hosts.nodes[2].query("/1.0/cluster")["enabled"] is False


def test_a_misspelled_pool_of_a_member_is_refused(inventory: Inventory) -> None:
    """Before there is a cluster. The server itself would only ignore the keys."""
    entry = inventory.vars["node1"]["cluster_member_config"][0]
    entry["name"] = "locl"
    refused = inventory.play("node1", "node2")
    entry["name"] = "local"
    assert refused.failed and "cluster_member_config names the storage_pool locl" in refused.text, refused.text
    assert "Known: local, sized." in refused.text, refused.text
    assert inventory.hosts.nodes[0].query("/1.0/cluster")["enabled"] is False


def test_from_nothing(inventory: Inventory) -> None:
    """The second host is the first member, because cluster_hosts says so."""
    order = {"cluster_hosts": ["node2", "node1"]}
    checked = inventory.play("node1", "node2", options=("--check",), **order)
    assert not checked.failed, checked.text
    assert inventory.hosts.nodes[0].query("/1.0/cluster")["enabled"] is False
    first = inventory.play("node1", "node2", options=("-v", "--diff"), **order)
    assert not first.failed, first.text
    assert re.search(r"TASK \[.*Make the first member\] \**\n(?:(?!TASK).*\n)*?changed: \[node2\]", first.text), (
        first.text
    )
    assert members(inventory) == {"node1": "Online", "node2": "Online"}
    assert '"secret"' not in first.text and "eyJ" not in first.text  # no token, decoded or not
    node = inventory.hosts.nodes[1]
    for name in members(inventory):
        assert node.query(f"/1.0/storage-pools/local?target={name}")["config"]["source"].endswith(f"pool-{name}")
        assert node.query(f"/1.0/storage-pools/sized?target={name}")["config"]["size"] == "1GiB", (
            "a key of every member that stands in config"
        )
        assert node.query(f"/1.0/networks/lan?target={name}")["config"]["parent"] == (
            "up-all" if name == "node1" else f"up-{name}"
        ), "its own key wins"
    assert node.query("/1.0")["config"]["cluster.offline_threshold"] == "30"
    assert inventory.play("node1", "node2", **order).changed == 0


def test_edits(inventory: Inventory) -> None:
    node = inventory.hosts.nodes[1]
    node.inside("ip", "link", "add", "other", "type", "bridge")
    inventory.vars["node2"]["cluster_member_config"][1]["value"] = "other"
    inventory.vars["node2"]["cluster_member"] = {
        "description": "The second",
        "failure_domain": "rack2",
        "groups": ["default", "gpu"],
    }
    node.run("network", name="lxdbr0", config={"user.by": "hand"})
    edited = inventory.play("node1", "node2")
    assert edited.tasks == ["Have it as declared", "Configure the members"], edited.text
    assert node.query("/1.0/networks/lxdbr0")["config"]["user.by"] == "hand"
    assert node.query("/1.0/networks/lan?target=node2")["config"]["parent"] == "other"
    assert node.query("/1.0/cluster/members/node2")["description"] == "The second"
    group = node.query("/1.0/cluster/groups/gpu")
    assert (group["members"], group["description"]) == (["node2"], "Members with GPUs")
    exact = inventory.play("node1", "node2", cluster_exact=True)
    assert exact.tasks == ["Have it as declared"], exact.text
    assert "user.by" not in node.query("/1.0/networks/lxdbr0")["config"]


def test_grow(inventory: Inventory) -> None:
    """By the inventory alone, also when the run is limited to the new host and one that is there."""
    grown = inventory.play("node1", "node2", "node3", options=("--limit", "node1,node3"))
    assert not grown.failed, grown.text
    assert members(inventory)["node3"] == "Online"
    assert inventory.hosts.nodes[0].query("/1.0/networks/lan?target=node3")["config"]["parent"] == "up-node3"
    assert inventory.play("node1", "node2", "node3").changed == 0


def test_evacuated_and_back(inventory: Inventory) -> None:
    inventory.vars["node3"]["cluster_member_state"] = "evacuated"
    names = ("node1", "node2", "node3")
    assert inventory.play(*names).tasks == ["Configure the members"]
    assert members(inventory)["node3"] == "Evacuated"
    assert inventory.play(*names).changed == 0
    inventory.vars["node3"]["cluster_member_state"] = "present"
    assert inventory.play(*names).tasks == ["Configure the members"]
    assert members(inventory)["node3"] == "Online"


def test_the_playbooks_that_evacuate_and_restore(inventory: Inventory) -> None:
    """Those that are named, and never the last one that is online."""
    names = ("node1", "node2", "node3")
    for playbook, status, options, variables in (
        ("cloudhost.lxd.evacuate", "Evacuated", (), {"evacuate_members": "node2"}),
        ("cloudhost.lxd.evacuate", "Evacuated", ("-e", "evacuate_members=node2"), {}),
        ("cloudhost.lxd.restore", "Online", ("-e", "restore_members=node2"), {}),
        ("cloudhost.lxd.restore", "Online", ("--limit", "node2"), {}),
    ):
        before = members(inventory)["node2"]
        done = inventory.play(*names, options=options, playbook=playbook, **variables)
        assert not done.failed and done.changed == (before != status), done.text
        assert members(inventory) == {"node1": "Online", "node2": status, "node3": "Online"}
    everything = inventory.play(*names, playbook="cloudhost.lxd.evacuate")
    assert everything.failed and "node3 is the last member that is online" in everything.text, everything.text
    assert members(inventory) == {"node1": "Evacuated", "node2": "Evacuated", "node3": "Online"}
    assert not inventory.play(*names, playbook="cloudhost.lxd.restore").failed
    assert set(members(inventory).values()) == {"Online"}


def test_shrink(inventory: Inventory) -> None:
    inventory.vars["node3"]["cluster_member_state"] = "absent"
    names = ("node1", "node2", "node3")
    alone = inventory.play(*names, options=("--limit", "node3"))
    assert alone.failed and "a member that stays has to remove them" in alone.text, alone.text
    shrunk = inventory.play(*names)
    assert not shrunk.failed, shrunk.text
    assert sorted(members(inventory)) == ["node1", "node2"]
    assert inventory.play(*names).changed == 0


def test_a_host_with_data_does_not_join_unless_by_force(inventory: Inventory) -> None:
    """What it has would be lost: the error names it, and the others are not touched."""
    node = inventory.hosts.nodes[2]
    assert json.loads(node.cli("query", "/1.0/cluster"))["enabled"] is False
    node.run("storage_pool", name="mine", driver="dir")
    inventory.vars["node3"]["cluster_member_state"] = "present"
    names = ("node1", "node2", "node3")
    refused = inventory.play(*names)
    assert refused.failed and "storage pools mine" in refused.text, refused.text
    assert sorted(members(inventory)) == ["node1", "node2"]
    inventory.vars["node3"]["cluster_join_force"] = True
    joined = inventory.play(*names)
    assert not joined.failed and members(inventory)["node3"] == "Online", joined.text
    assert "/1.0/storage-pools/mine" not in inventory.hosts.nodes[0].query("/1.0/storage-pools")


def test_a_member_with_an_instance_is_removed_by_force(inventory: Inventory) -> None:
    """With its instance, which is not moved away before."""
    inventory.hosts.nodes[0].run(
        "instance", name="lost", source={"type": "none"}, type="container", state="present", target="node3"
    )
    inventory.vars["node3"].update(cluster_member_state="absent", cluster_remove_force=True)
    removed = inventory.play("node1", "node2", "node3")
    assert removed.tasks == ["Remove the member node3"], removed.text
    assert sorted(members(inventory)) == ["node1", "node2"]
    assert inventory.hosts.nodes[0].query("/1.0/instances") == []
