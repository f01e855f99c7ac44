# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Volumes that belong to no instance, which instances can share."""

from __future__ import annotations

from typing import Any, Mapping

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._engine import values
from ..._engine.completion import complete
from ..._engine.fields import Map, Text
from ..._engine.plans import Action, Existing, Plan, Step, UpdateSteps
from .. import _files as files
from .._copied import is_elsewhere, is_part
from .._movable import Movable
from ._in_pool import InPool
from ._in_use import refuse_running

SOURCE: dict[str, dict[str, Any]] = {
    "type": {"type": "str", "choices": ["backup", "copy", "iso"], "required": True},
    "server": {"type": "dict"},
    "mode": {"type": "str", "choices": ["pull", "push", "relay"]},
    "refresh": {"type": "bool"},
    "move": {"type": "bool"},
    "keep": {"type": "bool"},
    "pool": {"type": "str"},
    "name": {"type": "str"},
    "project": {"type": "str"},
    "volume_only": {"type": "bool"},
    "compression_algorithm": {"type": "str"},
    "file": {"type": "path"},
}


#: What the file of a source is, by its type.
FILES = {"backup": "the file of an export", "iso": "an ISO image"}


class StorageVolume(InPool, Movable):
    """`/1.0/storage-pools/POOL/volumes/custom`. Its source says where it starts from, not what it must stay."""

    kind = "storage_volume"
    path = "/1.0/storage-pools/{pool}/volumes/custom"
    feature = "storage.volumes"
    fields = (
        Text("description"),
        Text("content_type", create_only=True, choices=["filesystem", "block", "iso"]),
        Map("config"),
    )
    renames = True
    unless_used = ("delete",)
    options = {
        "pool": {"type": "str", "required": True},
        "type": {"type": "str", "choices": ["custom"]},  # preseed files have it
        "source": {
            "type": "dict",
            "options": SOURCE,
            "required_if": [("type", "backup", ("file",)), ("type", "copy", ("name",)), ("type", "iso", ("file",))],
        },
        "new_pool": {"type": "str"},
        "new_project": {"type": "str"},
        "new_target": {"type": "str"},
        "force": {"type": "bool", "default": False},
    }
    constraints = {"required_by": {"new_target": "target"}}
    refers = {"pool": "storage_pool"}
    originals = ("backup", "copy")
    instant_options = ("new_name", "new_pool", "new_project", "new_target")
    #: The servers copy what the pool has as `volume.*` into new volumes.
    server_keys = ("volatile.*", "size", "block.filesystem", "block.mount_options")
    fixed_config = ("block.filesystem",)
    name_rule = (r"[^/\\\s]+", "no slash, no backslash and no space")

    #: The copy of a volume of another server that this is (`_copies.RemoteCopy`).
    elsewhere: Any = None

    def validate(self) -> None:
        super().validate()
        source = self.params["source"] or {}
        if is_elsewhere(source) and self.state != "absent":
            from .._copies import RemoteCopy  # few tasks copy from another server
            from ._elsewhere import VolumeOriginal

            self.elsewhere = RemoteCopy(self, VolumeOriginal(self))
        elif any(source.get(key) for key in ("server", "mode", "refresh", "move", "keep")):
            raise InvalidInput(
                "source: mode, refresh, move and keep need server, another server that the volume is on."
            )
        if source.get("type") in FILES:
            files.check_file("source.file", source["file"], FILES[source["type"]])
        if self.state == "present" and self._is_iso() and self.params["config"]:
            own = [key for key in self.params["config"] if key not in values.MARKS]
            if own:
                raise InvalidInput(f"config.{own[0]}: the servers take no config for a volume of an ISO image.")

    def _is_iso(self, found: Existing | None = None) -> bool:
        source = self.params["source"] or {}
        written = "iso" if source.get("type") == "iso" else self.params["content_type"]
        return (found.object.get("content_type") if found else written) == "iso"

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        """Without a mark for a volume of an ISO image, which has no place for one."""
        if self._is_iso(found) and "config" in self.wanted:
            return {key: value for key, value in self.wanted.items() if key != "config"}
        return self.wanted

    # -- creating -----------------------------------------------------------------------------------------------------

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        source = self.params["source"] or {}
        if self.elsewhere:
            self.attempt(self.elsewhere.for_new, body, instead={})
        elif source.get("type") == "copy":
            self._take_over(body, source)
        if source.get("type") == "backup":  # it brings all that the task does not write
            return body
        body.setdefault("content_type", "iso" if source.get("type") == "iso" else "filesystem")
        if body["content_type"] == "iso":
            self.client.require("custom_volume_iso", "a volume of an ISO image")
        if body["content_type"] == "iso" and source.get("type") != "iso":
            self.refuse("source: a volume with content_type iso is made of a file: source: {type: iso, file: …}.")
        return {**body, "config": body.get("config") or {}}

    def _take_over(self, body: dict[str, Any], source: dict[str, Any]) -> None:
        """What a copy has of its original: the servers take that only if nothing is written."""
        pool, project = source["pool"] or self.params["pool"], source["project"] or self.project
        path = f"/1.0/storage-pools/{quote(pool)}/volumes/custom"
        body["source"] = {
            "type": "copy", "name": source["name"], "pool": pool, "volume_only": bool(source["volume_only"]),
            **({"project": source["project"]} if source["project"] else {}),
        }  # fmt: skip
        original = self.client.find(f"{path}/{quote(source['name'])}", project=project)
        if not original:
            self.check_known("source.name", [source["name"]], path, f"in pool '{pool}' ", project=project)
            return
        config = {
            key: value
            for key, value in (original.metadata.get("config") or {}).items()
            if key not in values.MARKS and not values.matches(key, self.hidden_keys)
        }
        body["config"] = values.merge(config, self.desired.get("config"))
        for key in ("description", "content_type"):
            body.setdefault(key, original.metadata.get(key) or "")

    def plan_create(self) -> Plan:
        plan, source = super().plan_create(), self.params["source"] or {}
        create = plan.steps[0]
        if self.elsewhere:
            plan.steps[0] = create._replace(
                words=f"{create.words} as a copy of {self.elsewhere.original.label}", reread=True
            )
            self.elsewhere.frame(plan)
        elif source.get("type") == "backup":
            plan.steps[0] = create._replace(words=f"{create.words} from {source['file']}")
        return plan

    def create(self, body: dict[str, Any]) -> None:
        if self.elsewhere:
            self.elsewhere.create(body, self.query())
            return
        source = self.params["source"] or {}
        if source.get("type") not in FILES:
            super().create(body)
            return
        self.fresh = source["type"] == "backup"
        about = {"name": body["name"], **({} if self.fresh else {"type": "iso"})}
        files.send(self.writer, self.collection, source["file"], about, self.query())
        complete(self, body["name"])

    # -- changing -----------------------------------------------------------------------------------------------------

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        have, want = (values.parse_size((obj.get("config") or {}).get("size") or "") for obj in (old, new))
        if new.get("content_type") == "block" and have and want and want < have:
            self.refuse(
                f"config.size: storage_volume '{self.name}' has {old['config']['size']} and {new['config']['size']} is "
                "wanted; a volume of blocks cannot be shrunk."
            )

    def plan_update(self, found: Existing) -> Plan:
        if self.elsewhere and self.elsewhere.is_broken(found.object):  # there may be nothing to refresh
            return self.plan_recreate(found)
        plan = super().plan_update(found)
        for verb, sorts in (("renamed or moved", (Action.RENAME, Action.MOVE)), ("refreshed", (Action.REFRESH,))):
            if any(step.action in sorts for step in plan.steps):
                refuse_running(self, found.object, verb)
        return plan

    def arrange(self, found: Existing, plan: Plan, steps: UpdateSteps) -> list[Step]:
        refreshing = self.elsewhere.refreshing(found, plan) if self.elsewhere else []
        leaving = self.elsewhere.leaving(plan) if self.elsewhere else []
        return [*refreshing, *self._moves(plan), *self._to_member(plan), *super().arrange(found, plan, steps), *leaving]

    def _moves(self, plan: Plan) -> list[Step]:
        """The step to another pool, project or both, with its snapshots."""
        new = {option: self.params[f"new_{option}"] for option in ("pool", "project") if self.goes(option)}
        if not new:
            return []
        old = {"pool": self.whole.get("pool", self.params["pool"]), "project": self.project or "default"}
        if "pool" in new:
            self.check_known("new_pool", [new["pool"]], "/1.0/storage-pools")
        if "project" in new:
            self.check_known("new_project", [new["project"]], "/1.0/projects")
        for option, name in new.items():
            plan.before[option], plan.after[option] = old[option], name
            if plan.result and option in plan.result:  # newer servers show where it is
                plan.result[option] = name
        body = {"name": self.name, "pool": old["pool"], **new}
        words = f"move storage_volume {self.name} " + " and ".join(
            f"from {option} {old[option]} to {option} {name}" for option, name in new.items()
        )
        return [Step(Action.MOVE, words, lambda: self._move(body), reread=True)]

    def _move(self, body: dict[str, Any]) -> None:
        self.writer.write("POST", self.url(), body, **self.query())

    def _to_member(self, plan: Plan) -> list[Step]:
        if not self.goes("target"):
            return []
        from ._moving import to_member  # few tasks move anything

        return to_member(self, plan)

    def chosen(self, found: list[Existing]) -> list[Existing]:
        """Without the half one that a broken move to another member has left."""
        return [one for one in found if not is_part(one.object)] if len(found) > 1 else found

    # -- deleting -----------------------------------------------------------------------------------------------------

    def plan_absent(self, found: Existing | None) -> Plan:
        plan = super().plan_absent(found)
        if found and not self.params["force"]:
            snapshots = self.client.names(f"{self.url()}/snapshots", **self.query())
            if snapshots:
                self.refuse(
                    f"name: storage_volume '{self.name}' on {self.client.label} has snapshots "
                    f"({', '.join(sorted(snapshots))}), which the server deletes with it: delete them first, or allow "
                    "it with force: true."
                )
        return plan

    @classmethod
    def of_listing(cls, obj: dict[str, Any]) -> dict[str, Any] | None:
        """Listings have the snapshots of each volume, too."""
        return None if "/" in obj["name"] else obj

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        return ["the data in it is lost"]

    # -- for stacks ---------------------------------------------------------------------------------------------------

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        source = params.get("source") or {}
        if source.get("type") != "copy" or is_elsewhere(source):
            return super().references(params)
        place = (str(source["project"]),) if source.get("project") else ()
        original = f"{source.get('pool') or params['pool']}/{source.get('name')}"
        return [*super().references(params), ("storage_volume", original, *place)]
