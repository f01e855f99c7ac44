# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Snapshots of volumes, and restoring a volume from one."""

from __future__ import annotations

from typing import Any, Mapping

from ..._engine.completion import complete
from ..._engine.fields import Moment, Text
from ..._engine.plans import Existing, Plan
from .._snapshots import Snapshot
from ._in_pool import InPool
from ._in_use import refuse_running


class StorageVolumeSnapshot(InPool, Snapshot):
    """`/1.0/storage-pools/POOL/volumes/custom/VOLUME/snapshots`."""

    kind = "storage_volume_snapshot"
    path = "/1.0/storage-pools/{pool}/volumes/custom/{volume}/snapshots"
    feature = "storage.volumes"
    fields = (Text("description"), Moment("expires_at"))
    options = {"pool": {"type": "str", "required": True}, "volume": {"type": "str", "required": True}}
    refers = {"pool": "storage_pool", "pool/volume": "storage_volume"}
    name_rule = (r"[^/\\\s]+", "no slash, no backslash and no space")

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """After all copies: a volume cannot be copied while it is taken, and a copy would have the snapshot or not."""
        return [*super().references(params), ("storage_volume", "*")]

    @classmethod
    def of_listing(cls, obj: dict[str, Any]) -> dict[str, Any]:
        """Listings have the volume before the name, with a slash."""
        return {**obj, "name": obj["name"].rpartition("/")[2]}

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        return ["the state of the volume at that time is lost"]

    def create(self, body: dict[str, Any]) -> None:
        super().create(body)
        complete(self, body["name"])  # most servers give it the description of its volume

    def plan(self, found: Existing | None) -> Plan:
        plan = super().plan(found)
        restored = found and self.state == "restored"
        volume = self.client.find(self.owner, **self.query()) if restored else None
        if volume:
            refuse_running(self, volume.metadata, "restored")
        return plan

    def restore_owner(self) -> None:
        """`PUT` of the volume with nothing but `restore`: the rest of it stays."""
        self.writer.write("PUT", self.owner, {"restore": self.name}, **self.query())
