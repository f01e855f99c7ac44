# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage and networks that a cluster shares: a real Ceph and a real OVN, as the API wants them in clusters."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Iterator

import pytest
from integration.conftest import KINDS
from integration.examples import arguments
from lab.ceph import Ceph
from lab.cluster import Hosts
from lab.ovn import Ovn


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


def test_an_ovn_network_has_no_part_of_a_member(hosts: Hosts, ovn: Ovn) -> None:
    """The API refuses entries for members here; it makes them itself."""
    first, second = hosts.nodes
    uplink = {
        "ipv4.address": "10.158.30.1/24",
        "ipv4.dhcp.ranges": "10.158.30.2-10.158.30.99",
        "ipv4.ovn.ranges": "10.158.30.100-10.158.30.200",
    }
    first.run("network", name="uplink", config={**uplink, "ipv6.address": "none"})
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
