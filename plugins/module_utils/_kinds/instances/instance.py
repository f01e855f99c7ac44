# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

import functools
import os
from typing import Any

from ..._api.client import Client, quote
from ..._api.errors import InvalidInput
from ..._engine import values
from ..._engine.fields import Devices, Flag, Map, Names, Text
from ..._engine.interfaces import check_devices
from ..._engine.plans import Action, Found, Plan, Step
from ..._engine.resource import Resource
from .._targets import refuse_steps, refuse_target
from ..images._source import find_image, image_name, image_source
from . import _arrival as arrival
from . import _moving as moving
from . import _origin as origin
from ._placement import can_move_live, refuse_machines
from ._power import FROZEN, RUNNING, STOPPED, Power, actions, end_words, settled, status_after
from ._wait import CONDITIONS, Waiter, with_addresses

#: Config keys that a running container takes in only when it starts (doc/reference/instance_options.md, "Live update:
#: no").
AT_START = (
    "limits.kernel.*", "linux.*", "nvidia.*", "raw.*", "security.devlxd", "security.guestapi", "security.idmap.*", "security.privileged",
    "security.syscalls.*", "security.csm", "security.secureboot", "security.sev*", "migration.*", "limits.memory.hugepages", "agent.nic_config.*",
)  # fmt: skip
#: How often to look whether an ephemeral instance that was stopped is gone, about once a second.
_LEAVING = 30
#: What a PUT of an instance takes; the rest of the object is the daemon's.
WRITABLE = ("architecture", "config", "description", "devices", "ephemeral", "profiles", "stateful")


class Instance(Resource):
    """`/1.0/instances`: a container or a virtual machine, its place, its config and its power."""

    kind = "instance"
    path = "/1.0/instances"
    fields = (
        Text("description"),
        Text("type", create_only=True, choices=["container", "virtual-machine"]),
        Flag("ephemeral"),
        Names("profiles"),
        Map("config"),
        Devices("devices"),
    )
    states = ("started", "stopped", "restarted", "frozen", "present", "absent", "rebuilt")
    renames = True
    owned = ("volatile.*", "image.*")
    noise = ("volatile.*", "image.*")
    name_rule = (
        r"(?![-0-9])[A-Za-z0-9-]{1,63}(?<!-)",
        "1 to 63 letters, digits and dashes, starting with a letter, not ending with a dash",
    )
    name_rules = {
        "incus": (
            r"(?!-|\d+\Z)[A-Za-z0-9-]{1,63}(?<!-)",
            "1 to 63 letters, digits and dashes, starting with a letter or a digit, not ending with a dash, and no "
            "number",
        )
    }
    options = {
        "image": {"type": "str"},
        "source": {"type": "dict"},
        "pool": {"type": "str"},
        "new_project": {"type": "str"},
        "wait_for": {"type": "list", "elements": "str", "choices": list(CONDITIONS)},
        "force": {"type": "bool", "default": False},
        "restart": {"type": "str", "choices": ["never", "if_required"], "default": "never"},
    }
    constraints = {"mutually_exclusive": [("image", "source")]}
    events = ("restarted", "rebuilt")
    instant_options = ("new_name", "new_project")
    placed = True
    refers = {
        "profiles": "profile",
        "image": ("image", "image_alias"),
        "pool": "storage_pool",
    }

    def validate(self) -> None:
        super().validate()
        self.project = self.params["project"]
        self.was_running = self.runs = self.fresh = self.due = False
        self.state_seen: dict[str, Any] = {}
        source = self.params["source"]
        if source is not None and source.get("type") not in ("image", "copy", "none", "backup", "migration"):
            raise InvalidInput(
                f"source.type: '{source.get('type')}' is none of image, copy, none (an empty instance) and backup (a "
                "file)."
            )
        if source and source["type"] == "backup" and not os.path.isfile(source.get("file") or ""):
            raise InvalidInput(
                f"source.file: '{source.get('file')}' is not a file on the host that runs the module; it is the "
                "tarball of an export."
            )

    def query(self) -> dict[str, Any]:
        return {"project": self.project}

    def plan(self, found: Found | None) -> Plan:
        if "ready" in (self.params["wait_for"] or ()):
            self.client.require("instance_ready_state", "wait_for: ready")
        return super().plan(found)

    # -- for stacks ---------------------------------------------------------------------------------------------------

    @classmethod
    def references(cls, params: dict[str, Any]) -> list[tuple[str, ...]]:
        unsaid: list[tuple[str, ...]] = [("profile", "default")] if params.get("profiles") is None else []
        group = [("cluster_group", params["target"][1:])] if str(params.get("target")).startswith("@") else []
        return super().references(params) + unsaid + group + origin.references(params.get("source"))

    @classmethod
    def lost_mark(cls, obj: dict[str, Any]) -> tuple[str, bool]:
        uuid, generation = ((obj.get("config") or {}).get(key) for key in ("volatile.uuid", "volatile.uuid.generation"))
        if generation is not None and generation == uuid:
            return "", False
        known = generation is not None  # Incus gives it another when it goes back in time, LXD 5.0 has none
        words = "It has been restored from a snapshot" if known else "Perhaps it has been restored from a snapshot"
        return f"{words}: one of before it was the stack's has not the mark, and adopt: true gives it back.", known

    def awaits(self) -> bool:
        return bool(self.params["wait_for"]) and self.runs

    @classmethod
    def export(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[str, Any] | None:
        """With the image that it was made from, where that is still there; a new one would have to be made from
        something.
        """
        entry = super().export(obj, client, query) or {}
        entry.setdefault("profiles", obj.get("profiles") or [])
        base = (obj.get("config") or {}).get("volatile.base_image")
        image = (
            client.find(f"/1.0/images/{quote(base)}", **query) if base else None
        )  # whoever may change it may write anything there
        origin = {"image": image_name(image.metadata) if image else base} if base else {"source": {"type": "none"}}
        state = {RUNNING: "started", FROZEN: "frozen"}.get(settled(obj["status"]), "stopped")
        place = {"target": obj["location"]} if obj.get("location") not in (None, "", "none") else {}
        return {**entry, **origin, "state": state, **place}

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> Found | None:
        """The instance where it is now: under its old or new name, in its old or new project, whatever a broken run
        left.
        """
        places = [(name, project) for project in self._either("project") for name in self._either("name")]
        self.name, self.project = places[0]
        if len(places) == 1:
            return super().read()
        found = []
        for name, self.project in places:
            here = self.fetch(name)
            if here:
                found.append((here, name, self.project))
        if len(found) > 1:
            listed = " and ".join(f"'{name}' in project '{project or 'default'}'" for _here, name, project in found)
            raise InvalidInput(
                f"instance {listed} both exist on {self.client.label}: remove one of them, or choose another new_name."
            )
        if not found:
            self.name, self.project = places[-1]
            if self.state != "absent":
                self._check_project()
            return None
        here, self.name, self.project = found[0]
        return here

    def _either(self, option: str) -> list[Any]:
        old, new = self.params[option], self.params["new_" + option]
        return [old] if new in (None, old) else [old, new]

    # -- creating -----------------------------------------------------------------------------------------------------

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        body.setdefault("type", "container")
        self.attempt(refuse_machines, self.client, body["type"], instead=None)
        self.attempt(refuse_target, self.client, self.params["target"], self.project, instead=None)
        body["source"] = self.attempt(
            origin.source_of, self.client, self.params, body["type"], instead={"type": "none"}
        )
        original = origin.original_of(self.client, body["source"], self.project)
        origin.take_over(body, original)
        if (
            body["source"]["type"] != "backup"
        ):  # that brings its own, which the task's are merged into once they are there
            self._warn(self.attempt(origin.equip, self.client, body, self.wanted, original, self.params, instead=[]))
        return body

    def create(self, body: dict[str, Any]) -> None:
        query = {**self.query(), "target": self.params["target"]}
        self.fresh = body["source"]["type"] in ("backup", "copy")
        if body["source"]["type"] != "backup":
            self.client.write("POST", self.path, body, **query)
            return
        vendor = "Incus" if self.client.implementation == "incus" else "LXD"
        headers = {"Content-Type": "application/octet-stream", f"X-{vendor}-name": body["name"]}
        if self.params["pool"]:
            headers[f"X-{vendor}-pool"] = self.params["pool"]
        size = os.path.getsize(body["source"]["file"])
        with open(body["source"]["file"], "rb") as stream:
            self.client.write(
                "POST", self.path, headers={**headers, "Content-Length": str(size)}, stream=stream, **query
            )

    def plan_create(self) -> Plan:
        plan = super().plan_create()
        source = plan.result["source"] if plan.result else {}
        words = {
            "copy": f"as a copy of {source.get('source')}",
            "none": "empty",
            "backup": f"from {source.get('file')}",
        }
        described = words.get(
            source["type"], f"from image {self.params['image'] or source.get('alias') or source.get('fingerprint')}"
        )
        # A backup and an original bring what the task may not want, so that is planned once it is there.
        plan.steps[0] = plan.steps[0]._replace(
            words=f"{plan.steps[0].words} {described}", reread=source["type"] in ("backup", "copy")
        )
        status = status_after(STOPPED, self.state)
        if self.state == "started" or status != STOPPED:
            plan.after["status"] = status
        if plan.result is not None:
            plan.result["status"] = status
        return plan

    # -- changing -----------------------------------------------------------------------------------------------------

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        wanted = self.wanted.get("devices")
        if wanted:
            inherited = origin.inherited(
                self.client,
                current,
                self.wanted.get("profiles"),
                self.params["new_project"] or self.project,
                self._goes(),
            )
            overriding = {name: device for name, device in wanted.items() if name not in (current.get("devices") or {})}
            self.wanted = {**self.wanted, "devices": {**wanted, **origin.completed(overriding, inherited, self.refuse)}}
        new = super().merged(current)
        if (
            self.fresh
        ):  # a copy or an import has the mark of its original, and belongs to nobody unless this task says so
            wished = self.wanted.get("config") or {}
            new["config"] = {
                key: value
                for key, value in (new.get("config") or {}).items()
                if key not in values.MARKS or key in wished
            }
        return new

    def update(self, found: Found, body: dict[str, Any]) -> None:
        # LXD empties a description that a write leaves out, so all that a PUT takes is sent.
        self.client.write(
            "PUT", self.url(), {key: body[key] for key in WRITABLE if key in body}, etag=found.etag, **self.query()
        )

    def _warn(self, warnings: list[str]) -> None:
        self.warnings += [
            words for words in warnings if words not in self.warnings
        ]  # a plan can be made more than once

    def plan_update(self, found: Found) -> Plan:
        status = settled(found.object["status"])
        nulls = origin.nulls(self.wanted, found.object)
        plan = super().plan_update(found)
        if any(step.action is Action.DELETE for step in plan.steps):  # it is re-created
            return plan
        if nulls:
            profiles = (plan.result or {}).get("profiles") or []
            self._warn(origin.idle_nulls(self.name, nulls, origin.profiles_of(self.client, profiles, self.project)))
        moved, updating, rest = self._sorted(plan.steps)
        away, updating = arrival.move(self, found.object, plan, updating) if self._goes() else ([], updating)
        moved += self._moves(found, plan, away)
        at_start = self._at_start(found.object, plan.result or {}) if status == RUNNING else []
        live = can_move_live(found.object) and all(step.key == (Action.MOVE, "member") for step in moved)
        stop_for = "moved or renamed" if moved and not live else ""
        if at_start and not moved and self.params["restart"] == "if_required" and self.state in ("started", "present"):
            stop_for = f"given {', '.join(at_start)}"
        brief = bool((plan.result or {}).get("ephemeral")) and status != STOPPED
        if brief and ((moved and not live) or self.state == "stopped"):
            raise InvalidInput(end_words(self, status, stop_for or "stopped"))
        self.due = brief and (self.due or bool(stop_for))
        steps, now = [], status
        if found.object.get("ephemeral") and not brief:  # no longer, before a stop would be its end
            steps, updating = updating, []
        if self.due:  # the servers restart one without letting it end
            steps, updating, rest = updating + rest + self._power(status, "restarted"), [], []
        elif stop_for and status != STOPPED:
            if self.params["restart"] != "if_required" and self.state not in ("stopped", "restarted"):
                raise InvalidInput(
                    f"instance '{self.name}' on {self.client.label} is {status} and must be stopped to be "
                    f"{stop_for}: set restart: if_required, or state: stopped."
                )
            self.was_running = status == RUNNING
            steps += self._power(status, "stopped")
            now = STOPPED
        elif at_start:
            self.warnings.append(
                f"instance '{self.name}': {', '.join(at_start)} takes effect at its next start (restart: if_required "
                "does it now)."
            )
        goal = "started" if self.was_running and self.state == "present" else self.state
        steps += moved + updating + rest + self._power(now, goal) + self._waits(status_after(now, goal))
        refuse_steps(self.client, found, self.url(), self.query(), steps)
        after = status_after(now, goal)
        result = dict(plan.result or {})
        if after != status:
            plan.before["status"], plan.after["status"] = status, after
            result["status"] = after
        return Plan(plan.before, plan.after, steps, result)

    def _sorted(self, steps: list[Step]) -> tuple[list[Step], list[Step], list[Step]]:
        def of(*actions: Action) -> list[Step]:
            return [step for step in steps if step.action in actions]

        return (
            of(Action.RENAME),
            of(Action.UPDATE),
            [step for step in steps if step.action not in (Action.RENAME, Action.UPDATE)],
        )

    def _at_start(self, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        before, after = values.changes(old.get("config") or {}, new.get("config") or {})
        return sorted(key for key in {**before, **after} if values.matches(key, AT_START))

    def _moves(self, found: Found, plan: Plan, away: list[Step]) -> list[Step]:
        """Moves to another pool, project or member, which keep data, snapshots and MACs."""
        return [*moving.to_pool(self, found, plan), *away, *moving.to_member(self, found, plan)]

    def _goes(self) -> bool:
        return self.params["new_project"] not in (None, self.project or "default")

    def move(self, to: str | None = None, live: bool = False, **where: Any) -> None:
        self.client.write(
            "POST", self.url(), {"name": self.name, "migration": True, "live": live, **where}, target=to, **self.query()
        )

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if self._goes():
            return  # they are looked up where it goes
        profiles = [name for name in new.get("profiles") or () if name not in (old.get("profiles") or ())]
        self.check_known("profiles", profiles, "/1.0/profiles", **self.query())
        self.check_device_references(new, old)
        runs = settled(old.get("status") or STOPPED) != STOPPED
        check_devices(self, new, old, starts=runs if self.state == "present" else self.state != "stopped")

    # -- power, waiting, rebuilding -----------------------------------------------------------------------------------

    def extra_steps(self, found: Found | None, after: dict[str, Any]) -> list[Step]:
        if found is None:
            return self._power(STOPPED, self.state) + self._waits(status_after(STOPPED, self.state))
        return self._rebuild(found, after) if self.state == "rebuilt" else []

    def _power(self, status: str, state: str) -> list[Step]:
        # restarting and the like are done once: a plan made anew after a broken connection does not repeat them
        new = self.params["new_name"] or self.name  # it is stopped for its renaming, and started after it
        todo = [
            (f"{action} instance {self.name if action == 'stop' else new}", action) for action in actions(status, state)
        ]
        steps = [Step(Action(action), words, functools.partial(self._switch, action)) for words, action in todo]
        return [step for step in steps if step.action is not Action.RESTART or step.key not in self.done]

    def _switch(self, action: str, hard: bool = False) -> None:
        grace = 30
        if action in ("stop", "restart"):
            reply = self.client.find(self.url(), **self.query())
            grace = int((reply.metadata["expanded_config"] if reply else {}).get("boot.host_shutdown_timeout") or grace)
        Power(self.client, self.url(), self.query(), self.params["force"], grace).do(action, hard)

    def _waits(self, status: str) -> list[Step]:
        """Conditions to wait for. They change nothing, so they are no step of a plan: `after_apply` sees to them."""
        self.runs = status == RUNNING
        return []

    def after_apply(self, found: Found | None) -> None:
        conditions = self.params["wait_for"]
        if conditions and found and self.state != "absent" and self.runs:
            waiter = Waiter(
                self.client, self.name, self.url(), self.query(), found.object.get("expanded_devices") or {}
            )
            self.state_seen = waiter.wait(conditions)

    def show(self, obj: dict[str, Any]) -> dict[str, Any]:
        return with_addresses(obj, self.state_seen) if self.state_seen else obj

    def plan_absent(self, found: Found | None) -> Plan:
        plan = super().plan_absent(found)
        status = settled(found.object["status"]) if found else STOPPED
        if found and found.object.get("ephemeral") and status != STOPPED:
            thaw = self._power(status, "started") if status == FROZEN and not self.params["force"] else []
            plan.steps = [
                *thaw,
                Step(Action.DELETE, f"delete instance {self.name} by stopping it, since it is ephemeral", self._end),
            ]
        return plan

    def _end(self) -> None:
        """Stop an ephemeral instance and wait until it is gone. One that is there all the same is no longer ephemeral."""
        self._switch("stop", hard=self.params["force"])
        for attempt in range(_LEAVING):
            found = self.fetch(self.name)
            if not found or not found.object.get("ephemeral"):
                break
            self.client.deadline.pause(attempt, f"waiting for the end of instance {self.name}")
        if found:
            self.delete()

    def before_delete(self, found: Found) -> list[Step]:
        status = settled(found.object["status"])
        if self.params["force"] and status != STOPPED:
            return [Step(Action.STOP, f"stop instance {self.name}", lambda: self._switch("stop", hard=True))]
        return self._power(status, "stopped")

    def _rebuild(self, found: Found, after: dict[str, Any]) -> list[Step]:
        self.client.require("instances_rebuild", "state: rebuilt")
        if not self.params["image"]:
            raise InvalidInput("image: state rebuilt needs the image to rebuild from.")
        image = self.params["image"]
        if ":" not in image and find_image(self.client, image, self.project) == found.object["config"].get(
            "volatile.base_image"
        ):
            return []
        if (Action.REBUILD, "") in self.done:
            return []
        words = f"rebuild instance {self.name} from image {image}"
        source = image_source(self.client, "image", image, self.project)
        steps = [
            Step(
                Action.REBUILD,
                words,
                lambda: self.client.write("POST", self.url() + "/rebuild", {"source": source}, **self.query()),
            )
        ]
        running = settled(found.object["status"]) == RUNNING
        if running and after.get("ephemeral"):
            raise InvalidInput(end_words(self, RUNNING, "rebuilt"))
        return self._power(RUNNING, "stopped") + steps + self._power(STOPPED, "started") if running else steps
