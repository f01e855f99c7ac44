# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations and networks: what is asked, and what of the answers is given on."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.info import OperationInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.network_info import NetworkInfo
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import error, sync

COMMON = {"all_projects": False, "project": None, "target": None}
START = {
    "id": "o1",
    "class": "task",
    "status": "Running",
    "resources": {"instances": ["/1.0/instances/web1?project=shop"]},
}
TOKEN = {"id": "o2", "class": "token", "status": "Running", "resources": None}
ENDED = {**START, "id": "o3", "status": "Success"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ["o1", "o2", "o3"]),
        ({"class": "token"}, ["o2"]),
        ({"status": "running"}, ["o1", "o2"]),
        ({"id": "o3"}, ["o3"]),
        ({"resource": "/1.0/instances/web1"}, ["o1", "o3"]),
        ({"resource": "/1.0/instances/web1?project=shop", "status": "Success"}, ["o3"]),
        ({"resource": "/1.0/instances/web"}, []),
    ],
)
def test_which_operations(server, client, given, found):
    server.on("GET /1.0/operations", sync({"running": [START, TOKEN], "success": [ENDED]}))
    params = {**COMMON, "id": None, "class": None, "status": None, "resource": None, **given}
    assert [one["id"] for one in OperationInfo.gather(client, params)["operations"]] == found


def test_operations_of_all_projects_of_a_server_that_lists_those_of_one(server, client):
    """LXD 5.0. What is of no project is in each listing."""
    server.on("GET /1.0", sync({"api_extensions": []}), sync({"api_extensions": ["operations_get_query_all_projects"]}))
    server.on("GET /1.0/projects", sync(["/1.0/projects/default", "/1.0/projects/shop"]))
    server.on("GET /1.0/operations", sync({"running": [START]}), sync({"running": [START, TOKEN]}), sync({}))
    params = {**COMMON, "all_projects": True, "id": None, "class": None, "status": None, "resource": None}
    assert OperationInfo.gather(client, params) == {"operations": [START, TOKEN]}
    asked = [request.query.get("project") for request in server.requests if request.path == "/1.0/operations"]
    assert asked == ["default", "shop"]
    client._server = None
    assert OperationInfo.gather(client, params) == {"operations": []}
    assert server.requests[-1].query == {"recursion": "1", "all-projects": "true"}


BRIDGE = {"name": "lxdbr0", "managed": True, "config": {"ipv4.address": "10.0.0.1/24", "ipv6.address": "none"}}
OTHER = {"name": "net2", "managed": True, "config": {"ipv4.address": "10.0.1.1/24", "ipv6.address": "fd00::1/64"}}
HOST = {"name": "eth0", "managed": False, "config": {}}


def networks(client, *details, **given):
    return NetworkInfo.gather(client, {**COMMON, "name": None, "details": list(details), **given})["networks"]


@pytest.fixture
def listing(server):
    server.on("GET /1.0/networks", sync([BRIDGE, OTHER, HOST]))
    return server


def test_networks_alone_cost_one_request(listing, client):
    assert networks(client) == [BRIDGE, OTHER, HOST]
    assert networks(client, name="nothing") == []
    assert len(listing.requests) == 2


def test_state_and_leases(listing, client):
    for name in ("lxdbr0", "net2", "eth0"):
        listing.on(f"GET /1.0/networks/{name}/state", sync({"mtu": 1500}))
    listing.on("GET /1.0/networks/lxdbr0/leases", sync([{"hostname": "web1"}]))
    listing.on("GET /1.0/networks/net2/leases", error(404, "no leases"))
    found = networks(client, "state", "leases", project="shop", target="m1")
    assert [network["leases"] for network in found] == [[{"hostname": "web1"}], [], []]
    assert all(network["state"] == {"mtu": 1500} for network in found)
    assert listing.requests[1].query == {"project": "shop", "target": "m1"}
    listing.on("GET /1.0/networks/net2/leases", error(403, "not authorized"))
    with pytest.raises(ServerError):
        networks(client, "leases", name="net2")


def test_allocations_are_on_the_network_that_has_their_subnet(listing, client):
    mine = {"addresses": "10.0.0.9/32", "hwaddr": "", "used_by": "/1.0/instances/web1"}
    named = {"addresses": "10.0.0.8/32", "network": "net2"}
    six, odd = {"addresses": "fd00::9/128"}, {"addresses": "?"}
    listing.on("GET /1.0/network-allocations", sync([mine, named, six, odd]))
    listing.on("GET /1.0", sync({"api_extensions": ["network_allocations"]}))
    assert [network["allocations"] for network in networks(client, "allocations")] == [[mine], [named, six], []]


def test_a_server_without_allocations(listing, client):
    listing.on("GET /1.0", sync({"api_extensions": []}))
    with pytest.raises(InvalidInput, match="needs the extension 'network_allocations'"):
        networks(client, "allocations")
    assert listing.lines == ["GET /1.0"]
