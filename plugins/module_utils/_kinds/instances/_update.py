# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The order of the steps that change an instance, and where it has to be stopped, restarted or rebuilt for them."""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput
from ..._engine.known.at_start import keys_at_start
from ..._engine.plans import Action, Existing, Plan, Step, UpdateSteps
from ..images._source import find_image, image_source
from . import _origin as origin
from ._power import RUNNING, STOPPED, end_words, normalize_status, status_after


class InstanceUpdate:
    """One update of an instance. It adds moves and power to the steps that every kind has, and to the plan."""

    def __init__(self, instance: Any, found: Existing, plan: Plan, steps: UpdateSteps) -> None:
        self.instance, self.found, self.plan = instance, found, plan
        self.status = normalize_status(found.object["status"])
        self.moves, self.update, self.rest = steps

    def ordered(self) -> list[Step]:
        """All steps in their order.

        :raises InvalidInput: if it must be stopped and the task does not allow that, or if a stop would delete it
        """
        self._warn_of_idle_nulls()
        self._add_moves()
        first, now = self._first_steps()
        state = self.instance.state
        goal = "started" if self.instance.was_running and state == "present" else state
        power = self.instance.power.steps(now, goal)
        steps = [*first, *self.moves, *self.update, *self.rest, *power]
        after = status_after(now, goal)
        self.instance.runs = after == RUNNING
        if steps:
            from .._targets import refuse_steps  # as below

            refuse_steps(self.instance.client, self.found, self.instance.url(), self.instance.query(), steps)
        if after != self.status:
            self.plan.before["status"], self.plan.after["status"] = self.status, after
            self.plan.result = {**(self.plan.result or {}), "status": after}
        return [*steps, *(self.instance.elsewhere.leaving(self.plan) if self.instance.elsewhere else [])]

    def _warn_of_idle_nulls(self) -> None:
        instance = self.instance
        nulls = origin.nulls(instance.wanted, self.found.object)
        if nulls:
            profiles = (self.plan.result or {}).get("profiles") or []
            there = origin.profiles_of(instance.client, profiles, instance.project)
            instance.doubt(*origin.idle_nulls(nulls, there))

    def _add_moves(self) -> None:
        """Moves to another pool, project or member, which keep data, snapshots and MACs, and before them what brings a
        copy up to date.
        """
        instance = self.instance
        if instance.elsewhere:
            self.moves = [*self.moves, *instance.elsewhere.refreshing(self.found, self.plan)]
        if self._stays():
            return
        from . import _arrival, _moving  # a module compiles what it imports, and few tasks move anything

        away: list[Step] = []
        if instance.goes("project"):
            away, self.update = _arrival.move(instance, self.found.object, self.plan, self.update)
        to_pool = _moving.to_pool(instance, self.found, self.plan)
        self.moves = [*self.moves, *to_pool, *away, *_moving.to_member(instance, self.found, self.plan)]

    def _stays(self) -> bool:
        """Whether the instance is in the project and the pool and on the member that the task wants."""
        instance, there = self.instance, self.found.object
        pool, target = origin.pool_of(there), there.get("location")
        wanted_pool, wanted_target = instance.params["pool"] or pool, instance.params["target"] or target
        return not instance.goes("project") and (wanted_pool, wanted_target) == (pool, target)

    def _first_steps(self) -> tuple[list[Step], str]:
        """What comes before the moves and the rest, and the status after it."""
        instance, status = self.instance, self.status
        at_start = self._at_start() if status == RUNNING else []
        live = bool(self.moves) and self._moves_live()
        stop_for = self._stop_for(at_start, live)
        # a stop deletes an instance that is ephemeral
        ends = bool((self.plan.result or {}).get("ephemeral")) and status != STOPPED
        if ends and ((self.moves and not live) or instance.state == "stopped"):
            raise InvalidInput(end_words(instance, status, stop_for or "stopped"))
        instance.due = ends and (instance.due or bool(stop_for))
        if instance.due:  # the servers restart an ephemeral one without deleting it
            first = [*self.update, *self.rest, *instance.power.steps(status, "restarted")]
            self.update, self.rest = [], []
            return first, status
        first = []
        if self.found.object.get("ephemeral") and not ends:  # no longer ephemeral, which comes before a stop
            first, self.update = self.update, []
        if stop_for and status != STOPPED:
            self._check_may_stop(stop_for)
            instance.was_running = status == RUNNING
            return [*first, *instance.power.steps(status, "stopped")], STOPPED
        if at_start:
            warn_of_start(instance, at_start)
        return first, status

    def _moves_live(self) -> bool:
        from ._placement import can_move_live

        return can_move_live(self.found.object) and all(step.key == (Action.MOVE, "member") for step in self.moves)

    def _at_start(self) -> list[str]:
        return keys_at_start(self.found.object, self.plan.result or {})

    def _stop_for(self, at_start: list[str], live: bool) -> str:
        """What it has to be stopped for, as the end of a sentence; empty if it can keep running."""
        if self.moves:
            refreshed = any(step.action is Action.REFRESH for step in self.moves)
            return "" if live else "refreshed" if refreshed else "moved or renamed"
        allowed = self.instance.params["restart"] == "if_required" and self.instance.state in ("started", "present")
        return f"given {', '.join(at_start)}" if at_start and allowed else ""

    def _check_may_stop(self, stop_for: str) -> None:
        instance = self.instance
        if instance.params["restart"] != "if_required" and instance.state not in ("stopped", "restarted"):
            raise InvalidInput(
                f"instance '{instance.name}' on {instance.client.label} is {self.status} and must be stopped to be "
                f"{stop_for}: set restart: if_required, or state: stopped."
            )


def warn_of_start(instance: Any, keys: list[str]) -> None:
    """Say what takes effect at the next start of a running instance, if anything."""
    if keys:
        instance.warn(
            f"instance '{instance.name}': {', '.join(keys)} takes effect at its next start (restart: if_required does "
            "it now)."
        )


def rebuilding(instance: Any, found: Existing, after: dict[str, Any]) -> list[Step]:
    """The steps of `state: rebuilt`; none if the instance is from that image already, or has just been rebuilt."""
    instance.client.require("instances_rebuild", "state: rebuilt")
    image = instance.params["image"]
    if not image:
        raise InvalidInput("image: state rebuilt needs the image to rebuild from.")
    base = found.object["config"].get("volatile.base_image")
    if ":" not in image and find_image(instance.client, image, instance.project) == base:
        return []
    if (Action.REBUILD, "") in instance.done:
        return []
    body = {"source": image_source(instance.client, "image", image, instance.project)}

    def rebuild() -> None:
        instance.client.write("POST", instance.url() + "/rebuild", body, **instance.query())

    step = Step(Action.REBUILD, f"rebuild instance {instance.name} from image {image}", rebuild)
    if normalize_status(found.object["status"]) != RUNNING:
        return [step]
    if after.get("ephemeral"):
        raise InvalidInput(end_words(instance, RUNNING, "rebuilt"))
    return [*instance.power.steps(RUNNING, "stopped"), step, *instance.power.steps(STOPPED, "started")]
