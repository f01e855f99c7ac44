# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which config keys of a storage pool or network each member of a cluster has its own value of.

Servers with the extension `metadata_configuration` return the `scope` of most keys, by driver or type. LXD 5.0 does not
have it, and Incus 6.0 returns nothing about pools and networks: for these, this file has the lists of the daemons'
source code.
"""

from __future__ import annotations

import re

from .._api.reader import Reader
from .._engine import values

_SHARED_BY_ALL = ("user.*",)
#: What servers do not return: by family, and by the family and the implementation.
_MEMBER_KEYS = {
    "storage": (
        "size",
        "source",
        "source.*",
        "volatile.initial_source",
        "zfs.pool_name",
        "lvm.thinpool_name",
        "lvm.vg_name",
        "lvm.vg.force_reuse",
    ),
    "network": ("parent", "bridge.external_interfaces", "bgp.ipv4.nexthop", "bgp.ipv6.nexthop"),
    "network lxd": ("acceleration.parent",),
    "network incus": ("tunnel.*.interface", "tunnel.*.local"),
}
#: Keys of volumes and buckets, which LXD lists in the section of their pool.
_OTHER_GROUPS = ("volume-conf", "bucket-conf")


def returned_scopes(client: Reader, family: str, variant: str) -> dict[str, bool]:
    """Patterns of keys, and whether each member has its own value: `GET /1.0/metadata/configuration`. Empty if the
    server returns none.
    """
    if not client.has("metadata_configuration"):
        return {}
    sections = client.get("/1.0/metadata/configuration").metadata["configs"]
    groups = sections.get(f"{family}-{variant}") or sections.get(f"{family}_{variant}") or {}
    listed = [
        (key, about.get("scope"))
        for name, group in groups.items()
        if name not in _OTHER_GROUPS
        for keys in group["keys"]
        for key, about in keys.items()
    ]
    return {re.sub(r"\b[A-Z]+\b", "*", key): scope == "local" for key, scope in listed if scope in ("local", "global")}


def member_keys(client: Reader, family: str, variant: str, keys: set[str]) -> set[str]:
    """Those of `keys` of which each member has its own value; `variant` is the driver of a pool or type of network."""
    doubtful = {key for key in keys if not values.matches(key, _SHARED_BY_ALL)}
    if not doubtful:
        return set()
    scopes = returned_scopes(client, family, variant)
    static = _MEMBER_KEYS[family] + _MEMBER_KEYS.get(f"{family} {client.implementation}", ())
    return {
        key
        for key in doubtful
        if next(
            (own for pattern, own in scopes.items() if values.matches(key, (pattern,))), values.matches(key, static)
        )
    }
