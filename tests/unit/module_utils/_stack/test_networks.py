# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of networks in stacks: their order, peers that wait for each other, and forwards of single members."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, StackFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.export_stack import export
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.view import View
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import World, WorldClient

FORWARDS = "/1.0/networks/net1/forwards"


class Peered(World):
    """Peers are created once both sides are there, and a network uses what its peers lead to."""

    def users(self, path, where):
        name = path.partition("/networks/")[2]
        return super().users(path, where) + [
            (place, other.partition("/peers/")[0])
            for (place, other), obj in self.objects.items()
            if "/peers/" in other
            and obj["target_network"] == name
            and (obj.get("target_project") or "default") == where
        ]

    def change(self, method, path, body, etag, project):
        super().change(method, path, body, etag, project)
        sides = {
            (other.split("/")[3], obj["target_network"]): obj
            for (_project, other), obj in self.objects.items()
            if "/peers/" in other
        }
        for (network, target), obj in sides.items():
            obj["status"] = "Created" if (target, network) in sides else "Pending"


@pytest.fixture
def world(clock):
    world = Peered()
    world.server["api_extensions"] += ["network_acl", "network_forward", "network_peer"]
    return world


def written(world):
    return [line.replace("/1.0/", "") for line in world.writes]


def peers(*names, wait=("created",)):
    return [
        {"network": name, "name": f"to-{other}", "target_network": other, "wait_for": list(wait)}
        for name, other in zip(names, names[::-1])
    ]


def test_what_is_named_comes_first(world):
    definition = {
        "network_forwards": [
            {"network": "net1", "listen_address": "192.0.2.1", "config": {"target_address": "10.0.1.5"}}
        ],
        "instances": [
            {
                "name": "web1",
                "source": EMPTY,
                "devices": {"eth0": {"type": "nic", "network": "net1", "security.acls": "web"}},
                "state": "stopped",
            }
        ],
        "networks": [{"name": "net1", "config": {"ipv4.address": "10.0.1.1/24", "security.acls": "web,db"}}],
        "network_acls": [
            {"name": "db", "ingress": [{"action": "allow", "source": "web"}]},
            {"name": "web", "ingress": [{"action": "allow", "protocol": "tcp", "destination_port": 80}]},
        ],
    }
    run(world, definition, parallel=1)
    order = written(world)
    assert order[:3] == ["POST network-acls/web", "POST network-acls/db", "POST networks/net1"]
    assert sorted(order[3:]) == ["POST instances/web1", "POST networks/net1/forwards/192.0.2.1"]
    assert run(world, definition)["changed"] is False
    world.writes.clear()
    run(world, {"network_acls": []}, prune=True, parallel=1)
    assert written(world)[-3:] == ["DELETE networks/net1", "DELETE network-acls/db", "DELETE network-acls/web"]


@pytest.mark.parametrize("parallel", [1, 4])
def test_both_sides_of_peers_are_made_before_one_is_waited_for(world, parallel):
    definition = {
        "networks": [{"name": name, "type": "ovn"} for name in ("n1", "n2")],
        "network_peers": peers("n1", "n2"),
    }
    world.server["api_extensions"].append("network_type_ovn")
    result = run(world, definition, parallel=parallel)
    assert sorted(written(world)[2:]) == ["POST networks/n1/peers/to-n2", "POST networks/n2/peers/to-n1"]
    assert (result["counts"]["create"], result["counts"]["unchanged"]) == (4, 0)
    assert len(result["done"]) == 4
    world.writes.clear()
    again = run(world, definition)
    assert (again["changed"], again["done"], world.writes) == (False, [], [])


def test_two_sides_are_never_written_at_once(world):
    """The servers change both with each."""
    definition = {"networks": [{"name": name, "type": "ovn"} for name in ("n1", "n2")]}
    world.server["api_extensions"].append("network_type_ovn")
    run(world, definition)
    world.pause, world.most_at_once = 0.01, 0
    run(world, {**definition, "network_peers": peers("n1", "n2")}, parallel=4)
    run(world, definition, parallel=4, prune=True)
    assert written(world)[-2:] == ["DELETE networks/n1/peers/to-n2", "DELETE networks/n2/peers/to-n1"]
    assert world.most_at_once == 1


def overlays(*names):
    return [{"name": name, "type": "ovn"} for name in names]


@pytest.fixture
def peered(world):
    """Two networks of a stack, and their peers, made by others."""
    world.server["api_extensions"].append("network_type_ovn")
    run(world, {"networks": overlays("n1", "n2")})
    for mine, other in (("n1", "n2"), ("n2", "n1")):
        world.put(f"/1.0/networks/{mine}/peers/to-{other}", target_network=other, status="Created")
    world.writes.clear()
    return world


@pytest.mark.parametrize("parallel", [1, 4])
def test_networks_go_with_what_connects_them(peered, parallel):
    """The servers delete neither of them before."""
    peered.put("/1.0/networks/n3", type="ovn")
    peered.put("/1.0/networks/n1/peers/to-n3", target_network="n3", status="Pending")
    result = run(peered, {}, prune=True, parallel=parallel)
    assert written(peered)[:2] == ["DELETE networks/n1/peers/to-n2", "DELETE networks/n2/peers/to-n1"]
    assert sorted(written(peered)[2:]) == ["DELETE networks/n1", "DELETE networks/n2"], "n1 takes its other peer along"
    assert result["counts"]["delete"] == 4


def test_a_network_that_stays_keeps_its_peer_and_the_other_network(peered):
    for network in ({"networks": overlays("n1")}, {"networks": overlays("n2")}):
        words = refused(peered, network, prune=True)
        assert "is used by network n" in words and peered.writes == []


def test_a_network_goes_once_the_peer_that_leads_to_it_goes(peered):
    """The network that stays is the user that the server names; it is only by its peer."""
    for path in [path for _project, path in peered.objects if "/peers/" in path]:
        del peered.objects["default", path]
    run(peered, {"networks": overlays("n1", "n2"), "network_peers": peers("n1", "n2")})
    peered.writes.clear()
    run(peered, {"networks": overlays("n1")}, prune=True)
    assert written(peered)[-1] == "DELETE networks/n2" and len(written(peered)) == 3


def test_a_peer_without_its_other_side_fails_after_all_else_is_done(world):
    for name in ("n1", "n2"):
        world.put(f"/1.0/networks/{name}", type="ovn")
    definition = {"network_peers": peers("n1", "n2")[:1], "profiles": [{"name": "a"}]}
    with pytest.raises(StackFailed, match="'n1/to-n2': .*is Pending: network 'n2' needs a network_peer") as caught:
        run(world, definition, parallel=1)
    assert sorted(written(world)) == ["POST networks/n1/peers/to-n2", "POST profiles/a"]
    assert [row["retryable"] for row in caught.value.result["failed_resources"]] == [True], "it can be made meanwhile"


def test_a_peer_that_could_not_be_made_is_not_waited_for(world):
    for name in ("n1", "n2"):
        world.put(f"/1.0/networks/{name}", type="ovn")
    world.faults["/1.0/networks/n1/peers/to-n2"] = "the database is full"
    client = WorldClient(world)
    with pytest.raises(StackFailed, match="'n1/to-n2': .*the database is full"):
        run(world, {"network_peers": peers("n1", "n2")[:1]}, client=client, parallel=1)
    assert client.reads.count("GET /1.0/networks/n1/peers/to-n2") == 1


def test_a_peer_that_waits_for_nothing_is_not_read_again(world):
    for name in ("n1", "n2"):
        world.put(f"/1.0/networks/{name}", type="ovn")
    counts = []
    for wait in ((), ("created",)):
        client = WorldClient(world)
        run(world, {"network_peers": peers("n1", "n2", wait=wait)}, client=client, parallel=1)
        counts.append(client.reads.count("GET /1.0/networks/n1/peers/to-n2"))
        run(world, {}, prune=True)
    assert counts[0] < counts[1]


def test_a_server_is_not_asked_for_what_cannot_be_there(world):
    """A listing would be an error, and the plan says why there can be none."""
    world.put("/1.0/networks/net1")
    world.faults["GET /1.0/networks/net1/peers"] = 'Network driver "bridge" does not support peering'
    assert export(WorldClient(world), KINDS, None, ["network_peer"]) == ({}, [])
    assert run(world, {}, prune=True)["changed"] is False
    words = refused(world, {"network_peers": [{"network": "net1", "name": "p", "target_network": "net2"}]})
    assert words == (
        "network_peers[0] 'net1/p': network: 'net1' on lxd 6.1 at world can have no network_peer: it is of type "
        "bridge, and has to be of type ovn."
    )


# -- one of each member -----------------------------------------------------------------------------------------------


class Members:
    """A server with a forward of the same address on two members, and one of another address on one."""

    is_plan = False
    url = label = "there"
    deadline = hidden = None
    server = {"api_extensions": set()}

    def __init__(self):
        self.asked = []

    def find(self, path, **query):
        self.asked.append((path, query))
        return self.get(path) if query.get("recursion") else None

    def get(self, path, **_query):
        if path == FORWARDS:
            places = (("192.0.2.1", "node1"), ("192.0.2.1", "node2"), ("192.0.2.2", "node1"))
            return Reply([{"listen_address": ip, "location": member} for ip, member in places], None, None)
        return Reply([{"name": "default", "config": {}}] if path == "/1.0/projects" else [], None, None)


def test_a_view_has_the_forward_of_each_member():
    view = View(Members(), KINDS)
    assert view.find(f"{FORWARDS}/192.0.2.1", target="node2").metadata["location"] == "node2"
    assert view.find(f"{FORWARDS}/192.0.2.2").metadata["location"] == "node1"
    assert view.find(f"{FORWARDS}/192.0.2.2", target="node2") is None
    with pytest.raises(InvalidInput, match="target: several members of there have a network_forward '192.0.2.1': name"):
        view.find(f"{FORWARDS}/192.0.2.1")
    view.put(f"{FORWARDS}/192.0.2.1%40node2", None, None)
    assert view.find(f"{FORWARDS}/192.0.2.1").metadata["location"] == "node1"
    assert [path for path, _query in view._source.asked].count(FORWARDS) == 1


class PerMember(World):
    """Requests with a target are for the forward that this member has."""

    def place(self, path, target):
        return f"{path}%40{target}" if target and "/forwards/" in path else path


class Cluster(WorldClient):
    clustered = True

    def another(self):
        return Cluster(self.world)

    def get(self, path, **query):
        if path != "/1.0/cluster/members":
            return super().get(path, **query)
        names = ("node1", "node2")
        listed = [{"server_name": name} if query.get("recursion") else f"{path}/{name}" for name in names]
        return Reply(listed, None, None)

    def find(self, path, **query):
        target = query.pop("target", None)
        return super().find(self.world.place(path, target), **query)

    def write(self, method, path, body=None, etag=None, **query):
        target = query.pop("target", None)
        if method == "POST" and target:
            body = {**body, "listen_address": f"{body['listen_address']}@{target}"}
        super().write(method, self.world.place(path, target), body, etag, **query)
        for (_project, other), obj in self.world.objects.items():
            if "/forwards/" in other and "%40" in other:
                address, _at, obj["location"] = other.rpartition("/")[2].partition("%40")
                obj["listen_address"] = address


@pytest.fixture
def cluster(clock):
    world = PerMember()
    world.server["environment"]["server_clustered"] = True
    world.server["api_extensions"] += ["network_acl", "network_forward"]
    world.put("/1.0/networks/net1", config={"ipv4.address": "10.0.1.1/24"})
    return world


def forwards(*members, **options):
    return {
        "network_forwards": [
            {"network": "net1", "listen_address": "192.0.2.1", "target": member, **options} for member in members
        ]
    }


def test_forwards_of_members_in_a_stack(cluster):
    def go(definition, **wish):
        cluster.writes.clear()
        return run(cluster, definition, client=Cluster(cluster), **wish)

    both = forwards("node1", "node2")
    assert titles(go(both), "create") == [
        ("network_forward", "net1/192.0.2.1@node1"),
        ("network_forward", "net1/192.0.2.1@node2"),
    ]
    there = {path.rpartition("/")[2]: obj for (_project, path), obj in cluster.objects.items() if "/forwards/" in path}
    assert {name: obj["location"] for name, obj in there.items()} == {
        "192.0.2.1%40node1": "node1",
        "192.0.2.1%40node2": "node2",
    }
    assert go(both)["changed"] is False
    assert titles(go(forwards("node1", description="x"))) == [("network_forward", "net1/192.0.2.1@node1")]
    assert titles(go(forwards("node1", description="x"), prune=True), "delete") == [
        ("network_forward", "net1/192.0.2.1@node2")
    ]
    assert written(cluster) == ["DELETE networks/net1/forwards/192.0.2.1%40node2"]
    assert go(forwards("node1", description="x"), prune=True)["changed"] is False
    assert titles(go(None, absent=True)) == [("network_forward", "net1/192.0.2.1@node1")]


def test_the_same_forward_twice(cluster):
    words = refused(cluster, forwards("node1", "node1"), client=Cluster(cluster))
    assert "network_forward net1/192.0.2.1@node1 is claimed twice" in words


def test_an_export_says_which_member(cluster):
    run(cluster, forwards("node2", description="x"), client=Cluster(cluster), name=None)
    document, _left_out = export(Cluster(cluster), KINDS)
    assert document["network_forwards"] == [
        {"network": "net1", "listen_address": "192.0.2.1", "target": "node2", "description": "x"}
    ]
    assert run(cluster, document, client=Cluster(cluster), name=None, check=True)["changed"] is False


def test_the_mark_names_the_member(cluster):
    run(cluster, forwards("node2"), client=Cluster(cluster))
    (obj,) = [obj for (_project, path), obj in cluster.objects.items() if "/forwards/" in path]
    assert (obj["config"][MARK], obj["config"]["user.cloudhost.bearer"]) == (
        "shop",
        "network_forward/default/net1/192.0.2.1@node2",
    )
