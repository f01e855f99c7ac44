# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What of a server is exported: all its instances, custom volumes and local images, but for what a task or a key of the
resource leaves out. The listings are those of the document, so this asks the server nothing more.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Iterator, NamedTuple

from .._engine import values
from .._engine.plans import Done
from .._kinds.images._source import image_name
from .._kinds.images.image import Image
from .._kinds.instances._power import RUNNING, normalize_status
from .._kinds.instances.instance import Instance
from .._kinds.storage.storage_bucket import StorageBucket
from .._kinds.storage.storage_volume import StorageVolume
from .._stack.view import View, places
from .backup_manifest import Item
from .registry import KINDS

#: The key of instances and volumes that says how they are exported: `false` leaves one out, and `stopped` stops an
#: instance while it is exported.
KEY = "user.backup"
STOPPED = "stopped"


class Selection(NamedTuple):
    """What is exported, and what is left out with the reason.

    :ivar together: the volumes of instances that are stopped for their export, by the titles of these
    """

    items: list[Item]
    left_out: list[dict[str, str]]
    together: dict[str, list[Item]]

    def groups(self) -> list[list[Item]]:
        """What is exported one after another: an instance that is stopped meanwhile and its volumes, or one item."""
        inside = {volume.title for volumes in self.together.values() for volume in volumes}
        return [[item, *self.together.get(item.title, ())] for item in self.items if item.title not in inside]

    def steps(self, ran: set[str]) -> list[Done]:
        """All that a run does, in the order of results. `ran` has the titles of instances that an interrupted run may
        have stopped.
        """
        found = []
        for group in self.groups():
            stops = group[0].title in self.together
            runs = stops and normalize_status(group[0].status) == RUNNING
            found += [_step("stop", group[0])] if runs else []
            found += [_step("export", item) for item in group]
            found += [_step("start", group[0])] if runs or (stops and group[0].title in ran) else []
        return found


def _step(action: str, item: Item) -> Done:
    return Done(action, item.kind, item.label, f"{action} {item.title}")


def selected(view: View, params: dict[str, Any]) -> Selection:
    """The selection of a task. `params` has `projects`, `include`, `exclude` and `images`."""
    items: list[tuple[Item, dict[str, Any]]] = []
    left_out, together, taken = [], {}, set()
    for item, obj in [*instances_of(view), *volumes_of(view), *_images(view)]:
        why = _why_not(item, obj, params)
        if why:
            left_out.append({"kind": item.kind, "name": item.label, "project": item.project, "reason": why})
        else:
            items.append((item, obj))
    left_out += [
        {"kind": "storage_bucket", "name": name, "project": project, "reason": "its contents are to be had over S3"}
        for project, name in _buckets(view)
    ]
    volumes = {(item.project, item.label, item.member): item for item, _obj in items if item.kind == "storage_volume"}
    for item, obj in items:
        if item.kind == "instance" and _config(obj).get(KEY) == STOPPED:
            own = [volumes[at] for at in attached(view, item, obj) if at in volumes and at not in taken]
            taken |= {(volume.project, volume.label, volume.member) for volume in own}
            together[item.title] = own
    return Selection([item for item, _obj in items], left_out, together)


def _config(obj: dict[str, Any]) -> dict[str, str]:
    return obj.get("expanded_config") or obj.get("config") or {}


def instances_of(view: View) -> Iterator[tuple[Item, dict[str, Any]]]:
    """All instances, each with its object."""
    for project in view.projects(Instance):
        for name, obj in sorted(view.listing(Instance, Instance.path, project).items()):
            yield Item("instance", project, {"instance": name}, _member(obj), obj["status"]), obj


def volumes_of(view: View) -> Iterator[tuple[Item, dict[str, Any]]]:
    """All custom volumes, each with its object."""
    for project in view.projects(StorageVolume):
        for path, parents in places(view, KINDS, StorageVolume, project):
            for _listed, obj in sorted(view.listing(StorageVolume, path, project).items()):
                yield Item("storage_volume", project, {**parents, "volume": obj["name"]}, _member(obj)), obj


def _images(view: View) -> Iterator[tuple[Item, dict[str, Any]]]:
    for project in view.projects(Image):
        for _fingerprint, obj in sorted(view.listing(Image, Image.path, project).items()):
            if not Image.internal(obj):
                yield Item("image", project, {"image": image_name(obj)}), obj


def _buckets(view: View) -> Iterator[tuple[str, str]]:
    for project in view.projects(StorageBucket) if StorageBucket.readable(view) else ():
        for path, parents in places(view, KINDS, StorageBucket, project):
            for name in sorted(view.listing(StorageBucket, path, project)):
                yield project, "/".join([*parents.values(), name])


def _member(obj: dict[str, Any]) -> str:
    location = obj.get("location") or ""
    return "" if location == "none" else location


def attached(view: View, item: Item, obj: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The project, the label and the member of each custom volume that an instance can have."""
    project = view.effective(StorageVolume, item.project)
    devices = (obj.get("expanded_devices") or {}).values()
    return [
        (project, f"{device['pool']}/{device['source'].partition('/')[0]}", member)
        for device in devices
        for member in dict.fromkeys(("", item.member))
        if device.get("type") == "disk" and device.get("pool") and device.get("source")
    ]


def _why_not(item: Item, obj: dict[str, Any], params: dict[str, Any]) -> str:
    """Why something is left out; empty if it is exported."""
    if params["projects"] and item.project not in params["projects"]:
        return "projects"
    if item.kind == "image":
        if params["images"] == "none":
            return "images"
        if params["images"] == "local" and obj.get("update_source"):
            return "its server has it"
        return "" if obj.get("aliases") else "it has no alias"
    if not named(item, params["include"] or ["*"]):
        return "include"
    if named(item, params["exclude"] or []):
        return "exclude"
    written = _config(obj).get(KEY)
    return f"config.{KEY}" if written and written.lower() in values.FALSE else ""


def named(item: Item, patterns: list[str]) -> bool:
    """Whether one of the patterns is for it."""
    return any(fnmatch.fnmatchcase(item.label, pattern) for pattern in patterns)
