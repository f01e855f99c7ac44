# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Snapshots of instances, and restoring an instance from one."""

from __future__ import annotations

from typing import Any

from ..._api.errors import Interrupted
from ..._engine.fields import Flag, Moment
from ..._engine.plans import Existing
from .._snapshots import Snapshot


class InstanceSnapshot(Snapshot):
    """`/1.0/instances/INSTANCE/snapshots`."""

    kind = "instance_snapshot"
    path = "/1.0/instances/{instance}/snapshots"
    fields = (Moment("expires_at"), Flag("stateful", create_only=True))
    options = {"instance": {"type": "str", "required": True}}
    refers = {"instance": "instance"}
    name_rule = (r"[^/ ?&+%]+", "no slash and no space, and none of ? & + and %")

    #: The description of the instance before it was restored.
    described: str | None = None

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        return [f"the state of the instance at {obj.get('created_at')} is lost"]

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        self.writer.write("PUT", self.url(), {"expires_at": body["expires_at"]}, etag=found.etag, **self.query())

    def restore_owner(self) -> None:
        """`PUT /1.0/instances/INSTANCE` with `restore`; the description it has stays (lxc/incus issue 2432)."""
        if self.described is None:
            self.described = self.client.get(self.owner, **self.query()).metadata["description"]
        self.writer.write(
            "PUT", self.owner, {"restore": self.name, "stateful": bool(self.wanted.get("stateful"))}, **self.query()
        )
        now = self.client.get(self.owner, **self.query())
        brought, attempt = now.metadata["description"], 0
        while (
            now.metadata["description"] == brought != self.described
        ):  # else another client has described it meanwhile
            body = {key: now.metadata[key] for key in ("architecture", "config", "devices", "ephemeral", "profiles")}
            try:
                self.writer.write(
                    "PUT", self.owner, {**body, "description": self.described}, etag=now.etag, **self.query()
                )
                return
            except Interrupted:  # to restore once more would take back what others write after it
                self.client.deadline.pause(attempt, f"describing instance {self.params['instance']} as before")
                attempt += 1
                now = self.client.get(self.owner, **self.query())
