# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster shares: a real Ceph and a real OVN, as the API wants them in clusters, and two tenants on that OVN."""

from __future__ import annotations

import contextlib
import json
import pathlib
from typing import Any, Iterator

import pytest
from integration.conftest import KINDS
from integration.examples import arguments
from integration.modules import ModuleFailed
from integration.tls import identity
from lab.attacks import ALL, taken
from lab.ceph import Ceph
from lab.cluster import Hosts
from lab.gaps import Gaps, known, repaired
from lab.ovn import Ovn
from lab.tenancy import attempts, everything, tenancy
from lab.tenant import Tenant

UPLINK = {
    "ipv4.address": "10.158.30.1/24",
    "ipv4.dhcp.ranges": "10.158.30.2-10.158.30.99",
    "ipv4.ovn.ranges": "10.158.30.100-10.158.30.200",
    "ipv4.routes": "192.0.2.0/24",
    "ipv6.address": "none",
}


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Hosts]:
    """A cluster of two."""
    hosts = Hosts(request.param, lab / f"remote-{request.param}", 2)
    with contextlib.ExitStack() as stack:
        stack.callback(hosts.stop)
        hosts.start()
        first, second = hosts.nodes
        first.run("cluster", server_name=first.name, server_address=first.address)
        hosts.join(second)
        yield hosts


@pytest.fixture(scope="module")
def ceph(hosts: Hosts, lab: pathlib.Path) -> Iterator[Ceph]:
    ceph = Ceph(hosts.nodes[0], lab / f"ceph-{hosts.nodes[0].kind}")
    try:
        ceph.start()
        ceph.show(hosts.nodes[1])
        yield ceph
    finally:
        ceph.stop()


@pytest.fixture(scope="module")
def ovn(hosts: Hosts) -> Ovn:
    ovn = Ovn(hosts)
    ovn.start()
    for node in hosts.nodes:
        ovn.bridges(node)
    hosts.nodes[0].run("server", config={"network.ovn.northbound_connection": ovn.northbound})
    return ovn


def test_27_a_ceph_pool_is_made_on_every_member(hosts: Hosts, ceph: Ceph) -> None:
    """Complaint 27: the API wants an entry for each member here too, and a task says nothing of it."""
    first, second = hosts.nodes
    pool = {"name": "remote", "driver": "ceph", "description": "Shared", "config": {"ceph.osd.pg_num": 8, "user.a": 1}}
    done = first.converges("storage_pool", **pool)
    assert done["actions"] == ["create storage_pool remote"]
    assert "remote" in ceph.pools()
    shown = second.query("/1.0/storage-pools/remote")
    assert (shown["status"], sorted(shown["locations"]), shown["description"]) == (
        "Created",
        ["node1", "node2"],
        "Shared",
    )
    assert second.run("storage_pool", **pool)["changed"] is False
    first.converges("storage_pool", name="remote", config={"user.a": 2, "user.b": 3})
    second.converges("storage_pool", name="remote", state="absent")
    assert "remote" not in ceph.pools()

    example = arguments("storage_pool", "Create a pool of a Ceph")
    first.run("storage_pool", **example)
    assert "lxd" in ceph.pools()
    assert second.run("storage_pool", **example)["changed"] is False
    first.run("storage_pool", name=example["name"], state="absent")


def test_a_ceph_pool_that_was_half_made(hosts: Hosts, ceph: Ceph) -> None:
    first = hosts.nodes[0]
    first.query("/1.0/storage-pools?target=node2", method="POST", body={"name": "half", "driver": "ceph"})
    pool = {"name": "half", "driver": "ceph", "config": {"ceph.osd.pg_num": 8}}
    assert first.converges("storage_pool", **pool)["actions"] == ["finish storage_pool half, which is Pending"]
    first.converges("storage_pool", name="half", state="absent")
    assert "half" not in ceph.pools()


def test_what_needs_the_kernel_says_so(hosts: Hosts, ceph: Ceph) -> None:
    """Volumes are mapped by RBD, and CephFS is mounted, both by the kernel."""
    first = hosts.nodes[0]
    first.run("storage_pool", name="remote", driver="ceph", config={"ceph.osd.pg_num": 8})
    volume = {"pool": "remote", "name": "data"}
    if pathlib.Path("/sys/bus/rbd").exists():
        first.converges("storage_volume", **volume)
        first.converges("storage_volume", **volume, state="absent")
    else:
        with pytest.raises(ModuleFailed, match="The kernel has no RBD, which each volume"):
            first.run("storage_volume", **volume)
    first.run("storage_pool", name="remote", state="absent")
    if "\tceph\n" not in pathlib.Path("/proc/filesystems").read_text():
        ceph.file_system("shared")
        with pytest.raises(ModuleFailed, match="The kernel has no file system ceph, with which pools of the driver"):
            first.run("storage_pool", name="files", driver="cephfs", config={"source": "shared"})
        first.run("storage_pool", name="files", state="absent")


def test_an_ovn_network_has_no_part_of_a_member(hosts: Hosts, ovn: Ovn) -> None:
    """The API refuses entries for members here; it makes them itself."""
    first, second = hosts.nodes
    first.run("network", name="uplink", config=UPLINK)
    overlay = {"ipv4.address": "10.44.0.1/24", "ipv4.nat": True, "ipv6.address": "none"}
    network = {"name": "ovn1", "type": "ovn", "description": "Overlay", "config": {**overlay, "network": "uplink"}}
    done = first.converges("network", **network)
    assert done["actions"] == ["create network ovn1"]
    shown = second.query("/1.0/networks/ovn1")
    assert (shown["type"], shown["status"], sorted(shown["locations"]), shown["description"]) == (
        "ovn",
        "Created",
        ["node1", "node2"],
        "Overlay",
    )
    assert shown["config"]["volatile.network.ipv4.address"].startswith("10.158.30."), (
        "its router has an address on the uplink"
    )
    assert second.run("network", **network)["changed"] is False
    second.converges("network", name="ovn1", config={"user.a": 1, "dns.domain": "lab.example.net"})
    first.converges("network", **arguments("network", "Create an OVN network"))
    for name in ("overlay", "ovn1", "uplink"):
        first.converges("network", name=name, state="absent")


def overlay(number: int) -> dict[str, Any]:
    config = {"network": "uplink", "ipv4.address": f"10.44.{number}.1/24", "ipv4.nat": True, "ipv6.address": "none"}
    return {"name": f"ovn{number}", "type": "ovn", "config": config}


PEERS = [
    {"network": mine, "name": f"to-{other}", "target_network": other, "wait_for": ["created"]}
    for mine, other in (("ovn1", "ovn2"), ("ovn2", "ovn1"))
]


@pytest.fixture(scope="module")
def overlays(hosts: Hosts, ovn: Ovn) -> Iterator[dict[str, Any]]:
    """A stack of two networks that are connected with each other, made by a single worker."""
    networks = [{"name": "uplink", "config": UPLINK}, overlay(1), overlay(2)]
    stack = {"name": "overlays", "definition": {"networks": networks, "network_peers": PEERS}, "parallel": 1}
    first = hosts.nodes[0]
    assert first.run("stack", check=True, **stack)["counts"]["create"] == 5
    first.run("stack", **stack)
    yield stack
    first.run("stack", name="overlays", state="absent")


def test_peers_are_mutual(hosts: Hosts, overlays: dict[str, Any]) -> None:
    """Both sides are made before one is waited for."""
    first, second = hosts.nodes
    status = {first.query(f"/1.0/networks/{peer['network']}/peers/{peer['name']}")["status"] for peer in PEERS}
    assert status == {"Created"}
    assert second.run("stack", **overlays)["changed"] is False
    exported = first.run("stack_export", kinds=["network_peer"])["definition"]
    assert [peer["name"] for peer in exported["network_peers"]] == ["to-ovn2", "to-ovn1"]
    rule = {"action": "allow", "source": "@ovn1/to-ovn2"}
    first.converges("network_acl", name="lab", ingress=[rule, {"action": "allow", "source": "lab, @internal"}])
    first.converges("network_peer", network="ovn1", name="to-ovn2", description="Lab")
    gone = {"network": "ovn1", "name": "to-ovn2", "state": "absent"}
    assert "is used by network_acl lab" in first.refuses("network_peer", **gone)
    first.converges("network_acl", name="lab", state="absent")
    first.converges("network_peer", **gone)
    first.run("stack", **overlays)


def test_networks_go_with_their_peers(hosts: Hosts, ovn: Ovn, overlays: dict[str, Any]) -> None:
    """With those of the stack, which leave a network that stays without a user, and with those of somebody else."""
    first = hosts.nodes[0]
    networks = overlays["definition"]["networks"]
    first.run("stack", name="overlays", definition={"networks": networks[:2]}, prune=True)
    assert first.query("/1.0/networks/ovn1/peers") == []
    first.run("stack", name="overlays", definition={"networks": networks})
    for peer in PEERS:
        first.run("network_peer", **{**peer, "wait_for": []})
    gone = first.run("stack", name="overlays", definition={"networks": networks[:1]}, prune=True)
    assert gone["counts"]["delete"] == 4
    left = {network["name"] for network in first.query("/1.0/networks?recursion=1") if network["managed"]}
    assert "uplink" in left and not left & {"ovn1", "ovn2"}
    for node in hosts.nodes:  # Incus has removed the bridge of an uplink that nothing uses
        ovn.bridges(node)
    first.run("stack", **overlays)


def test_addresses_of_ovn_networks(hosts: Hosts, overlays: dict[str, Any]) -> None:
    """A load balancer and a forward are the same on all members; LXD 5.0 has no load balancers."""
    first, second = hosts.nodes
    forward = {"network": "ovn1", "listen_address": "192.0.2.9"}
    first.converges("network_forward", **forward, config={"target_address": "10.44.1.9"})
    assert second.run("network_forward", **forward, config={"target_address": "10.44.1.9"})["changed"] is False
    second.converges("network_forward", **forward, state="absent")
    balancer: dict[str, Any] = {"network": "ovn1", "listen_address": "192.0.2.10"}
    backends = [{"name": f"web{n}", "target_address": f"10.44.1.1{n}", "target_port": "80"} for n in (1, 2)]
    port = {"protocol": "tcp", "listen_port": "80", "target_backend": ["web2", "web1"]}
    if "network_load_balancer" not in first.query("/1.0")["api_extensions"]:
        message = first.refuses("network_load_balancer", **balancer, backends=backends, ports=[port])
        assert "network_load_balancer needs the extension 'network_load_balancer'" in message
        return
    first.converges("network_load_balancer", **balancer, backends=backends, ports=[port], description="Web")
    less = {"backends": backends[1:], "ports": [{**port, "target_backend": ["web2"]}]}
    second.converges("network_load_balancer", **balancer, **less, config={"user.a": 1})
    unknown = [{**port, "target_backend": ["web3"]}]
    assert "there is no 'web3'" in first.refuses("network_load_balancer", **balancer, ports=unknown)
    assert first.run("stack_export", kinds=["network_load_balancer"])["definition"] == {
        "network_load_balancers": [{**balancer, **less, "description": "Web", "config": {"user.a": "1"}}]
    }
    first.converges("network_load_balancer", **balancer, state="absent")


def test_each_member_has_its_own_forwards(hosts: Hosts) -> None:
    """Of a bridge: the same address on two members is two forwards, which differ by their target."""
    first, second = hosts.nodes
    first.run("network", name="fwd0", config={"ipv4.address": "10.158.33.1/24", "ipv6.address": "none"})
    given = {"network": "fwd0", "listen_address": "198.51.100.33"}
    for member in ("node1", "node2"):
        second.converges("network_forward", **given, target=member, config={"target_address": "10.158.33.9"})
    assert "there is no 'node3'" in first.refuses("network_forward", **given, target="node3")
    first.converges("network_forward", **given, target="node2", description="Second")
    places = [first.query(f"/1.0/networks/fwd0/forwards/198.51.100.33?target=node{n}") for n in (1, 2)]
    assert [(one["location"], one["description"]) for one in places] == [("node1", ""), ("node2", "Second")]
    exported = first.run("stack_export", kinds=["network_forward"])["definition"]["network_forwards"]
    assert sorted(entry["target"] for entry in exported) == ["node1", "node2"]
    for entry in exported:
        entry["config"] = {"user.a": "1"}
    stack = {"name": "forwards", "definition": {"network_forwards": exported}, "adopt": True}
    assert first.run("stack", **stack)["counts"]["update"] == 2
    assert second.run("stack", **stack)["changed"] is False
    less = {**stack, "definition": {"network_forwards": exported[:1]}, "prune": True}
    counts = first.run("stack", **less)["counts"]
    assert (counts["delete"], counts["unchanged"], counts["update"]) == (1, 1, 0)
    first.converges("network_forward", **given, target=exported[0]["target"], state="absent")
    first.run("network", name="fwd0", state="absent")


OUTSIDE = {
    "ipv4.address": "10.158.31.1/24",
    "ipv4.dhcp.ranges": "10.158.31.2-10.158.31.99",
    "ipv4.ovn.ranges": "10.158.31.100-10.158.31.200",
    "ipv4.routes": "203.0.113.0/24",
    "ipv6.address": "none",
}


@pytest.fixture(scope="module")
def blue(hosts: Hosts, ovn: Ovn, lab: pathlib.Path) -> Tenant:
    """One of two tenants, with what the role `tenants` makes for them, and something of their own."""
    first = hosts.nodes[0]
    clients = {name: identity(lab, f"{name}-{first.kind}") for name in ("blue", "green")}
    first.run("network", name="outside", config=OUTSIDE)
    first.run("storage_pool", name="local", driver="dir")
    first.run("stack", definition=tenancy(first, clients, "outside"))
    # As many on each member: what names none is then made on the one that is asked, which alone some versions allow.
    for project, name, member in (("blue", "own", "node2"), ("green", "secret", "node1")):
        first.run("instance", name=name, project=project, target=member, source={"type": "none"}, state="stopped")
    volume = {"pool": "local", "name": "secret", "project": "green", "target": "node1"}
    first.run("storage_volume", **volume, config={"size": "16MiB"})
    first.run("network_zone", name="green.test", project="green")
    return Tenant(clients["blue"], first.ip, first.keeper.pid)


def test_what_a_tenant_attempts(hosts: Hosts, blue: Tenant) -> None:
    first = hosts.nodes[0]
    before = everything(first)
    done = attempts(first, blue, ALL)
    allowed = taken(first.query("/1.0"))
    assert done == allowed or (repaired(first) and done < allowed)
    first.run("network", name="blue", project="blue", config={"dns.zone.forward": None})
    if "make a group" in done:
        first.run("cluster_group", name="attack", members=[])
        first.run("cluster_group", name="attack", state="absent")
    assert everything(first) == before


def test_a_peer_needs_both_sides(hosts: Hosts, blue: Tenant) -> None:
    peers = "/1.0/networks/blue/peers"
    wish = {"name": "attack", "target_project": "green", "target_network": "green"}
    assert not blue.send("POST", f"{peers}?project=blue", wish).refused
    assert json.loads(blue.send("GET", f"{peers}/attack?project=blue").text)["metadata"]["status"] == "Pending"
    assert hosts.nodes[0].query("/1.0/networks/green/peers?project=green") == []
    assert not blue.send("DELETE", f"{peers}/attack?project=blue").refused


def test_gaps_of_a_cluster(hosts: Hosts, blue: Tenant) -> None:
    """Where a gap is closed, the table has to say so."""
    first = hosts.nodes[0]
    assert Gaps(first, blue, "local").open() == known(first)


def test_a_join_that_ovn_ends(hosts: Hosts, ovn: Ovn) -> None:
    """The new host has no Open vSwitch. LXD joins nevertheless. The database of Incus has joined by then: what the
    cluster has is not taken for something that an attempt left there, and the host is a member as of its next start.
    """
    first, third = hosts.nodes[0], hosts.grow()
    before = sorted(first.query("/1.0/networks"))
    token = first.run("cluster_token", name=third.name)["cluster_token"]["token"]
    join = {"server_name": third.name, "server_address": third.address, "cluster_token": token}
    assert third.run("cluster_info")["members"] == []
    if first.kind == "incus":
        with pytest.raises(ModuleFailed, match="OVS.* its next start. Restart its daemon"):
            third.run("cluster", **join)
        info = third.run("cluster_info")
        assert not info["cluster"]["enabled"] and third.name in [one["server_name"] for one in info["members"]]
        for force in (False, True):
            assert "broke off. Its database has joined the cluster" in third.refuses("cluster", force=force, **join)
        third.kill()
        third.start()
        assert third.run("cluster", **join)["changed"] is False
    else:
        assert third.run("cluster", **join)["changed"] is True
    assert first.run("cluster_member", name=third.name, wait_for=["online"])["changed"] is False
    assert "user.cloudhost.joining" not in first.query("/1.0")["config"]
    assert sorted(first.query("/1.0/networks")) == before
    third.kill()  # without Open vSwitch it would not let go of networks that are deleted afterwards
    first.run("cluster_member", name=third.name, state="absent", force=True)
