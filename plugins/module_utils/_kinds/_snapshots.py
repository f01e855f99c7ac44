# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Snapshots, of whatever they are taken: taken once, renamed, deleted, and restored."""

from __future__ import annotations

from typing import Any

from .._api.errors import did_you_mean
from .._engine.plans import Action, Existing, Plan, Step
from .._engine.resource import Resource


class Snapshot(Resource):
    """A kind that belongs to what it is taken of, the last of its parents."""

    states = ("present", "absent", "restored")
    renames = True
    events = ("restored",)
    one_by_one = ("create", "delete")  # LXD 5.0 counts records and volumes, and counts those of another half-way
    passing = True

    @property
    def owner(self) -> str:
        """The path of what it is taken of."""
        return self.parent_of(self.collection)

    @property
    def owner_words(self) -> str:
        option = self.parents()[-1]
        return f"{option} {self.params[option]}"

    def plan(self, found: Existing | None) -> Plan:
        if self.state == "restored" and not found:
            known = self.client.names(self.collection, **self.query())
            option = self.parents()[-1]
            self.miss(
                f"name: {option} '{self.params[option]}' on {self.client.label} has no snapshot '{self.name}' to "
                f"restore. {did_you_mean(self.name, known)}"
            )
            return Plan({}, {"name": self.name, "restored": True}, self.extra_steps(None, {}), None)
        return super().plan(found)

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        words = f"restore {self.owner_words} from snapshot {self.params['new_name'] or self.name}"
        step = Step(Action.RESTORE, words, self.restore_owner)
        return [step] if self.state == "restored" and step.key not in self.done else []

    def plan_update(self, found: Existing) -> Plan:
        plan = super().plan_update(found)
        if self.state == "restored" and plan.steps:
            plan.before["restored"], plan.after["restored"] = False, True
        return plan

    def restore_owner(self) -> None:
        """Write what was taken back."""
        raise NotImplementedError
