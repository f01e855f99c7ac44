# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACLs, peers, zones, records, sets and integrations: what is odd about each."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import DeadlineExceeded, InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_acl import NetworkAcl
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_peer import NetworkPeer
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_zone import NetworkZone
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

PEER = "/1.0/networks/n1/peers/p"


@pytest.fixture
def client(clock):
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += ["network_acl", "network_peer", "network_integrations", "network_dns"]
    memory.put("/1.0/networks/n1", type="ovn")
    return MemoryClient(memory)


def acl(client, **options):
    rules = {key: [{"state": "enabled", **rule} for rule in options.pop(key)] for key in ("ingress",) if key in options}
    return NetworkAcl(client, params_of(NetworkAcl, **{"name": "web", **rules, **options}))


def peer(client, **options):
    return NetworkPeer(client, params_of(NetworkPeer, **{"name": "p", "network": "n1", **options}))


def test_rules_name_what_is_there(client):
    client.memory.put("/1.0/network-acls/data", ingress=[], egress=[])
    with pytest.raises(InvalidInput) as caught:
        converge(
            acl(client, ingress=[{"action": "allow", "source": "data,daat,web,@internal,10.0.0.1"}]), check_mode=True
        )
    assert list(caught.value.each) == [
        "ingress[0].source: there is no 'daat' on lxd 6.1 at memory. Did you mean 'data'?"
    ]


def test_what_rules_name_already_is_not_looked_for(client):
    rule = {"action": "allow", "source": "gone", "state": "enabled"}
    client.memory.put("/1.0/network-acls/web", ingress=[rule], egress=[], config={})
    assert converge(acl(client, ingress=[rule, {"action": "drop"}])).actions == ["update network_acl web (ingress)"]


def test_address_sets_need_a_server_that_has_them(client):
    with pytest.raises(
        (LXDError, AssertionError), match=r"network_acl option 'ingress\[0\].source' needs network_addr"
    ):
        converge(acl(client, ingress=[{"action": "allow", "source": "$office"}]), check_mode=True)


def test_what_an_acl_refers_to():
    rules = [{"action": "allow", "source": "db, @n1/lab,$office"}, {"action": "drop", "destination": "@external"}]
    found = NetworkAcl.references(params_of(NetworkAcl, name="web", ingress=rules))
    assert found == [("network_acl", "db"), ("network_peer", "n1/lab"), ("network_address_set", "office")]


@pytest.mark.parametrize("name", ["-web", "web-", "12", "a b", "@web", "10.0.0.1", "x" * 64])
def test_names_of_acls(client, name):
    with pytest.raises(InvalidInput, match=f"name: '{name}' is not a valid name for a network_acl"):
        converge(acl(client, name=name), check_mode=True)


@pytest.mark.parametrize(
    ("product", "version", "warns"),
    [
        ("incus", "6.0.4", True),
        ("incus", "6.0.6", False),
        ("incus", "6.15", True),
        ("incus", "6.16", False),
        ("lxd", "5.0.2", False),
    ],
)
def test_acls_that_do_not_count_for_what_runs(client, product, version, warns):
    client.implementation = product
    client.memory.objects["/1.0"]["environment"]["server_version"] = version
    client.memory.put("/1.0/network-acls/web", ingress=[], egress=[])
    network = client.memory.objects["/1.0/networks/n1"]

    def warnings(**config):
        return converge(Network(client, params_of(Network, name="n1", config=config)), check_mode=True).warnings

    assert warnings(**{"security.acls": "web"}) == [], "nothing uses it yet"
    network["used_by"] = ["/1.0/instances/i1?project=lab"]
    found = warnings(**{"security.acls": "web"})
    assert [("restart the instances" in words) for words in found] == [True] * warns
    assert bool(warnings(**{"security.acls.default.ingress.action": "drop"})) is warns
    assert warnings(**{"user.a": "b"}) == []
    network["type"] = "bridge"
    assert warnings(**{"security.acls": "web"}) == []


# -- peers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lacking"), [({}, "target_network"), ({"type": "remote", "target_network": "x"}, "target_integration")]
)
def test_what_a_new_peer_needs(client, options, lacking):
    with pytest.raises(InvalidInput, match=f"{lacking}: network_peer 'p' does not exist yet, so '{lacking}' is needed"):
        converge(peer(client, **options), check_mode=True)


def test_a_peer_is_waited_for(client, clock):
    client.memory.put(PEER, target_network="n2", status="Pending", config={})
    waited, looks = [], []
    original = client.get

    def get(path, **query):
        looks.append(path)
        if len(looks) == 3:
            client.memory.objects[PEER]["status"] = "Created"
        return original(path, **query)

    client.get = get
    waiting = peer(client, wait_for=["created"])
    outcome = converge(waiting)
    waited.append(waiting.awaits())
    assert (outcome.changed, outcome.result["status"], waited) == (False, "Created", [True])
    settled = peer(client, wait_for=["created"])
    looks.clear()
    converge(settled)
    assert (settled.awaits(), len(looks)) == (False, 1)
    assert peer(client).awaits() is False


def test_a_peer_whose_other_side_does_not_come(client, clock):
    client.memory.put(PEER, target_network="n2", status="Pending", config={})
    with pytest.raises(DeadlineExceeded, match="It is Pending: network 'n2' needs a network_peer whose target_network"):
        converge(peer(client, wait_for=["created"]))


def test_a_peer_whose_other_side_went(client):
    client.memory.put(PEER, target_network="n2", status="Errored", config={})
    with pytest.raises(LXDError, match="its other side is gone. Delete the peer"):
        converge(peer(client, wait_for=["created"]))
    assert converge(peer(client)).changed is False
    client.memory.objects[PEER].update(description="Lab", config={"user.a": "1"}, target_network="")
    again = converge(peer(client, target_network="n2", config={"user.b": 2}))
    assert again.actions == ["delete network_peer p", "create network_peer p"]
    peered = client.memory.objects[PEER]
    assert (peered["description"], peered["config"], peered["target_network"]) == (
        "Lab",
        {"user.a": "1", "user.b": "2"},
        "n2",
    )


def test_a_deleted_peer_is_not_waited_for(client):
    client.memory.put(PEER, target_network="n2", status="Pending", config={})
    assert converge(peer(client, state="absent", wait_for=["created"])).actions == ["delete network_peer p"]


def test_what_a_peer_refers_to():
    given = {"name": "p", "network": "n1", "target_network": "n2", "target_integration": "site-b"}
    expected = [("network", "n1"), ("network_integration", "site-b"), ("network", "n2")]
    assert NetworkPeer.references(params_of(NetworkPeer, **given)) == expected
    other = params_of(NetworkPeer, **given, target_project="lab")
    assert NetworkPeer.references(other)[-1] == ("network", "n2", "lab")


# -- all of them ------------------------------------------------------------------------------------------------------


def test_keys_of_zones_are_hidden(client):
    key = {"peers.ns1.key": "bm90IGEgcmVhbCBrZXk=", "peers.ns1.address": "192.0.2.53"}
    done = converge(NetworkZone(client, params_of(NetworkZone, name="lab.test", config=key)))
    shown = NetworkZone.returned(done.result)
    assert shown["config"] == {"peers.ns1.key": "********", "peers.ns1.address": "192.0.2.53"}
    assert NetworkZone.export(done.result, client, {})["config"] == {"peers.ns1.address": "192.0.2.53"}


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("network_acl", "network_acl"),
        ("network_address_set", "network_address_set"),
        ("network_forward", "network_forward"),
        ("network_integration", "network_integrations"),
        ("network_load_balancer", "network_load_balancer"),
        ("network_peer", "network_peer"),
        ("network_zone", "network_dns"),
        ("network_zone_record", "network_dns_records"),
    ],
)
def test_servers_without_a_kind(clock, kind, extension):
    """They are refused with the name of the extension, and what is to be absent is absent."""
    client, kind = MemoryClient(Memory()), KINDS[kind]
    given = {kind.named_by: "192.0.2.1", **dict.fromkeys(kind.parents(), "n1")}
    client.memory.put("/1.0/networks/n1")
    client.memory.put("/1.0/network-zones/n1")
    with pytest.raises(AssertionError, match=f"{kind.kind} needs {extension}"):
        converge(kind(client, params_of(kind, **given)), check_mode=True)
    assert converge(kind(client, params_of(kind, **given, state="absent"))).changed is False


def test_an_ovn_network_that_was_half_made_is_made_again(clock, monkeypatch):
    """The daemon makes its entries of all members at once, and refuses to take them up again."""
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += ["network_type_ovn"]
    memory.put("/1.0/networks/uplink", type="physical", managed=True, config={})
    half = {"type": "ovn", "managed": True, "status": "Errored", "locations": ["node1"], "description": "Half"}
    memory.put("/1.0/networks/shop", **half, config={"network": "uplink"})
    client = MemoryClient(memory)
    client.clustered = True
    monkeypatch.setattr(Network, "_refuse_without_all", lambda self, done: None)  # memory has no members
    network = Network(client, params_of(Network, name="shop", type="ovn", config={"network": "uplink"}))
    assert converge(network).actions == ["finish network shop, which is Errored"]
    made = memory.objects["/1.0/networks/shop"]
    assert made.get("status") != "Errored" and made["config"]["network"] == "uplink"


@pytest.mark.parametrize(("sort", "hinted"), [("ovn", True), ("bridge", False)])
def test_a_timeout_of_a_network_on_ovn_names_what_the_server_waits_for(client, sort, hinted):
    network = Network(client, params_of(Network, name="n9", type=sort))
    network.validate()
    assert ("databases of OVN" in network.after_timeout) is hinted
