# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the daemons refuse in the addresses of bridges and NICs, found without asking them. Pure functions."""

from __future__ import annotations

from typing import Any, Dict

from .. import values
from ..addresses import interface, parsed
from .rules import changed

Config = Dict[str, Any]
#: The keys with the addresses of a bridge.
ADDRESSES = ("ipv4.address", "ipv6.address")
#: The keys with the ranges that it gives addresses of.
RANGES = ("ipv4.dhcp.ranges", "ipv6.dhcp.ranges")


def is_addressed(new: Config, old: Config) -> bool:
    """Whether a bridge gets an address that it had not."""
    config = changed(old.get("config"), new.get("config"))
    return new.get("type", "bridge") == "bridge" and any("/" in str(config.get(key)) for key in ADDRESSES)


def beside(new: Config, old: Config, others: Config) -> tuple[list[str], list[str]]:
    """Errors and warnings of a bridge beside the other networks, by name."""
    if not is_addressed(new, old):
        return [], []
    bridges = {name: obj.get("config") or {} for name, obj in others.items() if obj.get("type", "bridge") == "bridge"}
    config = changed(old.get("config"), new.get("config"))
    return shared_subnets({**config, **services(new.get("config"))}, bridges)


def shared_subnets(config: Config, others: dict[str, Config]) -> tuple[list[str], list[str]]:
    """Errors and warnings of the addresses in `config` that other bridges, by name, have or overlap with.

    The daemons cannot serve DNS and DHCP on the address of another bridge. Another address in the same subnet they
    accept, and the host cannot route.
    """
    errors, warnings = [], []
    for key in ADDRESSES:
        ours = _interface(config.get(key))
        for name, other in others.items() if ours else ():
            theirs = _interface(other.get(key))
            if not theirs or not ours.network.overlaps(theirs.network):
                continue
            words = f"config.{key}: {ours} is in the subnet of the network '{name}' ({theirs})"
            if ours.ip == theirs.ip and not (_is_silent(config) or _is_silent(other)):
                errors.append(f"{words}, which has this address. Choose another subnet.")
            else:
                warnings.append(f"{words}: the host cannot tell which of the two a packet is for.")
    return errors, warnings


def stray_ranges(config: Config) -> list[str]:
    """Warnings of ranges for DHCP that are not in the subnet of the bridge: the daemons take them, and give none."""
    warnings = []
    for key, address in zip(RANGES, ADDRESSES):
        ours = _interface(config.get(address))
        for part in values.listed(config.get(key)) if ours else ():
            ends = [parsed(end) for end in part.split("-")]
            if any(end and end not in ours.network for end in ends):
                warnings.append(
                    f"config.{key}: {part} is outside of the subnet {ours.network} of {address}, so no instance gets "
                    "an address of it. Choose a range inside."
                )
    return warnings


def stray_addresses(option: str, device: Config, network: Config) -> list[str]:
    """Errors of the static addresses of a NIC that the daemons refuse on its bridge.

    :param network: the bridge as the API shows it; one that is still to be created gets what its config leaves out
    """
    if network.get("type") != "bridge" or not network.get("managed", True):
        return []
    config, errors = network.get("config") or {}, []
    for key, dhcp in zip(ADDRESSES, ("ipv4.dhcp", "ipv6.dhcp.stateful")):
        place, text = f"{option}.{key}", str(device.get(key) or "")
        ours, address = _interface(config.get(key)), parsed(text)
        filtered = values.is_true(device.get(f"security.{key[:4]}_filtering"))
        if not address:
            continue
        if _gives_none(config, key, dhcp):
            if not filtered:
                errors.append(
                    f"{place}: the network '{network['name']}' gives no such addresses: set {key} and {dhcp}: true "
                    f"there, or leave '{text}' out."
                )
        elif ours and address not in ours.network:
            errors.append(
                f"{place}: '{text}' is not in the subnet {ours.network} of the network '{network['name']}'. Choose an "
                "address of that subnet."
            )
        elif ours and address == ours.ip:
            errors.append(
                f"{place}: '{text}' is the address of the network '{network['name']}' itself. Choose another."
            )
    return errors


def _gives_none(config: Config, key: str, dhcp: str) -> bool:
    """Whether a bridge surely serves no DHCP for a family. Without an address in its config it may get one."""
    if config.get(key) == "none":
        return True
    written = config.get(dhcp)
    return (
        not values.is_true(written) if key.startswith("ipv6") else written is not None and not values.is_true(written)
    )


def services(config: Config | None) -> Config:
    """The keys of a bridge that say whether the daemon serves DNS and DHCP on it."""
    keys = ("ipv4.dhcp", "ipv6.dhcp", "dns.mode")
    return {key: value for key, value in (config or {}).items() if key in keys}


def _is_silent(config: Config) -> bool:
    """Whether the daemon may serve nothing on the addresses of a bridge, which it then shares."""
    return config.get("dns.mode") == "none"


def _interface(text: Any) -> Any:
    return interface(str(text)) if text else None


def listed_acls(config: Config | None) -> list[str]:
    """The ACLs that the config of a network, or a NIC, names."""
    return values.listed((config or {}).get("security.acls"))
