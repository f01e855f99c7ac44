# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the servers refuse of an instance, found in its plan: values, devices, root disks, volumes and images."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._engine.known import rules
from ..._engine.known.inspection import check_roots
from . import _origin as origin

#: Sources whose devices come from elsewhere, so that what the body has of them is not all.
_ELSEWHERE = ("backup", "migration")


def check(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse and warn, for an instance that is to be created (`old` is empty) or changed."""
    _check_volumes(resource, new, old)
    source = new.get("source") or {}
    if old or source.get("type") not in _ELSEWHERE:
        _check_roots(resource, new, old)
    if not old:
        _check_image_type(resource, new, source)


def _check_roots(resource: Any, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Look at the root disks with those of the profiles, and read those of an image only if it matters.

    A single task reads the profiles only if it writes devices or profiles. A stack has them in memory.
    """
    if not resource.client.is_plan and not any(resource.wanted.get(key) is not None for key in ("devices", "profiles")):
        return
    project, names = resource.query().get("project"), new.get("profiles")
    profiles = _all_of(resource, ["default"] if names is None else names, project)
    if names is None and profiles is not None and rules.roots(devices_of(profiles), new.get("devices")):
        profiles = _all_of(resource, origin.own_profiles(resource.client, new, project), project)
    if profiles is not None:
        check_roots(resource, new, old, devices_of(profiles))


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
            resource.miss(f"devices.{name}.source: there is no custom volume '{volume}' in the pool '{pool}'.")


def _check_image_type(resource: Any, new: dict[str, Any], source: dict[str, Any]) -> None:
    """Refuse to make a virtual machine from an image of containers, which the servers do only after they began."""
    fingerprint = source.get("fingerprint")
    if new.get("type") != "virtual-machine" or not fingerprint or source.get("server"):
        return
    image = resource.client.find(f"/1.0/images/{fingerprint}", project=resource.query().get("project"))
    if image and image.metadata.get("type") == "container":
        resource.refuse(
            f"type: a virtual-machine is wanted, and the image '{resource.params['image'] or fingerprint[:12]}' is one "
            "of containers. Choose an image of virtual machines, or type: container."
        )
