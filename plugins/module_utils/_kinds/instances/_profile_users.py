# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a change of a profile means to the instances that use it."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import some_of
from ..._engine.known.at_start import keys_at_start
from ..._engine.users import user_of
from . import _origin as origin

__all__ = ["check_root", "keys_at_start"]

#: The most instances that an error names.
_MOST = 10


def check_root(profile: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse to remove the root disk of a profile, or to give it another pool, if instances have no other one.

    The servers refuse that while any instance relies on it, even if another change would give it one later.
    """
    was, will = ((obj.get("devices") or {}) for obj in (old, new))
    name = origin.root_of(was)
    pool, later = (_root_pool(devices) for devices in (was, will))
    relying = _relying(profile, name, old) if pool and pool != later else []
    if not relying:
        return
    what = f"moved to the pool '{later}'" if later else "removed"
    hint = " exact: true removes what an entry does not write: write it." if _only_by_exact(profile, name) else ""
    instances = some_of("instance" if len(relying) == 1 else "instances", relying, _MOST)[0]
    profile.miss(
        f"devices.{name}: it is the root disk of {instances}, so it cannot be {what}: give them a root disk of their "
        f"own first, or keep this one.{hint}",
        "gives them a root disk of their own",
    )


def _root_pool(devices: dict[str, Any]) -> str:
    root = devices.get(origin.root_of(devices)) or {}
    return str(root.get("pool") or "") if root.get("path") == "/" else ""


def _relying(profile: Any, name: str, old: dict[str, Any]) -> list[str]:
    """The instances whose root disk is that of the profile: the last of their profiles with a device of that name, and
    none of their own.
    """
    users = [user_of(url) for url in old["used_by"]]
    others: dict[str, bool] = {}
    found = []
    for project in sorted({user.project for user in users}):
        names = {user.parts[1] for user in users if user.project == project and user.parts[0] == "instances"}
        listed = profile.client.get("/1.0/instances", recursion=1, project=project).metadata or []
        for instance in listed:
            own = _root_pool(instance.get("devices") or {})
            if instance["name"] in names and not own and _is_lender(profile, name, instance, others):
                found.append(instance["name"] if project == "default" else f"{instance['name']} (project {project})")
    return found


def _is_lender(profile: Any, name: str, instance: dict[str, Any], others: dict[str, bool]) -> bool:
    """Whether an instance has the device of a name from the profile. `others` keeps which profiles have one too."""
    for other in reversed(instance.get("profiles") or []):
        if other == profile.name:
            return True
        if other not in others:
            reply = profile.client.find(f"/1.0/profiles/{quote(other)}", **profile.query())
            others[other] = bool(reply and name in (reply.metadata.get("devices") or {}))
        if others[other]:
            return False
    return False


def _only_by_exact(profile: Any, name: str) -> bool:
    """Whether nobody wrote that the device is to go."""
    return bool(profile.params.get("exact")) and name not in (profile.wanted.get("devices") or {})
