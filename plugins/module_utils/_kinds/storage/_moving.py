# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Moves of volumes to another member of a cluster: `POST /1.0/storage-pools/POOL/volumes/custom/NAME?target=MEMBER`.

LXD 5.0 has no such move. There a volume is sent from one member to the other, as between servers, and deleted.
"""

from __future__ import annotations

from typing import Any

from ..._api.errors import LXDError
from ..._engine import values
from ..._engine.plans import Action, Plan, Step
from ..._engine.users import used_words
from .. import _migration as migration
from .._copied import CREATING, is_part

_SENT = ("name", "description", "content_type", "config")


def to_member(volume: Any, plan: Plan) -> list[Step]:
    """The step to another member, with the snapshots."""
    there = plan.result or {}
    old, new = str(there.get("location")), str(volume.params["new_target"])
    if not volume.check_known("new_target", [new], "/1.0/cluster/members"):
        return []
    users = list(there.get("used_by") or ())
    if users:
        volume.refuse(f"name: storage_volume '{volume.name}' {used_words(volume.client.label, 'moved', users)}")
    plan.before["location"], plan.after["location"] = old, new
    plan.result = {**there, "location": new}
    words = f"move storage_volume {volume.name} from member {old} to member {new}"
    move = _ask if volume.client.has("cluster_internal_custom_volume_copy") else _send
    return [Step(Action.MOVE, words, lambda: move(volume, old, new), reread=True, detail="member")]


def _ask(volume: Any, old: str, new: str) -> None:
    """Have the servers move it. Incus 6.0.4 does not take the description along."""
    before = volume.fetch(volume.name).object
    pool = volume.whole.get("pool", volume.params["pool"])
    body = {"name": volume.name, "pool": pool, "migration": True, "source": {"location": old}}
    volume.writer.write("POST", volume.url(), body, **{**volume.query(), "target": new})
    attempt = 0
    while old in _places(volume):  # Incus deletes it where it was after the operation has ended
        volume.client.deadline.pause(attempt, f"waiting until storage_volume {volume.name} is gone from {old}")
        attempt += 1
    query = {**volume.query(), "target": new}
    made = volume.writer.get(volume.url(), **query)
    if made.metadata.get("description") != before.get("description"):
        body = {**made.metadata, "description": before.get("description")}
        volume.writer.write("PUT", volume.url(), body, etag=made.etag, **query)


def _places(volume: Any) -> dict[str, set[str]]:
    """The snapshots of the volume by the members that have one of this name. LXD 5.0 lists the snapshots at the path of
    a volume for the member that answers only, whatever the target.
    """
    query = {key: value for key, value in volume.query().items() if key != "target"}
    found: dict[str, set[str]] = {}
    for one in volume.writer.get(volume.collection, recursion=1, **query).metadata or []:
        name, _slash, snapshot = one["name"].partition("/")
        if name == volume.name:
            found.setdefault(one["location"], set()).update([snapshot] if snapshot else [])
    return found


def _send(volume: Any, old: str, new: str) -> None:
    """Send it, and delete it where it was once all of it is there. A half one has a mark, and is deleted first."""
    writer, there, here = volume.writer, *({**volume.query(), "target": member} for member in (old, new))
    half = writer.find(volume.url(), **here)
    if half and is_part(half.metadata):
        writer.write("DELETE", volume.url(), **here)
    original = writer.get(volume.url(), **there).metadata
    config = {key: value for key, value in original["config"].items() if not key.startswith("volatile.")}
    body = {**{key: original[key] for key in _SENT}, "config": {**config, values.COPY: f"{CREATING} {old}"}}
    sending = migration.Side(writer, volume.url(), {"name": volume.name, "migration": True}, there)
    source = {"name": volume.name, "pool": volume.whole.get("pool", volume.params["pool"])}
    migration.pull(migration.Side(writer, volume.collection, body, here), sending, source)
    made = writer.get(volume.url(), **here)
    places = _places(volume)
    if places[old] != places[new]:
        raise LXDError(f"storage_volume {volume.name} of {old} is not deleted: its snapshots have changed meanwhile.")
    writer.write("PUT", volume.url(), {**made.metadata, "config": config}, etag=made.etag, **here)
    writer.write("DELETE", volume.url(), **there)
