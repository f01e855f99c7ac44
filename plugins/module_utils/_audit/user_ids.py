# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The user IDs of isolated containers, which the servers can give to two of them that are created at once."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from .._engine.values import is_true

#: How many IDs an isolated container has, unless `security.idmap.size` says otherwise.
USUAL = 65536


class OwnIDs(NamedTuple):
    """Those of one container.

    :ivar first: the first ID on the host
    :ivar end: the one after the last
    :ivar others: the containers of the same member that have some of them, each as its project and its name
    :ivar free: where as many IDs are free; 0 for the first of those that have the same, which keeps them
    """

    first: int
    end: int
    others: tuple[tuple[str, str], ...] = ()
    free: int = 0


def own_ids(instances: Iterable[dict[str, Any]]) -> dict[tuple[str, str], OwnIDs]:
    """Those of all isolated containers, by project and name."""
    members: dict[str, dict[tuple[str, str], OwnIDs]] = {}
    for one in instances:
        ids = _ids(one)
        if ids:
            key = (one.get("project") or "default", one["name"])
            members.setdefault(one.get("location") or "", {})[key] = ids
    return {key: ids for member in members.values() for key, ids in _compared(member).items()}


def _ids(instance: dict[str, Any]) -> OwnIDs | None:
    config = instance.get("expanded_config") or {}
    isolated = is_true(config.get("security.idmap.isolated")) and not is_true(config.get("security.privileged"))
    base, size = (config.get(key) or "" for key in ("volatile.idmap.base", "security.idmap.size"))
    if not isolated or not base.isdecimal() or instance.get("type") == "virtual-machine":
        return None
    return OwnIDs(int(base), int(base) + (int(size) if size.isdecimal() else USUAL))


def _compared(member: dict[tuple[str, str], OwnIDs]) -> dict[tuple[str, str], OwnIDs]:
    free = max(ids.end for ids in member.values())
    found: dict[tuple[str, str], OwnIDs] = {}
    for key, ids in sorted(member.items()):
        others = tuple(other for other, theirs in sorted(member.items()) if other != key and _overlap(ids, theirs))
        moves = any(other in found for other in others)
        found[key] = ids._replace(others=others, free=free if moves else 0)
        free += ids.end - ids.first if moves else 0
    return found


def _overlap(one: OwnIDs, other: OwnIDs) -> bool:
    return one.first < other.end and other.first < one.end
