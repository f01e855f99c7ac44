# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards and load balancers: one address, where traffic may go to, and on which member of a cluster."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.claims import Claim, Hold
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_forward import NetworkForward
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_load_balancer import (
    NetworkLoadBalancer,
)
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

NET = "/1.0/networks/net1"
NET1 = "network 'net1' on lxd 6.1 at memory"


class Recording(MemoryClient):
    """`queries` has the query of each request, without the project."""

    queries: list[dict]

    def find(self, path, **query):
        self._note(query)
        return super().find(path)

    def write(self, method, path, body=None, etag=None, **query):
        self._note(query)
        return super().write(method, path, body, etag)

    def _note(self, query):
        self.queries.append({key: value for key, value in query.items() if value is not None})


@pytest.fixture
def client(clock):
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += ["network_forward", "network_load_balancer"]
    memory.put(NET, type="ovn", config={"ipv4.address": "10.0.1.1/24", "ipv6.address": "fd42::1/64"})
    memory.put("/1.0/networks/net4", config={"ipv4.address": "10.0.4.1/24", "ipv6.address": "none"})
    client = Recording(memory)
    client.queries = []
    return client


def forward(client, listen="192.0.2.1", **options):
    return NetworkForward(client, params_of(NetworkForward, **{"network": "net1", "listen_address": listen, **options}))


def balancer(client, **options):
    given = {"network": "net1", "listen_address": "192.0.2.1", **options}
    return NetworkLoadBalancer(client, params_of(NetworkLoadBalancer, **given))


def refused(resource):
    with pytest.raises(InvalidInput) as caught:
        converge(resource, check_mode=True)
    return list(caught.value.each)


def test_every_spelling_of_the_address_is_the_same_forward(client):
    done = converge(forward(client, "2001:DB8:0::1", config={"target_address": "FD42::5"}))
    assert done.actions == ["create network_forward 2001:db8::1"]
    assert done.after == {"listen_address": "2001:db8::1", "config": {"target_address": "fd42::5"}}
    path = f"{NET}/forwards/2001%3Adb8%3A%3A1"
    client.memory.objects[path] = client.memory.objects.pop(f"{NET}/forwards/2001:db8::1")
    assert converge(forward(client, "2001:db8::0:1", config={"target_address": "fd42:0::5"})).changed is False
    assert converge(forward(client, "2001:0DB8::1", state="absent")).actions == ["delete network_forward 2001:db8::1"]


@pytest.mark.parametrize(
    ("listen", "words"), [("x", "is not an IP"), ("10.0.0.1/24", "is not an IP"), ("0.0.0.0", "chooses"), ("::", "ch")]
)
def test_the_address_has_to_be_one(client, listen, words):
    with pytest.raises(InvalidInput, match=f"listen_address: .*'{listen}'.*{words}"):
        forward(client, listen)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"config": {"target_address": "10.0.2.5"}},
            f"config.target_address: '10.0.2.5' is not in 10.0.1.0/24, the subnet of {NET1}.",
        ),
        ({"config": {"target_address": "web1"}}, "config.target_address: an IP address is needed."),
        (
            {"config": {"target_address": "fd42::5"}},
            "config.target_address: 'fd42::5' is of IPv6, and the listen address 192.0.2.1 is of IPv4.",
        ),
        (
            {
                "config": {"target_address": "10.0.1.5"},
                "ports": [{"protocol": "tcp", "listen_port": "80", "target_address": "10.0.1.5"}],
            },
            "ports[0].target_address: '10.0.1.5' is config.target_address already: leave the port out.",
        ),
        (
            {"ports": [{"protocol": "tcp", "listen_port": "80", "target_address": "10.0.3.1"}]},
            f"ports[0].target_address: '10.0.3.1' is not in 10.0.1.0/24, the subnet of {NET1}.",
        ),
    ],
)
def test_targets_are_checked_before_they_are_sent(client, options, expected):
    assert refused(forward(client, **options)) == [expected]
    client.memory.put(f"{NET}/forwards/192.0.2.1", listen_address="192.0.2.1", config={}, ports=[])
    assert refused(forward(client, **options)) == [expected]


def test_a_network_without_an_address_of_the_family(client):
    words = refused(forward(client, "2001:db8::1", network="net4", config={"target_address": "fd42::5"}))
    assert words == [
        "config.target_address: 'fd42::5' cannot be reached: network 'net4' on lxd 6.1 at memory has no IPv6 address."
    ]


def test_a_network_that_a_plan_creates_may_get_an_address(client):
    client.is_plan = True
    del client.memory.objects[NET]["status"], client.memory.objects[NET]["config"]["ipv4.address"]
    assert converge(forward(client, config={"target_address": "10.0.9.9"}), check_mode=True).changed


def test_targets_that_stay_are_not_looked_at(client):
    kept = {"protocol": "tcp", "listen_port": "80", "target_address": "10.9.9.9", "target_port": ""}
    client.memory.put(f"{NET}/forwards/192.0.2.1", listen_address="192.0.2.1", config={}, ports=[kept])
    new = {"protocol": "udp", "listen_port": "53", "target_address": "10.0.1.5"}
    done = converge(forward(client, ports=[new, {key: value for key, value in kept.items() if value}]))
    assert done.actions == ["update network_forward 192.0.2.1 (ports)"]
    assert client.memory.objects[f"{NET}/forwards/192.0.2.1"]["ports"] == [new, kept]


def test_all_fields_are_sent_with_a_change(client):
    """What a PUT leaves out is emptied."""
    port = {"protocol": "tcp", "listen_port": "80", "target_address": "10.0.1.5"}
    client.memory.put(
        f"{NET}/forwards/192.0.2.1", listen_address="192.0.2.1", description="a", config=None, ports=[port]
    )
    sent = []
    client.memory.handle = _recording(client.memory.handle, sent)
    converge(forward(client, description="b"))
    assert sent == [
        {"name": "192.0.2.1", "listen_address": "192.0.2.1", "description": "b", "config": {}, "ports": [port]}
    ]


def _recording(handle, sent):
    def handled(method, path, body=None, etag=None):
        if method == "PUT":
            sent.append(body)
        return handle(method, path, body, etag)

    return handled


def test_a_forward_of_a_member(client):
    client.clustered = True
    client.memory.objects["/1.0/cluster/members"] = ["/1.0/cluster/members/node1", "/1.0/cluster/members/node2"]
    client.names = lambda path, **query: ["node1", "node2"]
    converge(forward(client, target="node2", config={"target_address": "10.0.1.5"}))
    assert {query.get("target") for query in client.queries} == {"node2", None}  # None is for the network
    client.queries.clear()
    converge(forward(client, target="node2", description="x"))
    assert {query.get("target") for query in client.queries} == {"node2"}
    assert refused(forward(client, "192.0.2.9", target="node3"))[0].startswith("target: there is no 'node3' on")


def test_a_target_needs_a_cluster(client):
    assert refused(forward(client, target="node2"))[0].startswith("target: lxd 6.1 at memory is not clustered")


def test_what_only_one_can_have():
    claims = NetworkForward.claims({"listen_address": "192.0.2.1", "location": "node1"}, None, {})
    assert claims == {Claim("the listen address", "192.0.2.1@node1"): Hold()}
    assert (
        list(NetworkForward.claims({"listen_address": "192.0.2.1", "location": "none"}, None, {}))[0].value
        == "192.0.2.1"
    )


def test_where_each_can_be():
    bridge, ovn, foreign = {"type": "bridge"}, {"type": "ovn"}, {"type": "bridge", "managed": False}
    assert [NetworkForward.unfit(network) for network in (bridge, ovn, foreign)] == [
        "",
        "",
        "it is of type interface of the host, and has to be of type bridge or ovn",
    ]
    assert NetworkLoadBalancer.unfit(bridge) == "it is of type bridge, and has to be of type ovn"
    assert [NetworkLoadBalancer.unfit(network) for network in (ovn, {"type": "ovn", "managed": True})] == ["", ""]


def test_backends_of_ports_have_to_be_there(client):
    backends = [{"name": "web1", "target_address": "10.0.1.5"}, {"name": "web2", "target_address": "10.0.2.5"}]
    ports = [{"protocol": "tcp", "listen_port": "80", "target_backend": ["web1", "wbe2"]}]
    assert refused(balancer(client, backends=backends, ports=ports)) == [
        f"backends[1].target_address: '10.0.2.5' is not in 10.0.1.0/24, the subnet of {NET1}.",
        "ports[0].target_backend: there is no 'wbe2'. Did you mean 'web2'?",
    ]
    converge(balancer(client, backends=backends[:1], ports=[{**ports[0], "target_backend": ["web1"]}]))
    same = {**ports[0], "target_backend": ["web1"], "listen_port": "80 "}
    assert converge(balancer(client, backends=backends[:1], ports=[same])).changed is False
    assert refused(balancer(client, backends=[])) == ["ports[0].target_backend: there is no 'web1'. There is none."]
