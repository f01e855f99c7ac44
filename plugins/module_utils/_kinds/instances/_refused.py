# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the servers refuse of an instance, found in its plan: values, devices, root disks, volumes and images."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import did_you_mean
from ..._engine.known import rules
from ..._engine.known.inspection import check_root
from . import _origin as origin

#: Sources whose devices come from elsewhere, so that what the body has of them is not all.
_ELSEWHERE = ("backup", "migration")
_PLURAL = {"container": "containers", "virtual-machine": "virtual machines"}


def check(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse and warn, for an instance that is to be created (`old` is empty) or changed."""
    _check_volumes(resource, new, old)
    source = new.get("source") or {}
    same = old and all(new.get(key) == old.get(key) for key in ("devices", "profiles"))
    # in another project the servers add a root disk
    if not same and source.get("type") not in _ELSEWHERE and not (old and resource.goes("project")):
        _check_root(resource, new, old)
    if not old:
        _check_image_type(resource, new, source)


def _check_root(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Look for the root disk, also in the profiles, and read those of an image only if it matters.

    A single task reads the profiles only if it writes devices or profiles. A stack has them in memory.
    """
    if not resource.client.is_plan and not any(resource.wanted.get(key) is not None for key in ("devices", "profiles")):
        return
    project, names = resource.query().get("project"), new.get("profiles")
    profiles = _all_of(resource, ["default"] if names is None else names, project)
    if names is None and profiles is not None and len(rules.roots(devices_of(profiles), new.get("devices"))) != 1:
        if _may_bring_profiles(resource, new["source"], project):
            return
        profiles = _all_of(resource, origin.own_profiles(resource.client, new, project), project)
    if profiles is not None:
        check_root(resource, new, old, devices_of(profiles))


def _may_bring_profiles(resource: Any, source: dict[str, Any], project: str | None) -> bool:
    """Whether the image of a remote may be here already, with profiles of its own."""
    if not source.get("server"):
        return False
    reply = resource.client.find("/1.0/images", recursion=1, project=project)
    images = (reply.metadata if reply else None) or ()
    return any(image.get("profiles", ["default"]) != ["default"] for image in images)


def _all_of(resource: Any, names: list[str], project: str | None) -> list[dict[str, Any]] | None:
    """The profiles; None where one does not exist, which is reported by itself."""
    profiles = origin.profiles_of(resource.client, names, project)
    return profiles if len(profiles) == len(names) else None


def devices_of(profiles: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(str(profile.get("name")), profile.get("devices") or {}) for profile in profiles]


def _check_volumes(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse custom volumes that do not exist."""
    wanted = resource.wanted.get("devices") or {}
    for name, device, _written in rules.changed_devices(old.get("devices"), new.get("devices")):
        pool, volume = device.get("pool"), str(device.get("source") or "")
        if not wanted.get(name) or device.get("type") != "disk" or device.get("source.type"):
            continue
        if not pool or not volume or "/" in volume or ":" in volume:
            continue
        there = f"/1.0/storage-pools/{quote(pool)}"
        known = resource.client.find(f"{there}/volumes/custom/{quote(volume)}", **resource.query())
        if known is None and resource.client.find(there):
            near = did_you_mean(volume, resource.client.names(f"{there}/volumes/custom", **resource.query()))
            resource.miss(f"devices.{name}.source: there is no custom volume '{volume}' in the pool '{pool}'. {near}")


def _check_image_type(resource: Any, new: dict[str, Any], source: dict[str, Any]) -> None:
    """Refuse to make a virtual machine from an image of containers, and the other way round: the servers do so only
    after they began.

    A single task reads the image only for a virtual machine. A stack has it in memory.
    """
    fingerprint, wanted = source.get("fingerprint"), str(new.get("type") or "container")
    if not fingerprint or source.get("server") or not (resource.client.is_plan or wanted == "virtual-machine"):
        return
    image = resource.client.find(f"/1.0/images/{fingerprint}", project=resource.query().get("project"))
    sort = str(image.metadata.get("type") or wanted) if image else wanted
    if sort != wanted:
        resource.refuse(
            f"type: a {wanted} is wanted, and the image '{resource.params['image'] or fingerprint[:12]}' is one of "
            f"{_PLURAL.get(sort, sort)}. Choose an image of {_PLURAL[wanted]}, or type: {sort}."
        )
