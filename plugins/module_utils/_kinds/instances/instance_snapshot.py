# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Snapshots of instances, and restoring an instance from one."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import Interrupted, did_you_mean
from ..._engine.fields import Flag, Moment
from ..._engine.plans import Action, Existing, Plan, Step
from ..._engine.resource import Resource


class InstanceSnapshot(Resource):
    """`/1.0/instances/INSTANCE/snapshots`."""

    kind = "instance_snapshot"
    path = "/1.0/instances/{instance}/snapshots"
    fields = (Moment("expires_at"), Flag("stateful", create_only=True))
    states = ("present", "absent", "restored")
    renames = True
    options = {"instance": {"type": "str", "required": True}}
    refers = {"instance": "instance"}
    events = ("restored",)
    one_by_one = ("create", "delete")  # LXD 5.0 counts records and volumes, and counts those of another half-way
    passing = True
    name_rule = (r"[^/ ?&+%]+", "no slash and no space, and none of ? & + and %")

    #: The description of the instance before it was restored.
    described: str | None = None

    @property
    def owner(self) -> str:
        return "/1.0/instances/" + quote(self.params["instance"])

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        return [f"the state of the instance at {obj.get('created_at')} is lost"]

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        self.writer.write("PUT", self.url(), {"expires_at": body["expires_at"]}, etag=found.etag, **self.query())

    def plan(self, found: Existing | None) -> Plan:
        if self.state == "restored" and not found:
            known = self.client.names(self.collection, **self.query())
            self.miss(
                f"name: instance '{self.params['instance']}' on {self.client.label} has no snapshot '{self.name}' to "
                f"restore. {did_you_mean(self.name, known)}"
            )
            return Plan({}, {"name": self.name, "restored": True}, self.extra_steps(None, {}), None)
        return super().plan(found)

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        words = f"restore instance {self.params['instance']} from snapshot {self.params['new_name'] or self.name}"
        step = Step(Action.RESTORE, words, self._restore)
        return [step] if self.state == "restored" and step.key not in self.done else []

    def plan_update(self, found: Existing) -> Plan:
        plan = super().plan_update(found)
        if self.state == "restored" and plan.steps:
            plan.before["restored"], plan.after["restored"] = False, True
        return plan

    def _restore(self) -> None:
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
