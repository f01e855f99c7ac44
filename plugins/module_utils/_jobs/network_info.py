# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `network_info`: networks, and what they have given to whom."""

from __future__ import annotations

from typing import Any

from .._api.client import Client, quote
from .._api.errors import ServerError
from .._engine.addresses import parsed, subnet
from .info import Collection, Info, read

#: The answers of networks that keep no leases, such as those that the server does not manage.
_HAS_NONE = (400, 404, 501)


class NetworkInfo(Info):
    """Networks with their state and leases, and the addresses that are allocated on them."""

    spec = {
        "name": {"type": "str"},
        "all_projects": {"type": "bool", "default": False},
        "details": {"type": "list", "elements": "str", "choices": ["allocations", "leases", "state"], "default": []},
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        details = params["details"]
        if params["all_projects"]:
            client.require("networks_all_projects", "all_projects")
        if "allocations" in details:
            client.require("network_allocations", "details: [allocations]")
        listed = read(client, Collection("/1.0/networks"), {**params, "filter": None})
        for network in listed:
            query = {"project": network.get("project") or params["project"], "target": params["target"]}
            path = f"/1.0/networks/{quote(network['name'])}"
            if "state" in details:
                network["state"] = client.get(f"{path}/state", **query).metadata
            if "leases" in details:
                network["leases"] = _leases(client, f"{path}/leases", query) if network.get("managed") else []
            if "allocations" in details:
                network["allocations"] = []
        if "allocations" in details and listed:
            _allocate(client, listed, params)
        return {"networks": listed}


def _leases(client: Client, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return list(client.get(path, **query).metadata or [])
    except ServerError as exc:
        if exc.code in _HAS_NONE:
            return []
        raise


def _allocate(client: Client, networks: list[dict[str, Any]], params: dict[str, Any]) -> None:
    """Give each network what is allocated on it. The server lists the allocations of all networks in one answer."""
    everywhere = params["all_projects"]
    query = {"all-projects": "true"} if everywhere else {"project": params["project"]}
    for one in client.get("/1.0/network-allocations", **query).metadata or []:
        for network in networks:
            if _is_on(one, network):
                network["allocations"].append(one)


def _is_on(allocation: dict[str, Any], network: dict[str, Any]) -> bool:
    """Whether an address is one of a network. Older servers do not name it, but it has the subnet."""
    if allocation.get("network"):
        return bool(allocation["network"] == network["name"])
    text = allocation.get("addresses") or allocation.get("address") or ""
    address, config = parsed(text.partition("/")[0]), network.get("config") or {}
    subnets = [subnet(config.get(key) or "") for key in ("ipv4.address", "ipv6.address")]  # none if unset, none or auto
    return address is not None and any(address in one for one in subnets if one)
