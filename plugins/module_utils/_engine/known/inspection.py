# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Refuse in the plan of a resource what the server would refuse, and warn of keys that it is not known to have.

It looks at what the task writes and changes. It asks the server only where it has to: for its own list of keys if one
is on no list here, and for the names of ACLs and other networks if a changed value depends on them.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Callable, List, Tuple

from ..._api.errors import ServerError
from ..claims import network_of_nic
from . import rules, subnets

#: Where newer servers list the keys that they know, and the extension that says so.
METADATA, METADATA_EXTENSION = "/1.0/metadata/configuration", "metadata_configuration"
#: Errors, and keys that are not known.
Faults = Tuple[List[str], List[str]]
#: What a refused lookup is no reason to fail for.
_UNKNOWABLE = (403, 404, 501)


def inspect(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Look at the config and the devices that a resource is to have.

    :param resource: a `resource.Resource` that is being planned
    :param new: the object as it will be, in its API representation
    :param old: the object as it is; empty for a new one
    """
    texts = rules.texts_of(resource.kind, str(new.get("driver") or new.get("type") or ""))
    if not texts:  # nothing is known of this kind
        return
    _inspect_config(resource, texts, new, old)
    if new.get("devices"):
        _inspect_devices(resource, new, old)
        check_addresses(resource, new, old)


def _inspect_config(resource: Any, texts: tuple[str, ...], new: dict[str, Any], old: dict[str, Any]) -> None:
    parts = {"config": (old.get("config"), new.get("config"), resource.wanted.get("config"))}
    for member, config in (resource.wanted.get("members") or {}).items():
        was, will = ((obj.get("members") or {}).get(member) for obj in (old, new))
        parts[f"members.{member}"] = (was, will, config)
    for option, (before, after, wanted) in parts.items():
        written = {key: value for key, value in rules.changed(before, after).items() if key in (wanted or {})}
        if written:
            _inspect_keys(resource, texts, option, written)
            resource.doubt(*rules.ignored_user_data(texts, option, written))


def _inspect_keys(resource: Any, texts: tuple[str, ...], option: str, written: dict[str, Any]) -> None:
    def look(product: str) -> Faults:
        return rules.wrong_values(product, texts, option, written), rules.unknown_keys(product, texts, written)

    _report(resource, texts, option, look)


def _inspect_devices(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    wanted = resource.wanted.get("devices") or {}
    for name, device, written in rules.changed_devices(old.get("devices"), new["devices"]):
        if wanted.get(name):
            _inspect_device(resource, name, device, written)
    for words in rules.same_paths(old.get("devices"), new["devices"]):
        resource.refuse(words)


def _inspect_device(resource: Any, name: str, device: dict[str, Any], written: dict[str, Any]) -> None:
    texts = rules.device_texts(device)

    def look(product: str) -> Faults:
        unknown = rules.unknown_keys(product, texts, written) if texts else []
        return rules.wrong_device(product, name, device, written), unknown

    _report(resource, texts, f"devices.{name}", look)
    if device.get("type") == "nic":
        check_acls(resource, f"devices.{name}", written)


def _report(resource: Any, texts: tuple[str, ...], option: str, look: Callable[[str], Faults]) -> None:
    """Refuse and warn by the rules of the product of the server, which is asked only if one of them has a fault."""
    if not any(any(look(product)) for product in rules.PRODUCTS):
        return
    product = resource.client.implementation
    errors, unknown = look(product)
    for words in errors:
        resource.refuse(words)
    for key in unknown:
        if not _has_key(resource, key):
            resource.doubt(rules.warning(product, texts, option, key))


def check_acls(resource: Any, option: str, config: dict[str, Any]) -> None:
    """Refuse ACLs that the server does not have, in a changed config or NIC."""
    acls = subnets.listed_acls(config)
    if acls and resource.client.has("network_acl"):
        resource.check_known(f"{option}.security.acls", acls, "/1.0/network-acls", **resource.query())


def check_subnets(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse an address of a bridge that another bridge of the server has, and warn of a subnet that two share.

    In a stack another network may give its address up in the same plan, so `Network.beside` looks at the whole.
    """
    if resource.client.is_plan or not subnets.is_addressed(new, old):
        return
    found = _get(resource, "/1.0/networks", recursion=1, **resource.query()) or []
    others = {obj["name"]: obj for obj in found if obj["name"] not in (resource.name, new.get("name"))}
    errors, warnings = subnets.beside(new, old, others)
    for words in errors:
        resource.refuse(words)
    resource.doubt(*warnings)


def check_ranges(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Warn of ranges for DHCP that are outside of the subnet of the bridge, where one of both changes."""
    config, written = new.get("config") or {}, rules.changed(old.get("config"), new.get("config"))
    if new.get("type", "bridge") == "bridge" and set(written) & {*subnets.ADDRESSES, *subnets.RANGES}:
        resource.doubt(*subnets.stray_ranges(config))


def check_addresses(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse static addresses of NICs that the bridge cannot give, in devices that are new or changed."""
    wanted = resource.wanted.get("devices") or {}
    for name, device, written in rules.changed_devices(old.get("devices"), new.get("devices")):
        given = device.get("type") == "nic" and any(device.get(key) for key in subnets.ADDRESSES)
        if given and wanted.get(name) and {*subnets.ADDRESSES, "network", "parent"} & set(written):
            network = network_of_nic(device, resource.client, resource.query())
            for words in subnets.stray_addresses(f"devices.{name}", device, network):
                resource.miss(words, "changes the network")


def check_root(resource: Any, new: dict[str, Any], old: dict[str, Any], given: list[tuple[str, Any]]) -> None:
    """Refuse an instance with no root disk or with several. LXD takes a change that leaves it none.

    :param given: name and devices of each profile that it will have, the last of which counts most
    """
    found = rules.roots(given, new.get("devices"))
    words = rules.not_one_root(found, [name for name, _devices in given], resource.query().get("project"))
    if words and old and not found and resource.client.implementation == "lxd":
        resource.doubt(words)
    elif words:
        resource.miss(words, "adds one to a profile")


# -- asking the server ------------------------------------------------------------------------------------------------


def _has_key(resource: Any, key: str) -> bool:
    """Whether the server's own list of keys has a key. It is read once for each resource."""
    patterns = resource.__dict__.get("_server_keys")
    if patterns is None:
        patterns = resource.__dict__["_server_keys"] = _server_keys(resource)
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def _server_keys(resource: Any) -> frozenset[str]:
    if not resource.client.has(METADATA_EXTENSION):
        return frozenset()
    found = _get(resource, METADATA)
    return keys_in((found or {}).get("configs")) if isinstance(found, dict) else frozenset()


def keys_in(configs: Any) -> frozenset[str]:
    """The keys, as patterns, in the answer of `GET /1.0/metadata/configuration`: groups of entities, with their keys.

    A part such as `NAME` or `<name>` stands for any text. An answer of another form has none.
    """
    found: set[str] = set()
    try:
        for groups in configs.values():
            for group in groups.values():
                for entry in group["keys"]:
                    found.update(
                        ".".join("*" if part.isupper() or part.startswith("<") else part for part in key.split("."))
                        for key in entry
                    )
    except (AttributeError, KeyError, TypeError):
        return frozenset()
    return frozenset(found)


def _get(resource: Any, path: str, **query: Any) -> Any:
    """What is at a path; None where the server does not have it, or does not show it to this client."""
    try:
        return resource.client.get(path, **query).metadata
    except ServerError as exc:
        if exc.code not in _UNKNOWABLE:
            raise
        return None
