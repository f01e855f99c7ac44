# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Values that only one resource can have at a time: addresses of NICs, ports that proxies listen on, host interfaces.

The servers refuse a second resource with such a value. So if a value moves to another resource, the one that has it
is changed first (`_stack/turns.py`).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .._api.client import quote
from .._api.errors import ServerError
from .._api.messages import is_denied
from . import values
from .addresses import parsed


class Claim(NamedTuple):
    """What is unique, in words, and the value."""

    what: str
    value: str


class Hold(NamedTuple):
    """How an object has a claim: in which part of it, and what to write at which place to free it. Without a place,
    only deleting the object frees it.

    Others can have what a weak hold has, so an order is better, but not required.
    """

    part: str = ""
    place: tuple[str, ...] = ()
    free: str | None = None
    weak: bool = False


#: The properties of a NIC that no other NIC of its network can have.
_ADDRESSES = ("ipv4.address", "ipv6.address", "hwaddr")
_ADDRESS_PLACES = [(key,) for key in _ADDRESSES]


def address(text: str) -> str:
    """An IP address in one spelling, without the length of its prefix; empty if it is not an address."""
    return str(parsed(text.partition("/")[0]) or "")


def of_devices(obj: dict[str, Any], client: Any, query: dict[str, Any]) -> dict[Claim, Hold]:
    """The claims of the devices of an instance, including those of its profiles, or of a profile."""
    local = obj.get("devices") or {}
    found: dict[Claim, Hold] = {}
    for name, device in {**_given(obj, client, query), **local}.items():
        held = dict(_SORTS[device["type"]](name, device, obj)) if device.get("type") in _SORTS else {}
        if device.get("type") == "nic":
            held.update(_on_network(name, device, obj, network_of_nic(device, client, query)))
        for claim, hold in held.items():
            inherited = hold.place[:1] == ("devices",) and name not in local
            found[claim] = hold._replace(place=()) if inherited else hold
    return found


def alone_of_devices(obj: dict[str, Any], client: Any, query: dict[str, Any]) -> dict[Claim, str]:
    """What no other instance can have at the same time, and the options that say so: the addresses of NICs, and the
    ports that proxies listen on while their instances run.
    """
    found: dict[Claim, str] = {}
    for name, device in {**_given(obj, client, query), **(obj.get("devices") or {})}.items():
        if device.get("type") == "proxy" and not values.is_true(device.get("nat")):
            found.update(dict.fromkeys(_proxy(name, device, obj), f"devices.{name}.listen"))
        if device.get("type") == "nic" and any(device.get(key) for key in _ADDRESSES):
            held = _on_network(name, device, obj, network_of_nic(device, client, query))
            found.update(
                {claim: ".".join(hold.place) for claim, hold in held.items() if hold.place[2:] in _ADDRESS_PLACES}
            )
    return found


def _given(obj: dict[str, Any], client: Any, query: dict[str, Any]) -> dict[str, Any]:
    """The devices that an instance gets from its profiles."""
    profiles = [_seen(client, f"/1.0/profiles/{quote(name)}", query) for name in obj.get("profiles") or ()]
    return {name: device for profile in profiles for name, device in (profile.get("devices") or {}).items()}


def _seen(client: Any, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """The object at a path; empty if there is none, or if this client may not read it."""
    try:
        found = client.find(path, **query)
    except ServerError as exc:
        if not is_denied(exc):
            raise
        return {}
    return dict(found.metadata) if found else {}


def network_of_nic(device: dict[str, str], client: Any, query: dict[str, Any]) -> dict[str, Any]:
    """The network of a NIC, including bridges of the host; empty if the servers do not check NICs on it."""
    if not device.get("network"):
        name, place = (device.get("parent"), {}) if device.get("nictype") == "bridged" else (None, {})
    else:
        name, place = device["network"], query
    found = _seen(client, f"/1.0/networks/{quote(name)}", place) if name else {}
    network = {"type": "bridge", "managed": bool(found), **found, "name": name}
    return network if name and network["type"] in ("bridge", "ovn") else {}


def _on_network(name: str, device: dict[str, str], obj: dict[str, Any], network: dict[str, Any]) -> dict[Claim, Hold]:
    """What the servers compare with the other NICs of a network before they accept a NIC."""
    found: dict[Claim, Hold] = {}
    if not network:
        return found
    where = network["name"] + (f" (VLAN {device['vlan']})" if device.get("vlan") else "")
    for family in ("ipv4", "ipv6"):
        key = f"{family}.address"
        addresses = [address(ip) for ip in values.listed(device.get(key))]
        found.update(
            {Claim(f"the address on {where}", ip): Hold(name, ("devices", name, key)) for ip in addresses if ip}
        )
    volatile = f"volatile.{name}.hwaddr"
    mac, place = (
        (device.get("hwaddr"), ("devices", name, "hwaddr"))
        if device.get("hwaddr")
        else ((obj.get("config") or {}).get(volatile), ("config", volatile))
    )
    if mac:
        found[Claim(f"the MAC address on {where}", mac.lower())] = Hold(name, place)
    if (
        "profiles" in obj
        and obj.get("name")
        and network["managed"]
        and (network.get("config") or {}).get("dns.mode") != "none"
    ):
        found[Claim(f"the DNS name on {where}", obj["name"].lower())] = Hold()
    return found


def _nic(name: str, device: dict[str, str], obj: dict[str, Any]) -> dict[Claim, Hold]:
    """What a NIC uses of the host while its instance runs."""
    found: dict[Claim, Hold] = {}
    if not values.is_active(obj):
        return found
    for key in ("ipv4.routes", "ipv6.routes", "ipv4.routes.external", "ipv6.routes.external"):
        found.update(
            {Claim("the route", route): Hold(name, ("devices", name, key)) for route in values.listed(device.get(key))}
        )
    if device.get("host_name"):
        found[Claim("the interface", device["host_name"])] = Hold(name, ("devices", name, "host_name"))
    if device.get("nictype") == "physical" and device.get("parent"):
        found[Claim("the interface", device["parent"])] = Hold(name, ("devices", name))
    return found


def _proxy(name: str, device: dict[str, str], obj: dict[str, Any]) -> dict[Claim, Hold]:
    if not values.is_active(obj) or device.get("bind", "host") != "host" or not device.get("listen"):
        return {}
    start, _colon, ports = device["listen"].rpartition(":")
    parts = values.listed(ports) if start.startswith(("tcp", "udp")) else [ports]
    return {Claim("the port", f"{start}:{part}"): Hold(name, ("devices", name)) for part in parts}


def _disk(name: str, device: dict[str, str], obj: dict[str, Any]) -> dict[Claim, Hold]:
    pool, source = device.get("pool"), device.get("source")
    if not pool or not source or source.startswith("/"):
        return {}
    return {Claim("the volume", f"{pool}/{source}"): Hold(name, weak=True)}  # only one of blocks has one user


_SORTS = {"nic": _nic, "proxy": _proxy, "disk": _disk}


def of_network(obj: dict[str, Any]) -> dict[Claim, Hold]:
    """The claims of a network on its host."""
    config, sort = obj.get("config") or {}, obj.get("type", "bridge")
    found: dict[Claim, Hold] = {}
    if sort == "bridge":
        for key in ("ipv4.address", "ipv6.address"):
            ip = address(config.get(key) or "")
            if ip:
                found[Claim("the address of the host", ip)] = Hold(place=("config", key), free="none")
        for name in values.listed(config.get("bridge.external_interfaces")):
            found[Claim("the interface", name.partition("/")[0])] = Hold(place=("config", "bridge.external_interfaces"))
    elif sort != "ovn" and config.get("parent"):
        vlan = f" (VLAN {config['vlan']})" if config.get("vlan") else ""
        found[Claim("the parent", config["parent"] + vlan)] = Hold(weak=sort != "physical")
    return found


def of_pool(obj: dict[str, Any]) -> dict[Claim, Hold]:
    """The source of a storage pool: as it was asked for, and as the daemon completed it. Several pools can share some
    sources.
    """
    config = obj.get("config") or {}
    shared = obj.get("driver") not in ("dir", "btrfs", "zfs", "lvm") or values.is_true(config.get("lvm.vg.force_reuse"))
    sources = {config[key] for key in ("source", "volatile.initial_source") if config.get(key)}
    return {Claim("the source", source): Hold(weak=shared) for source in sources}


def of_server(obj: dict[str, Any]) -> dict[Claim, Hold]:
    """The addresses that the daemon listens on. The one that clients may use to reach it is never freed."""
    config = obj.get("config") or {}
    keys = [key for key in config if re.fullmatch(r"core\..*_address", key) and config[key]]
    return {
        Claim("the port", f"tcp:{config[key]}"): Hold(key, () if key == "core.https_address" else ("config", key))
        for key in keys
    }
