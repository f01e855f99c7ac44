# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys belong to members, as newer servers return it: documents in the form of LXD 6.9 and Incus 7.3, which no
daemon here has.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._scope import member_keys
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of


def keys(**scopes: str) -> dict[str, Any]:
    return {
        "keys": [
            {name.replace("__", "."): {"type": "string", **({"scope": scope} if scope else {})}}
            for name, scope in scopes.items()
        ]
    }


LXD = {
    "storage-zfs": {
        "pool-conf": keys(size="local", source="local", zfs__pool_name="local", zfs__clone_copy="global"),
        "volume-conf": keys(source="global"),
    },
    "storage-ceph": {"pool-conf": keys(source__recover="local", size="global")},
    "network-bridge": {
        "network-conf": keys(
            bridge__external_interfaces="local",
            bgp__peers__NAME__address="global",
            tunnel__NAME__local="",
            brand__new="local",
        )
    },
}
INCUS = {
    "storage_ceph": {"common": keys(source="local", size="global")},
    "network_macvlan": {"common": keys(parent="local", mtu="")},
}


class Server:
    """What a client says of a server, and how often its description was read."""

    def __init__(self, implementation: str, configs: dict[str, Any] | None) -> None:
        self.implementation, self.configs, self.reads = implementation, configs, 0

    def has(self, extension: str) -> bool:
        return extension == "metadata_configuration" and self.configs is not None

    def get(self, path: str) -> Reply:
        assert path == "/1.0/metadata/configuration"
        self.reads += 1
        return Reply({"configs": self.configs}, None, None)


@pytest.mark.parametrize(
    ("implementation", "configs", "family", "variant", "written", "theirs"),
    [
        ("lxd", LXD, "storage", "zfs", {"size", "source", "zfs.clone_copy", "user.a"}, {"size", "source"}),
        ("lxd", LXD, "storage", "ceph", {"size", "source.recover", "ceph.osd.pg_num"}, {"source.recover"}),
        ("lxd", LXD, "network", "bridge", {"brand.new", "bgp.peers.one.address", "tunnel.t.local"}, {"brand.new"}),
        (
            "lxd",
            LXD,
            "network",
            "bridge",
            {"bridge.external_interfaces", "ipv4.address"},
            {"bridge.external_interfaces"},
        ),
        ("lxd", LXD, "network", "sriov", {"parent", "acceleration.parent", "vlan"}, {"parent", "acceleration.parent"}),
        ("incus", INCUS, "storage", "ceph", {"size", "source"}, {"source"}),
        ("incus", INCUS, "network", "macvlan", {"parent", "mtu"}, {"parent"}),
        (
            "incus",
            INCUS,
            "network",
            "bridge",
            {"tunnel.t.local", "tunnel.t.id", "acceleration.parent"},
            {"tunnel.t.local"},
        ),
        ("lxd", None, "storage", "lvm", {"lvm.vg_name", "size", "rsync.bwlimit"}, {"lvm.vg_name", "size"}),
    ],
)
def test_what_the_server_tells_comes_first_then_the_list(implementation, configs, family, variant, written, theirs):
    assert member_keys(Server(implementation, configs), family, variant, written) == theirs


def test_keys_that_all_share_for_certain_are_not_asked_for():
    server = Server("lxd", LXD)
    assert member_keys(server, "network", "bridge", {"user.a", "user.b"}) == set()
    assert server.reads == 0


class ClusterClient(MemoryClient):
    clustered = True

    def has(self, extension: str) -> bool:
        return extension in self.server["api_extensions"]


@pytest.fixture
def cluster():
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"].append("metadata_configuration")
    memory.objects["/1.0/metadata/configuration"] = {
        "configs": {"storage-dir": {"pool-conf": keys(rsync__bwlimit="global", source="local")}}
    }
    memory.objects["/1.0/cluster/members"] = ["/1.0/cluster/members/node1"]
    return ClusterClient(memory)


def test_a_task_that_only_changes_something_need_not_name_the_driver(cluster):
    cluster.memory.put(
        "/1.0/storage-pools/local", driver="dir", locations=["node1"], config={"source": "/srv", "rsync.bwlimit": "1"}
    )
    pool = StoragePool(cluster, params_of(StoragePool, name="local", members={"node1": {"rsync.bwlimit": 2}}))
    with pytest.raises(
        InvalidInput, match=r"members\.node1\.rsync\.bwlimit: this key is one of the whole storage_pool"
    ):
        pool.read()


def test_ovn_networks_have_no_part_of_a_member(cluster):
    """Their `parent` is sent as it is: the servers refuse entries for members (peers-and-api 6.5)."""
    network = Network(cluster, params_of(Network, name="ovn0", type="ovn", config={"parent": "x", "network": "up"}))
    wanted = network.resolve(network.read())
    assert wanted["config"] == {"parent": "x", "network": "up"} and "members" not in wanted


@pytest.mark.parametrize("locations", [["none"], ["node1"]])
def test_an_unchanged_pool_needs_no_look_at_the_server(cluster, locations, monkeypatch):
    """Its locations show whether it is one of a cluster."""
    monkeypatch.setattr(ClusterClient, "clustered", property(lambda self: pytest.fail("the server was asked")))
    cluster.memory.put("/1.0/storage-pools/local", driver="dir", locations=locations, config={"user.a": "1"})
    assert StoragePool(cluster, params_of(StoragePool, name="local", config={"user.a": 1})).read() is not None
