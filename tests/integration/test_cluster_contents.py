# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contents of a cluster of two real daemons: members, groups, pools, instances, and concurrent writes to them."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import random
import threading
from typing import Iterator

import pytest
from integration.conftest import KINDS
from lab.cluster import Hosts, Node
from lab.proxy import Cut, Proxy


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Hosts]:
    """A cluster of two."""
    hosts = Hosts(request.param, lab / f"contents-{request.param}", 2)
    try:
        hosts.start()
        first, second = hosts.nodes
        first.run("cluster", server_name=first.name, server_address=first.address)
        first.run("storage_pool", name="local", driver="dir")
        hosts.join(second)
        yield hosts
    finally:
        hosts.stop()


@contextlib.contextmanager
def proxied(node: Node) -> Iterator[Proxy]:
    proxy = Proxy(str(node.folder.parent / "proxy"), str(node.socket))
    try:
        yield proxy
    finally:
        proxy.close()
        pathlib.Path(proxy.path).unlink()


def test_53_values_that_are_written_at_the_same_time(hosts: Hosts) -> None:
    """Complaint 53: the servers compare ETags before they write, so two writes at once succeed and one is gone."""
    first, second = hosts.nodes[:2]
    first.run("profile", name="race")
    late = {"config": {"user.k0": "0"}, "devices": {}, "description": ""}  # by one who has not seen k1
    with proxied(first) as proxy:
        proxy.cut = Cut("PUT /1.0/profiles/race", lambda: second.query("/1.0/profiles/race", method="PUT", body=late))
        assert first.run("profile", name="race", config={"user.k1": 1}, url=proxy.url)["changed"] is True
        assert proxy.writes == ["PUT /1.0/profiles/race"] * 2, "the other write did not happen, so this proves nothing"
    assert first.query("/1.0/profiles/race")["config"] == {"user.k0": "0", "user.k1": "1"}
    first.run("profile", name="race", state="absent")


def test_53_six_tasks_at_once(hosts: Hosts) -> None:
    """All six have read before the first one writes. Nothing that they write is lost, and no second run is needed."""
    first, second = hosts.nodes[:2]
    first.run("profile", name="six")
    looked, writing = threading.Barrier(6), threading.Lock()
    waits = iter([True] * 6 + [False] * 600)

    @contextlib.contextmanager
    def around(request: str) -> Iterator[None]:
        """Writes one after another, for what two do at the very same moment is tested above."""
        if not request.startswith("PUT"):
            yield
            return
        if next(waits):
            looked.wait(60)
        with writing:
            yield

    with proxied(first) as one, proxied(second) as other:
        one.around = other.around = around
        urls = (one.url, other.url)
        tasks = [
            (first, second)[writer % 2].begin(
                "profile", name="six", config={f"user.k{writer}": 9}, url=urls[writer % 2]
            )
            for writer in range(6)
        ]
        assert all(first.end(task)["changed"] is True for task in tasks)
        assert len(one.writes + other.writes) >= 11, "five stood on an old look, and were refused at first"
    assert first.query("/1.0/profiles/six")["config"] == {f"user.k{writer}": "9" for writer in range(6)}
    first.run("profile", name="six", state="absent")


def test_a_member_that_somebody_else_changes_meanwhile(hosts: Hosts) -> None:
    first, second = hosts.nodes[:2]
    path = "/1.0/cluster/members/node2"

    def other() -> None:
        now = second.query(path)
        second.query(path, method="PUT", body={**now, "config": {"user.theirs": "1"}})

    with proxied(first) as proxy:
        proxy.cut = Cut(f"PUT {path}", other, "came")
        assert first.run("cluster_member", name="node2", description="ours", url=proxy.url)["changed"] is True
        assert proxy.writes == [f"PUT {path}"] * 2, "what stood on an old look was not refused"
    seen = first.query(path)
    assert (seen["description"], seen["config"]) == ("ours", {"user.theirs": "1"})
    first.converges("cluster_member", name="node2", purge_config=True, description="")
    assert first.query(path)["config"] == {}


def test_a_half_made_pool_is_finished(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.query("/1.0/storage-pools?target=node2", method="POST", body={"name": "half", "driver": "dir", "config": {}})
    assert first.query("/1.0/storage-pools/half")["status"] == "Pending"
    done = first.converges("storage_pool", name="half", driver="dir", config={"user.a": 1})
    assert done["actions"] == ["finish storage_pool half, which is Pending"]
    assert first.query("/1.0/storage-pools/half")["status"] == "Created"
    first.converges("storage_pool", name="half", state="absent")


def test_a_key_in_config_that_members_have_their_own_value_of_is_for_all(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.converges(
        "storage_pool", name="loop", driver="btrfs", config={"size": "1GiB"}, members={"node2": {"size": "2GiB"}}
    )
    sizes = [first.query(f"/1.0/storage-pools/loop?target={name}")["config"]["size"] for name in ("node1", "node2")]
    assert sizes == ["1GiB", "2GiB"]
    first.converges("storage_pool", name="loop", driver="btrfs", config={"size": "2GiB"})
    assert "cannot be shrunk" in first.refuses(
        "storage_pool", name="loop", driver="btrfs", members={"node2": {"size": "1GiB"}}
    )
    first.converges("storage_pool", name="loop", state="absent")


def test_members_and_groups(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    assert "has no member 'node8'" in first.refuses("cluster_member", name="node8")
    first.converges("cluster_member", name="node2", description="The second", failure_domain="rack2")
    member = first.query("/1.0/cluster/members/node2")
    assert (member["description"], member["failure_domain"]) == ("The second", "rack2")
    first.converges("cluster_member", name="node2", config={"user.rack": 2})
    role = "event-hub"
    first.converges("cluster_member", name="node2", roles=[role])
    roles = first.query("/1.0/cluster/members/node2")["roles"]
    assert role in roles
    first.converges("cluster_member", name="node2", roles=[])
    assert role not in first.query("/1.0/cluster/members/node2")["roles"]

    for name in ("a_b", "it's"):
        assert f"name: '{name}' is not a valid name for a cluster_group" in first.refuses("cluster_group", name=name)
    assert "there is no 'nodee2'" in first.refuses("cluster_group", name="fast", members=["nodee2"])
    first.converges("cluster_group", name="fast", description="Fast ones", members=["node2"])
    assert first.query("/1.0/cluster/groups/fast")["members"] == ["node2"]
    first.converges("cluster_member", name="node1", groups=["default", "fast"])
    assert sorted(first.query("/1.0/cluster/groups/fast")["members"]) == ["node1", "node2"]
    first.converges("cluster_group", name="fast", new_name="quick", members=["node2", "node1"], description="")
    first.converges("cluster_group", name="quick", members=[])
    first.converges("cluster_group", name="quick", state="absent")

    assert "groups: [default]" in first.refuses("cluster_member", name="node2", groups=[])
    assert "there is no 'defualt'" in first.refuses("cluster_member", name="node2", groups=["defualt"])
    assert "failure_domain: default" in first.refuses("cluster_member", name="node2", failure_domain="")
    assert "cannot be removed" in first.refuses("cluster_group", name="default", state="absent")
    first.run("cluster_group", name="only")
    first.converges("cluster_member", name="node2", groups=["only"])
    for wish in ({"members": []}, {"members": ["node1"]}, {"state": "absent"}):
        assert "node2 is in no other cluster group than 'only'" in first.refuses("cluster_group", name="only", **wish)
    first.converges("cluster_member", name="node2", groups=["default", "only"])
    first.converges("cluster_group", name="only", state="absent")


def test_an_audit_names_the_member(hosts: Hosts) -> None:
    """What members share is found once, and what a member has of its own there. The remedies write it there."""
    first, second = hosts.nodes[:2]
    first.run("server", config={"core.metrics_authentication": False})
    first.run("server", target=second.name, config={"core.debug_address": "127.0.0.1:18479"})
    planted = {("server-metrics-open", ""), ("member-debug-address", second.name)}
    audit = first.run("security_audit_info")
    assert {(one["rule"], one["name"]) for one in audit["findings"]} >= planted
    assert [one["name"] for one in audit["enforced"] if one["kind"] == "member"] == [first.name, second.name]
    tasks = [task["cloudhost.lxd.server"] for task in audit["remedies"] if "cloudhost.lxd.server" in task]
    assert sorted(task.get("target", "") for task in tasks) == ["", second.name]
    for task in tasks:
        first.run("server", **task)
    left = {(one["rule"], one["name"]) for one in first.run("security_audit_info")["findings"]}
    assert left & planted == set()
    assert {rule for rule, _name in left} == {"member-apparmor-missing"}, "the kernel of the tests has none"
    first.run("server", config={"core.remote_token_expiry": None})


def test_where_an_instance_is(hosts: Hosts) -> None:
    """Complaint 28: any member of a group satisfies it; an instance on the wrong member is moved, not re-created."""
    first = hosts.nodes[0]
    empty = {"name": "c1", "source": {"type": "none"}, "pool": "local", "state": "stopped"}
    first.converges("instance", target="node2", config={"user.mark": 1}, **empty)
    assert first.query("/1.0/instances/c1")["location"] == "node2"
    assert first.run("instance", **empty)["changed"] is False  # no target: it may be anywhere
    assert "has no member 'node5'" in first.refuses("instance", target="node5", **empty)
    assert "has no group 'fast'" in first.refuses("instance", target="@fast", **empty)
    done = first.converges("instance", target="node1", **empty)
    assert done["actions"] == ["move instance c1 from member node2 to node1"]
    moved = first.query("/1.0/instances/c1")
    assert (moved["location"], moved["config"]["user.mark"]) == ("node1", "1")
    first.run("cluster_group", name="slow", members=["node2"])
    assert first.converges("instance", target="@slow", **empty)["actions"] == [
        "move instance c1 from member node1 to @slow"
    ]
    assert first.query("/1.0/instances/c1")["location"] == "node2"
    # Incus remembers the group that it was placed by, and evacuates it within that group.
    first.run("instance", name="c1", state="absent")
    first.run("cluster_group", name="slow", state="absent")


def test_a_volume_on_each_member(hosts: Hosts) -> None:
    """Members have their own pool `local`, and `target` says whose volume is meant."""
    first = hosts.nodes[0]
    volume = {"pool": "local", "name": "data"}
    for name in ("node1", "node2"):
        done = first.converges("storage_volume", **volume, target=name, description=f"of {name}")
        assert done["storage_volume"]["location"] == name
        first.converges("storage_volume_snapshot", pool="local", volume="data", name="s1", target=name)
    listed = first.run("resource_info", kind="storage_volume", parent="local")["resources"]
    assert sorted(one["description"] for one in listed) == ["of node1", "of node2"]
    assert "cluster member" in first.refuses("storage_volume", **volume, description="of whom?")
    for name in ("node1", "node2"):
        first.converges("storage_volume", **volume, target=name, state="absent", force=True)


def test_the_data_of_a_volume_moves_to_another_member(hosts: Hosts) -> None:
    first, second = hosts.nodes[:2]
    volume = {"pool": "local", "name": "moving", "target": "node1"}
    first.run("storage_volume", **volume, description="moves")
    file = _file(first, "moving")
    file.write_bytes(random.randbytes(1000000))
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    first.run("storage_volume_snapshot", pool="local", volume="moving", name="s1", target="node1")
    assert "there is no 'node5'" in first.refuses("storage_volume", **volume, new_target="node5")
    done = first.converges("storage_volume", **volume, new_target="node2", new_name="moved")
    assert done["actions"][0] == "move storage_volume moving from member node1 to member node2"
    assert (done["storage_volume"]["location"], done["storage_volume"]["description"]) == ("node2", "moves")
    assert hashlib.sha256(_file(second, "moved").read_bytes()).hexdigest() == before
    assert not file.exists()
    assert len(second.query("/1.0/storage-pools/local/volumes/custom/moved/snapshots?target=node2")) == 1
    first.run("storage_volume", pool="local", name="moved", target="node2", state="absent", force=True)


def _file(node: Node, volume: str) -> pathlib.Path:
    """A file in a volume, past the daemon, in whose mount namespace the pool is."""
    root = pathlib.Path(f"/proc/{node.keeper.pid}/root{node.folder}")
    return root / "storage-pools" / "local" / "custom" / f"default_{volume}" / "file"
