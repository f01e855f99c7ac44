# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Parent interfaces of NICs and networks: networks that the daemon manages, or interfaces of the host."""

from __future__ import annotations

import re
from typing import Any

from .._api.errors import ServerError, did_you_mean
from .._api.messages import is_denied
from . import values


def below(config: dict[str, Any]) -> list[str]:
    """The parent interfaces that the config of a network, or a NIC, names."""
    found = [config.get("parent")]
    for entry in str(config.get("bridge.external_interfaces") or "").split(","):
        found += entry.split("/")[:2]  # Incus takes a VLAN to make as `interface/parent/vlan`
    found += [value for key, value in config.items() if re.fullmatch(r"tunnel\..+\.interface", str(key))]
    return [str(name).strip() for name in found if name and str(name).strip()]


def references(config: dict[str, Any]) -> list[tuple[str, ...]]:
    """The networks that these can be, all in the project `default`. The parent of a VLAN `br0.100` is `br0`."""
    names = [name for interface in below(config) for name in (interface, *_base(interface))]
    return [("network", name, "default") for name in dict.fromkeys(names)]


def _base(name: str) -> list[str]:
    match = re.fullmatch(r"(.+)\.\d+", name)
    return [match[1]] if match else []


def missing(client: Any, wanted: dict[str, str], query: dict[str, Any]) -> dict[str, str]:
    """Sentences about interfaces that the server does not have, by the option that names them.

    In a cluster each member has its own interfaces, and a project can hide them: then nothing is reported.
    """
    if not wanted or client.clustered:
        return {}
    try:
        known = client.names("/1.0/networks", **query)
    except ServerError as exc:
        if not is_denied(exc):
            raise
        return {}
    if "lo" not in known:
        return {}
    result = {}
    for option, name in wanted.items():
        # pairs of interfaces are not listed, and VLANs may be made when they are needed
        if name not in known and not name.startswith("veth") and not any(base in known for base in _base(name)):
            near = did_you_mean(name, [other for other in known if other != "lo"])
            result[option] = f"{option}: there is no network and no interface '{name}' on {client.label}. {near}"
    return result


def check_devices(resource: Any, new: dict[str, Any], old: dict[str, Any], starts: bool) -> None:
    """Check the parents of new or changed devices. The servers need them only when an instance starts: until then a
    missing one is a warning.
    """
    before, devices = old.get("devices") or {}, new.get("devices") or {}
    changed = {
        f"devices.{name}.parent": device
        for name, device in devices.items()
        if device.get("parent") not in (None, (before.get(name) or {}).get("parent"))
    }
    wanted = {option: device["parent"] for option, device in changed.items()}
    for option, words in missing(resource.client, wanted, resource.query()).items():
        if starts or _refused(changed[option]):
            resource.miss(words)
        else:
            resource.doubt(f"{words} Instances with it cannot start before there is one.")


def _refused(device: dict[str, str]) -> bool:
    """Whether the servers refuse the device itself: an unmanaged bridge cannot assign addresses."""
    filtered = any(values.is_true(device.get(f"security.{family}_filtering")) for family in ("ipv4", "ipv6"))
    return (
        device.get("nictype") == "bridged"
        and not filtered
        and bool(device.get("ipv4.address") or device.get("ipv6.address"))
    )
