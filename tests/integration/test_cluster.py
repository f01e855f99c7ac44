# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of three real daemons, made, configured, grown and shrunk by the modules, in the order in which a cluster
lives.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Iterator

import pytest
from integration.conftest import KINDS
from integration.modules import ModuleFailed
from lab.cluster import Hosts, Node

SINGLE: dict[str, Any] = {"name": "single", "driver": "btrfs", "config": {"size": "1GiB", "user.a": 1}}


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab) -> Iterator[Hosts]:  # type: ignore[no-untyped-def]
    hosts = Hosts(request.param, lab / f"cluster-{request.param}", 3)
    try:
        hosts.start()
        yield hosts
    finally:
        hosts.stop()


def members(hosts: Hosts) -> dict[str, str]:
    return {
        member["server_name"]: member["status"] for member in hosts.nodes[0].query("/1.0/cluster/members?recursion=1")
    }


def refused(node: Node, module: str, /, **arguments: Any) -> str:
    return node.refuses(module, **arguments)


def test_the_first_member(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    assert "listens on 'no address'" in refused(first, "cluster", server_name="node1")
    assert "server_name: '@node1' is not a valid name" in refused(
        first, "cluster", server_name="@node1", server_address=first.address
    )
    for address in ("10.0.0.1", ":8443", "[::0]:8443", "0:8443", "fd00::1:8443", "10.0.0.1:0", "https://10.0.0.1:8443"):
        assert f"server_address: '{address}' " in refused(first, "cluster", server_name="node1", server_address=address)
    with pytest.raises(ModuleFailed, match=r"10\.0\.0\.9:8443"):  # LXD stores what it cannot listen on
        first.run("cluster", server_name="node1", server_address="10.0.0.9:8443")
    assert not first.query("/1.0")["config"]
    for module in ("cluster_token", "cluster_member", "cluster_group"):
        assert "is not clustered: enable clustering with" in refused(first, module, name="node2")
    assert first.run("cluster_info")["members"] == []
    first.run("storage_pool", **SINGLE)
    done = first.converges("cluster", server_name="node1", server_address=first.address)
    assert done["actions"] == [f"set core.https_address to {first.address}", "enable clustering on node1"]
    assert members(hosts) == {"node1": "Online"}
    assert "is the member 'node1' of a cluster already, not 'node9'" in refused(first, "cluster", server_name="node9")
    for address, words in (
        ("10.0.0.1:9443", "at 10.0.0.1:8443, and that is not changed to 10.0.0.1:9443"),
        (first.address, ""),
    ):
        again = first.run("cluster", server_name="node1", server_address=address)
        assert (
            again["changed"] is False
            and words in str(again.get("warnings", ""))
            and bool(again.get("warnings")) == bool(words)
        )
    for force in (True, False):
        assert "'node1' is the only member" in refused(
            first, "cluster_member", name="node1", state="absent", force=force
        )


def test_1_what_was_written_for_a_single_server_holds_in_the_cluster(hosts: Hosts) -> None:
    """Complaint 1: keys that are a member's own once the server is clustered are refused in the very preseed that it
    was initialised with.
    """
    assert hosts.nodes[0].run("storage_pool", **SINGLE)["changed"] is False
    assert "size" not in hosts.nodes[0].query("/1.0/storage-pools/single")["config"], "it is a key of the member now"
    hosts.nodes[0].converges("storage_pool", **{**SINGLE, "config": {"size": "2GiB", "user.a": 2}})
    hosts.nodes[0].converges("storage_pool", name="single", state="absent")


def test_tokens(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.converges("cluster_token", name="node9")
    token = first.run("cluster_token", name="node9")["cluster_token"]
    assert json.loads(base64.b64decode(token["token"]))["server_name"] == "node9"
    first.converges("cluster_token", name="node9", state="absent")
    assert "has a member 'node1' already" in refused(first, "cluster_token", name="node1")


def test_the_join_guard(hosts: Hosts) -> None:
    """Joining deletes what the server has."""
    first, second = hosts.nodes[:2]
    token = first.run("cluster_token", name="node2")["cluster_token"]["token"]
    join = {"server_name": "node2", "server_address": second.address, "cluster_token": token}
    second.run("storage_pool", name="old", driver="dir")
    second.run("instance", name="precious", source={"type": "none"}, pool="old", state="present")
    text = refused(second, "cluster", **join)
    assert "instances precious; storage pools old" in text and "force: true" in text
    second.run("instance", name="precious", state="absent")
    second.run("storage_pool", name="old", state="absent")
    assert "is for a member named 'node2', and server_name is 'node3'" in refused(
        second, "cluster", **{**join, "server_name": "node3"}
    )
    assert "not a token" in refused(second, "cluster", **{**join, "cluster_token": "no-token"})
    data = json.loads(base64.b64decode(token))
    other = base64.b64encode(json.dumps({**data, "fingerprint": "0" * 64}).encode()).decode()
    with pytest.raises(ModuleFailed, match="not the pinned 0000.* make another cluster_token.*cluster_server_address"):
        second.run("cluster", **{**join, "cluster_token": other})
    nowhere = base64.b64encode(json.dumps({**data, "addresses": [f"{first.ip}:1"]}).encode()).decode()
    with pytest.raises(ModuleFailed, match=f"No member of the cluster can be reached .*{first.ip}:1"):
        second.run("cluster", timeout=20, **{**join, "cluster_token": nowhere})
    assert second.query("/1.0/cluster")["enabled"] is False


def test_pools_and_networks_that_differ_by_member_before_the_second_joins(hosts: Hosts) -> None:
    """Complaints 25 to 27: one task, also on a cluster of one."""
    first = hosts.nodes[0]
    source = first.folder.parent / "pool"
    source.mkdir()
    assert "has no member 'node7'" in refused(
        first, "storage_pool", name="local", driver="dir", members={"node7": {"source": "/x"}}
    )
    assert "is one of the whole storage_pool" in refused(
        first, "storage_pool", name="local", driver="dir", members={"node1": {"rsync.bwlimit": 1}}
    )
    first.converges(
        "storage_pool",
        name="local",
        driver="dir",
        description="Local",
        config={"rsync.bwlimit": 100},
        members={"node1": {"source": str(source)}},
    )
    assert first.query("/1.0/storage-pools/local?target=node1")["config"]["source"] == str(source)
    assert first.query("/1.0/storage-pools/local")["description"] == "Local"
    first.converges("network", name="bridge0", config={"ipv4.address": "10.158.7.1/24", "ipv6.address": "none"})


def test_joining(hosts: Hosts) -> None:
    """Members that differ: the source of the pool on node2 is its own. What a join that failed left is not taken for
    somebody's data.
    """
    first, second = hosts.nodes[:2]
    source = second.folder.parent / "pool"
    source.mkdir()
    first.run("storage_pool", name="early", driver="dir")
    join = {"server_name": "node2", "server_address": second.address}
    config = [{"entity": "storage-pool", "name": "local", "key": "source", "value": str(source)}]
    revoked = first.run("cluster_token", name="node2")["cluster_token"]["token"]
    first.run("cluster_token", name="node2", state="absent")
    for given, place in ((revoked, str(source)), ("", "/nowhere")):
        token = given or first.run("cluster_token", name="node2")["cluster_token"]["token"]
        with pytest.raises(ModuleFailed, match="A cluster_token is good for one attempt.*cloudhost.lxd.cluster_token"):
            second.run("cluster", cluster_token=token, member_config=[{**config[0], "value": place}], **join)
    left = ["early"] if second.kind == "incus" else []
    assert (second.query("/1.0/storage-pools") or []) == [f"/1.0/storage-pools/{name}" for name in left]
    second.run("storage_pool", name="mine", driver="dir")
    join["cluster_token"] = first.run("cluster_token", name="node2")["cluster_token"]["token"]
    assert "this would be lost: storage pools mine." in refused(second, "cluster", **join)
    second.run("storage_pool", name="mine", state="absent")
    config += [{**config[0], "name": "lokal"}, {**config[0], "key": "rsync.bwlimit", "value": "7"}]
    done = second.converges("cluster", member_config=config, **join)
    assert done["actions"] == [
        f"remove what a join that failed left here: /1.0/storage-pools/{name}" for name in left
    ] + ["join the cluster as node2"]
    first_warning, second_warning = map(str, done["warnings"])
    assert (
        "no storage-pool 'lokal'" in first_warning
        and "rsync.bwlimit: '100' on this member, and '7' was given" in second_warning
    )
    assert "user.cloudhost.joining" not in second.query("/1.0")["config"]
    assert first.run("cluster_member", name="node2", wait_for=["online"])["changed"] is False
    assert members(hosts) == {"node1": "Online", "node2": "Online"}
    assert first.query("/1.0/storage-pools/local?target=node2")["config"]["source"] == str(source)
    info = second.run("cluster_info")
    assert info["cluster"]["server_name"] == "node2" and len(info["members"]) == 2
    first.run("storage_pool", name="early", state="absent")


def test_pools_and_networks_in_two_phases(hosts: Hosts) -> None:
    first, second = hosts.nodes[:2]
    for node in (first, second):
        node.inside("ip", "link", "add", f"up-{node.name}", "type", "bridge")
        (node.folder.parent / "two").mkdir()
    own = {node.name: {"source": str(node.folder.parent / "two")} for node in (first, second)}
    pool = {"name": "two", "driver": "dir", "config": {"user.a": 1}, "members": own}
    first.converges("storage_pool", **pool)
    assert second.run("storage_pool", **pool)["changed"] is False
    for node in (first, second):
        assert (
            second.query(f"/1.0/storage-pools/two?target={node.name}")["config"]["source"] == own[node.name]["source"]
        )
    assert "members.node1.source" in refused(
        first, "storage_pool", **{**pool, "members": {"node1": {"source": "/elsewhere"}}}
    )

    parents = {node.name: {"parent": f"up-{node.name}"} for node in (first, second)}
    for wish in ({}, {"members": {"node1": parents["node1"]}}, {"members": {**parents, "node2": {"parent": None}}}):
        assert f"members.{'node2' if wish else 'node1'}.parent: a network with the type macvlan" in refused(
            first, "network", name="lan", type="macvlan", **wish
        )
    first.converges("network", name="lan", type="macvlan", members=parents)
    assert "members.node2.parent: " in refused(first, "network", name="lan", members={"node2": {"parent": None}})
    assert first.query("/1.0/networks/lan?target=node2")["config"]["parent"] == "up-node2"
    # a key of a member and a shared one, edited in one task: neither is lost
    second.inside("ip", "link", "add", "other", "type", "bridge")
    first.converges("network", name="lan", type="macvlan", config={"user.b": 2}, members={"node2": {"parent": "other"}})
    shown = first.query("/1.0/networks/lan?target=node2")["config"]
    assert (shown["parent"], shown["user.b"]) == ("other", "2")
    first.converges("network", name="lan", type="macvlan", config={"parent": "up-node2"}, members={"node1": None})
    assert first.query("/1.0/networks/lan?target=node2")["config"]["parent"] == "up-node2", (
        "of all members but the one that keeps what it has"
    )
    assert first.query("/1.0/networks/lan?target=node1")["config"]["parent"] == "up-node1"


def test_a_stack_on_a_cluster(hosts: Hosts) -> None:
    """Made through one member, found through another, exported to no change, and taken away."""
    first, second = hosts.nodes[:2]
    for node in (first, second):
        (node.folder.parent / "stacked").mkdir()
    definition = {
        "storage_pools": [
            {
                "name": "stacked",
                "driver": "dir",
                "members": {node.name: {"source": str(node.folder.parent / "stacked")} for node in (first, second)},
            }
        ],
        "cluster_groups": [{"name": "stacked", "description": "by a stack", "members": ["node2"]}],
        "networks": [{"name": "stacked0", "config": {"ipv4.address": "10.158.9.1/24", "ipv6.address": "none"}}],
        "profiles": [{"name": "stacked", "devices": {"root": {"type": "disk", "path": "/", "pool": "stacked"}}}],
        "instances": [
            {
                "name": "stacked1",
                "source": {"type": "none"},
                "state": "stopped",
                "profiles": ["stacked"],
                "target": "@stacked",
            }
        ],
    }
    assert "5 to create" in first.run("stack", name="app", definition=definition)["summary"]
    assert second.run("stack", name="app", definition=definition)["changed"] is False
    assert first.query("/1.0/storage-pools/stacked?target=node2")["config"]["source"].startswith(
        str(second.folder.parent)
    )
    assert first.query("/1.0/instances/stacked1")["location"] == "node2"
    assert first.query("/1.0/cluster/groups/stacked")["members"] == ["node2"]
    exported = second.run("stack_export")["definition"]
    own = {node.name: {"source": str(node.folder.parent / "stacked")} for node in (first, second)}
    assert next(pool for pool in exported["storage_pools"] if pool["name"] == "stacked")["members"] == own
    plan = first.run("stack", check=True, definition=exported)
    assert plan["changed"] is False, plan["plan_text"]
    assert "4 to delete" in second.run("stack", name="app", state="absent")["summary"]
    assert first.run("stack", name="app", state="absent")["changed"] is False
    assert first.query("/1.0/cluster/groups/stacked")["members"] == ["node2"], (
        "nothing says whose a group is, so a stack takes none away"
    )
    assert first.converges("cluster_group", name="stacked", state="absent")["actions"] == [
        "take the members out of cluster_group stacked",
        "delete cluster_group stacked",
    ]


def test_evacuate_and_restore(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.run("instance", name="c1", source={"type": "none"}, pool="local", state="stopped", target="node2")
    leave = {"name": "node2", "state": "absent"}
    assert "while it has the instances c1" in refused(first, "cluster_member", **leave)
    assert "lost with it: the instances c1" in str(
        first.run("cluster_member", check=True, force=True, **leave)["warnings"]
    )
    first.converges("cluster_member", name="node2", state="evacuated")
    assert members(hosts)["node2"] == "Evacuated"
    assert first.query("/1.0/instances/c1")["location"] == "node1"  # it was stopped there, and is moved all the same
    assert first.run("cluster_member", name="node2")["changed"] is False
    first.converges("cluster_member", name="node2", state="restored", wait_for=["online"])
    assert members(hosts)["node2"] == "Online"
    assert first.query("/1.0/instances/c1")["location"] == "node2"
    stop = {"name": "node2", "state": "evacuated", "mode": "stop"}
    if "clustering_evacuation_mode" in first.query("/1.0")["api_extensions"]:
        first.converges("cluster_member", **stop)
        assert first.query("/1.0/instances/c1")["location"] == "node2", "it was to be stopped, and not to be moved"
        first.converges("cluster_member", name="node2", state="restored", mode="skip", wait_for=["online"])
    else:
        assert "mode needs the extension 'clustering_evacuation_mode'" in refused(first, "cluster_member", **stop)
    first.converges("instance", name="c1", state="absent")


def test_the_configuration_of_a_member(hosts: Hosts) -> None:
    """`target` says whose is meant."""
    first = hosts.nodes[0]
    key = {"config": {"core.debug_address": "127.0.0.1:18999"}}
    first.converges("server", target="node2", **key)
    assert first.query("/1.0?target=node2")["config"]["core.debug_address"] == "127.0.0.1:18999"
    assert "core.debug_address" not in first.query("/1.0?target=node1")["config"]
    first.converges("server", target="node2", config={"core.debug_address": None})


def test_grow_rename_shrink(hosts: Hosts) -> None:
    first, _second, third = hosts.nodes
    for folder in ("pool", "two"):
        (third.folder.parent / folder).mkdir()
    config = [
        {"entity": "storage-pool", "name": name, "key": "source", "value": str(third.folder.parent / folder)}
        for name, folder in (("local", "pool"), ("two", "two"))
    ]
    third.inside("ip", "link", "add", "up-node3", "type", "bridge")
    config.append({"entity": "network", "name": "lan", "key": "parent", "value": "up-node3"})
    third.run("storage_pool", name="scrap", driver="dir")
    join = {"server_name": third.name, "server_address": third.address, "member_config": config}
    token = first.run("cluster_token", name=third.name)["cluster_token"]["token"]
    assert "storage pools scrap" in refused(third, "cluster", cluster_token=token, **join)
    assert third.run("cluster", cluster_token=token, force=True, **join)["actions"] == ["join the cluster as node3"]
    assert "scrap" not in str(third.query("/1.0/storage-pools")), "joining deletes what the server had"
    assert first.query("/1.0/networks/lan?target=node3")["config"]["parent"] == "up-node3"
    first.converges("cluster_member", name="node3", new_name="spare")
    assert "spare" in members(hosts)
    assert "is the member that this task speaks to" in refused(
        third, "cluster_member", name="spare", state="absent", force=True
    )
    first.converges("cluster_member", name="spare", state="absent")
    assert sorted(members(hosts)) == ["node1", "node2"]


def test_a_member_that_is_away(hosts: Hosts) -> None:
    """It holds up what needs it, and nothing else; and without it the other one is all that is left."""
    first, second = hosts.nodes[:2]
    second.kill()
    sql = ("sql",) if first.kind == "lxd" else ("admin", "sql")
    program = "lxd" if first.kind == "lxd" else "incus"
    done = first.inside(
        program, *sql, "global", "UPDATE nodes SET heartbeat = '2020-01-01T00:00:00Z' WHERE name = 'node2'"
    )
    assert done.returncode == 0 and members(hosts)["node2"] == "Offline", done.stderr
    pool = {"name": "two", "driver": "dir", "config": {"user.a": 1}}
    own = {node.name: {"source": str(node.folder.parent / "two")} for node in (first, second)}
    for module, wish in (
        ("storage_pool", {**pool, "members": own}),
        ("stack", {"definition": {"storage_pools": [{**pool, "members": own}]}}),
    ):
        unchanged = first.run(module, timeout=20, **wish)
        assert unchanged["changed"] is False and "node2 is offline" in str(unchanged["warnings"])
    for module, wish, words in (
        (
            "storage_pool",
            {**pool, "config": {"user.a": 2}, "members": own},
            "is changed on every member of the cluster, and node2 is offline",
        ),
        (
            "network",
            {"name": "lan", "state": "absent"},
            "is deleted on every member of the cluster, and node2 is offline",
        ),
        ("cluster_member", {"name": "node2", "state": "evacuated"}, "'node2' is offline .* and cannot be evacuated"),
        ("cluster_member", {"name": "node2", "state": "absent"}, "say force: true: what only it had is lost"),
        (
            "cluster_member",
            {"name": "node1", "state": "absent", "force": True},
            "'node1' is the last member that is online; node2 would be left",
        ),
        ("stack_export", {}, "node2 is offline .* shown by itself only"),
    ):
        with pytest.raises(ModuleFailed, match=words):
            first.run(module, check=True, timeout=8, **wish)
    first.converges("cluster_member", name="node2", state="absent", force=True)
    assert members(hosts) == {"node1": "Online"}
