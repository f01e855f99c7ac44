# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What `exact` wants of an instance: what the same options would make, and no more."""

from __future__ import annotations

from typing import Any

from ..._engine.plans import Existing
from . import _origin as origin

#: What no update changes: only a move gives a root disk another pool.
_OF_POOL = ("type", "path", "pool")


def resolved(instance: Any, found: Existing) -> dict[str, Any]:
    """What is wanted of an instance that exists, with the profiles that a new one of its image would have.

    A copy, or an instance of a backup, keeps the profiles that it has: those of the original.
    """
    wanted = dict(instance.wanted)
    project = instance.query().get("project")
    if "profiles" not in wanted and not instance.brings(instance.params):
        wanted["profiles"] = origin.profiles_of_image(instance.client, found.object, project)
    own = found.object.get("devices") or {}
    if own or wanted["devices"]:
        names = wanted.get("profiles", found.object.get("profiles")) or []
        profiles = origin.profiles_of(instance.client, names, project)
        lent = {name: device for profile in profiles for name, device in (profile.get("devices") or {}).items()}
        wanted["devices"] = _devices(instance, own, lent, wanted["devices"])
    return wanted


def _devices(instance: Any, own: dict[str, Any], lent: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    """The devices, each complete. What somebody added to one that overrides that of a profile is not part of it."""
    root = _kept_root(instance, own, lent, written)
    return {**root, **origin.completed(written, {**own, **lent, **root}, instance.refuse)}


def _kept_root(
    instance: Any, own: dict[str, Any], lent: dict[str, Any], written: dict[str, Any]
) -> dict[str, dict[str, str]]:
    """The root disk of the instance itself, if no update can remove it: the option `pool` or a move made it, or there
    is no other. The rest of it is as the profiles say, as in a new instance.
    """
    name = origin.root_of(own)
    if own.get(name, {}).get("path") != "/" or origin.root_of(written, {name: own[name]}) != name:
        return {}
    pool, usual = own[name].get("pool"), lent.get(origin.root_of(lent), {}).get("pool")
    chosen = instance.params["pool"] or (written.get(name) or {}).get("pool")
    if pool == usual and not chosen:
        return {}
    if usual and not chosen:
        instance.warn(
            f"instance '{instance.name}': its root disk is in the storage pool '{pool}', and those of its profiles in "
            f"'{usual}'. Write pool: {usual} to have it moved, or pool: {pool} to keep it."
        )
    return {name: {**lent.get(name, {}), **{key: own[name][key] for key in _OF_POOL if key in own[name]}}}
