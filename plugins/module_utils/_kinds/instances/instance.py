# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Instances: what they are created from, their config and devices, their state and their place."""

from __future__ import annotations

import functools
from typing import Any, Mapping

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._api.reader import Reader
from ..._engine import values
from ..._engine.fields import Devices, Flag, Map, Names, Text
from ..._engine.known.at_start import sizes_at_start
from ..._engine.plans import Action, Existing, Plan, Step, UpdateSteps
from .._copied import is_elsewhere, is_part
from .._movable import Movable
from .._names import HOST, NEWER_HOST
from ..images._source import image_name, take
from . import _origin as origin
from ._power import FROZEN, RUNNING, STOPPED, PowerSteps, losses, normalize_status, status_after
from ._update import InstanceUpdate, rebuilding, warn_of_start

#: What `wait_for` waits for, see `_wait.Waiter`.
CONDITIONS = ("ready", "agent", "ipv4", "ipv6", "cloud_init")


class Instance(Movable):
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
    server_keys = ("volatile.*", "image.*", "oci.*")
    brought_keys = {"volatile.container.oci": ("environment.*",)}  # of the image of an application container
    originals = ("backup", "copy", "migration")
    hidden_keys = ("volatile.*", "image.*")
    name_rule, name_rules = HOST, NEWER_HOST
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
    losses = staticmethod(losses)
    is_active = staticmethod(values.is_active)
    alone = staticmethod(origin.alone)
    turn = staticmethod(origin.turn)
    instant_options = ("new_name", "new_project")
    placed = True
    refers = {
        "profiles": "profile",
        "image": ("image", "image_alias"),
        "pool": "storage_pool",
        "config.placement.group": "placement_group",
    }

    #: What the steps of earlier plans of this run have begun: it ran and was stopped, it has to be restarted.
    was_running = due = False
    #: The copy of an instance of another server that this is (`_copies.RemoteCopy`).
    elsewhere: Any = None
    #: Whether it runs once the plan is applied.
    runs = False

    def validate(self) -> None:
        super().validate()
        self.power = PowerSteps(self)
        source = self.params["source"]
        if is_elsewhere(source) and source.get("type") == "copy" and self.state != "absent":
            from .._copies import RemoteCopy  # few tasks copy from another server
            from ._elsewhere import InstanceOriginal

            self.elsewhere = RemoteCopy(self, InstanceOriginal(self))
        if source is not None and source.get("type") not in ("image", "copy", "none", "backup", "migration"):
            raise InvalidInput(
                f"source.type: '{source.get('type')}' is none of image, copy, none (an empty instance) and backup (a "
                "file)."
            )
        if source and source["type"] == "backup":
            from .._files import check_file  # few tasks send a file

            check_file("source.file", source.get("file"), "the tarball of an export")

    def plan(self, found: Existing | None) -> Plan:
        if "ready" in (self.params["wait_for"] or ()):
            self.client.require("instance_ready_state", "wait_for: ready")
        return super().plan(found)

    # -- for stacks ---------------------------------------------------------------------------------------------------

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        unsaid: list[tuple[str, ...]] = [("profile", "default")] if params.get("profiles") is None else []
        group = [("cluster_group", params["target"][1:])] if str(params.get("target")).startswith("@") else []
        return super().references(params) + unsaid + group + origin.references(params.get("source"))

    @classmethod
    def lost_mark(cls, obj: dict[str, Any]) -> tuple[str, bool]:
        uuid, generation = ((obj.get("config") or {}).get(key) for key in ("volatile.uuid", "volatile.uuid.generation"))
        if generation is not None and generation == uuid:
            return "", False
        known = generation is not None  # Incus changes it when a snapshot is restored, LXD 5.0 has none
        words = "It has been restored from a snapshot" if known else "Perhaps it has been restored from a snapshot"
        return f"{words}: one of before it was the stack's has not the mark, and adopt: true gives it back.", known

    def awaits(self) -> bool:
        return bool(self.params["wait_for"]) and self.runs

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """With the image of its creation, if that still exists; creating the instance again needs a source."""
        entry = super().export(obj, client, query) or {}
        entry.setdefault("profiles", obj.get("profiles") or [])
        base = (obj.get("config") or {}).get("volatile.base_image")
        # users who may change the instance can write anything there, so it is quoted
        image = client.find(f"/1.0/images/{quote(base)}", **query) if base else None
        origin = {"image": image_name(image.metadata) if image else base} if base else {"source": {"type": "none"}}
        state = {RUNNING: "started", FROZEN: "frozen"}.get(normalize_status(obj["status"]), "stopped")
        return {**entry, **origin, "state": state}

    # -- what is wanted -----------------------------------------------------------------------------------------------

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        """Devices that override one of a profile are wanted whole: the API takes no parts of a device."""
        if found and self.params.get("exact"):
            from . import _exact  # as in check_change

            return _exact.resolved(self, found)
        devices = self.wanted.get("devices")
        if not found or not devices:
            return self.wanted
        project, there = self.params["new_project"] or self.project, found.object.get("devices") or {}
        inherited = origin.inherited(
            self.client, found.object, self.wanted.get("profiles"), project, self.goes("project")
        )
        # purging would take the type of a device that the instance has itself, so that is completed too
        purge = self.params["purge_devices"]
        overriding = {name: device for name, device in devices.items() if purge or name not in there}
        return {**self.wanted, "devices": {**devices, **origin.completed(overriding, inherited, self.refuse)}}

    # -- creating -----------------------------------------------------------------------------------------------------

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        from .._targets import refuse_target  # as in check_change
        from ._placement import refuse_machines

        original: dict[str, Any] = {}
        if self.elsewhere:
            original = self.attempt(self.elsewhere.for_new, body, instead={})
        body.setdefault("type", "container")
        if self.desired.get("profiles") == []:  # without it the servers would give it the profile default
            body["profiles"] = []
        self.attempt(refuse_machines, self.client, body["type"], instead=None)
        self.attempt(refuse_target, self.client, self.params["target"], self.project, instead=None)
        if not self.elsewhere:
            body["source"] = self.attempt(
                origin.source_of, self.client, self.params, body["type"], instead={"type": "image"}
            )
            original = origin.original_of(self.client, body["source"], self.project)
            origin.take_over(body, original)
        body.setdefault("source", {"type": "copy"})
        if body["source"]["type"] != "backup":  # a backup brings its own, and the task's are merged into them later
            nothing: list[str] = []
            arguments = (self.client, body, self.desired, original, self.params)
            self.doubt(*self.attempt(origin.equip, *arguments, instead=nothing))
        elif not self.params["type"]:
            del body["type"]  # only the file says it
        return body

    def create(self, body: dict[str, Any]) -> None:
        query = {**self.query(), "target": self.params["target"]}
        if self.elsewhere:
            self.elsewhere.create(body, query)
            return
        self.fresh = origin.brings_more(body["source"])
        if body["source"]["type"] == "backup":
            origin.send_backup(self.writer, self.path, body, self.params["pool"], query)
        else:
            take(self.writer, self.path, body, query)

    def plan_create(self) -> Plan:
        plan = super().plan_create()
        source = plan.result["source"] if plan.result else {}
        create = plan.steps[0]
        words = f"{create.words} {origin.described(source, self.params['image'])}".rstrip()
        plan.steps[0] = create._replace(words=words, reread=origin.brings_more(source))
        status = status_after(STOPPED, self.state)
        self.runs = status == RUNNING
        if self.state == "started" or status != STOPPED:
            plan.after["status"] = status
        if plan.result is not None:
            plan.result["status"] = status
        if self.elsewhere:
            self.elsewhere.frame(plan)
        return plan

    def plan_update(self, found: Existing) -> Plan:
        if self.elsewhere:
            if self.elsewhere.is_broken(found.object):  # there may be nothing to refresh
                return self.plan_recreate(found)
        elif self.state in ("started", "restarted", "frozen") and is_part(found.object):
            self.refuse(
                f"name: instance '{self.name}' on {self.client.label} is a copy from another server, and not all of "
                "its data is there: run the task that copies it again, or delete it with state: absent."
            )
        return super().plan_update(found)

    # -- changing -----------------------------------------------------------------------------------------------------

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        # LXD empties a description that a write leaves out, so all that a PUT takes is sent.
        sent = {key: body[key] for key in origin.WRITABLE if key in body}
        self.writer.write("PUT", self.url(), sent, etag=found.etag, **self.query())

    def arrange(self, found: Existing, plan: Plan, steps: UpdateSteps) -> list[Step]:
        return InstanceUpdate(self, found, plan, steps).ordered()

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        if found is None:
            return self.power.steps(STOPPED, self.state)
        return rebuilding(self, found, after) if self.state == "rebuilt" else []

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        from ..._engine.interfaces import check_devices  # as in check_change
        from ._refused import check

        check(self, new, old)
        if self.goes("project"):
            return  # they are looked up in the other project
        profiles = [name for name in new.get("profiles") or () if name not in (old.get("profiles") or ())]
        self.check_known("profiles", profiles, "/1.0/profiles", **self.query())
        self.check_device_references(new, old)
        runs = normalize_status(old.get("status") or STOPPED) != STOPPED
        check_devices(self, new, old, starts=runs if self.state == "present" else self.state != "stopped")

    def after_apply(self, found: Existing | None) -> dict[str, Any] | None:
        """Wait for the conditions of `wait_for`, and return the instance with the addresses that were seen."""
        if not (found and self.state != "absent" and self.runs):
            return None
        warn_of_start(self, sizes_at_start(found.object["config"]))
        conditions = self.params["wait_for"]
        if not conditions:
            return None
        from ._wait import Waiter, with_addresses

        devices = found.object.get("expanded_devices") or {}
        seen = Waiter(self.writer, self.name, self.url(), self.query(), devices).wait(conditions)
        return with_addresses(found.object, seen) if seen else None

    def foretold(self, found: Existing | None, result: dict[str, Any] | None) -> dict[str, Any] | None:
        """Check mode waits for nothing. So an instance has the addresses that it has now, and a new one has none."""
        conditions = self.params["wait_for"]
        if not result or not self.runs or not set(conditions or ()) - {"cloud_init"}:
            return result
        from ._wait import with_addresses

        running = found is not None and normalize_status(found.object["status"]) == RUNNING
        reply = self.client.find(f"{self.url()}/state", **self.query()) if running else None
        return with_addresses(result, (reply.metadata if reply else None) or {})

    # -- deleting -----------------------------------------------------------------------------------------------------

    def plan_absent(self, found: Existing | None) -> Plan:
        plan = super().plan_absent(found)
        status = normalize_status(found.object["status"]) if found else STOPPED
        if found and found.object.get("ephemeral") and status != STOPPED:
            thaw = self.power.steps(status, "started") if status == FROZEN and not self.params["force"] else []
            words = f"delete instance {self.name} by stopping it, since it is ephemeral"
            plan.steps = [*thaw, Step(Action.DELETE, words, self.power.end)]
        return plan

    def before_delete(self, found: Existing) -> list[Step]:
        status = normalize_status(found.object["status"])
        if self.params["force"] and status != STOPPED:
            stop = functools.partial(self.power.switch, "stop", hard=True)
            return [Step(Action.STOP, f"stop instance {self.name}", stop)]
        return self.power.steps(status, "stopped")
