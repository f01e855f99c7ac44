# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Images: made from a remote, a file, a source or an instance, and named by an alias."""

from __future__ import annotations

from typing import Any, Callable

from ..._api.client import quote
from ..._api.errors import InvalidInput, Missing, did_you_mean
from ..._api.reader import Reader
from ..._engine import values
from ..._engine.completion import complete
from ..._engine.fields import Flag, Map, Moment, Names
from ..._engine.plans import Action, Existing, Plan, Step, UpdateSteps
from ..._engine.resource import Resource
from .._copied import is_elsewhere
from ._source import check_source, find_image, image_name, remote_source, take
from ._upload import check_files, fingerprint, upload


class Image(Resource):
    """`/1.0/images`, named by a local alias (or, to change or delete one, by its fingerprint).

    An existing alias is the image, even if its remote has a newer one: refreshing is the daemon's `auto_update`, or a
    task with `refresh`. Only a file determines the image exactly, so only a file with another fingerprint replaces it.
    """

    kind = "image"
    path = "/1.0/images"
    key = "fingerprint"
    feature = "images"
    refers = {"instance": ("instance", "instance_snapshot"), "profiles": "profile"}
    fields = (
        Map("properties", exact=False),
        Flag("public"),
        Flag("auto_update", exact=False),  # a cached image has it by `images.auto_update_cached`
        Moment("expires_at", zero="1970-01-01T00:00:00Z"),  # the daemons ignore the year 1 here
        Names("profiles", extension="image_profiles"),
    )
    server_keys = ()
    hidden_keys = ()
    options = {
        "remote": {"type": "str"},
        "source": {"type": "dict"},
        "file": {"type": "path"},
        "rootfs": {"type": "path"},
        "instance": {"type": "str"},
        "refresh": {"type": "bool", "default": False},
    }
    constraints = {"mutually_exclusive": [("remote", "source", "file", "instance")], "required_by": {"rootfs": "file"}}
    name_rule = (r"[\s\S]+", "not . and not .., which no path can end with")
    slashes = True

    #: The copy of an image of another server that this is (`_elsewhere.ImageCopy`).
    elsewhere: Any = None

    def validate(self) -> None:
        super().validate()
        check_files(self.params)
        if is_elsewhere(self.params["source"]) and self.state != "absent":
            from ._elsewhere import ImageCopy  # few tasks copy from another server

            self.elsewhere = ImageCopy(self)
        if self.params["refresh"] and (self.elsewhere or not (self.params["remote"] or self.params["source"])):
            raise InvalidInput(
                "refresh: it is for an image of an image server, so it needs remote, or a source with the address of "
                "one. For an image of another LXD or Incus server write source.refresh."
            )
        self.files = [self.params[option] for option in ("file", "rootfs") if self.params[option]]
        self.file_fingerprint = fingerprint(self.files) if self.files and self.state == "present" else None
        self.fingerprint: str | None = None

    def url(self, name: str | None = None) -> str:
        return f"{self.path}/{name or self.fingerprint}"

    def fetch(self, name: str) -> Existing | None:
        fingerprint = find_image(self.client, name, self.project)
        found = super().fetch(fingerprint) if fingerprint else None
        return found._replace(name=name) if found else None

    def adopt(self, found: Existing | None) -> None:
        self.fingerprint = found.object["fingerprint"] if found else None
        super().adopt(found)

    # -- creating -----------------------------------------------------------------------------------------------------

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        if self.elsewhere:
            self.file_fingerprint = self.attempt(self.elsewhere.fingerprint, instead="unknown")
        if self.file_fingerprint:
            return {**body, "fingerprint": self.file_fingerprint}
        return {
            **body,
            "aliases": [{"name": self.name}],
            "source": self.attempt(self._source, instead={"type": "none"}),
        }

    def _source(self) -> dict[str, Any]:
        params = self.params
        if params["remote"]:
            return remote_source(self.client, "remote", params["remote"])
        if params["source"]:
            check_source(self.client, params["source"])
            return values.without_unset(params["source"])
        if params["instance"]:
            instance, _slash, snapshot = params["instance"].partition("/")
            known = self.client.names("/1.0/instances", **self.query())
            if instance not in known:
                raise Missing(
                    f"instance: there is no instance '{instance}' on {self.client.label}. "
                    f"{did_you_mean(instance, known)}"
                )
            return {"type": "snapshot" if snapshot else "instance", "name": params["instance"]}
        raise Missing(
            f"name: there is no image '{self.name}' on {self.client.label}; say where it comes from with remote, "
            "source, file or instance."
        )

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        profiles = [name for name in new.get("profiles") or () if name not in (old.get("profiles") or ())]
        self.check_known("profiles", profiles, "/1.0/profiles", **self.query())

    def create(self, body: dict[str, Any]) -> None:
        if self.files or self.elsewhere:
            upload(self, body)
            return
        sent = {key: value for key, value in body.items() if key != "name"}
        done = take(self.writer, self.path, sent, self.query()) or {}
        self.fingerprint = done.get("fingerprint")
        complete(self, self.name)

    def plan_create(self) -> Plan:
        plan = super().plan_create()
        if self.elsewhere and plan.result:
            create = plan.steps[0]
            plan.steps[0] = create._replace(words=f"{create.words} as a copy of {self.elsewhere.label}")
            plan.steps += self.elsewhere.leaving(plan)
        return plan

    def arrange(self, found: Existing, plan: Plan, steps: UpdateSteps) -> list[Step]:
        leaving = self.elsewhere.leaving(plan) if self.elsewhere else []
        return [*super().arrange(found, plan, steps), *leaving]

    def plan_update(self, found: Existing) -> Plan:
        if self.elsewhere:
            self.file_fingerprint = self.elsewhere.newer(found.object["fingerprint"])
        elif self.params["refresh"]:
            from ._newer import replacement  # few tasks ask an image server

            return replacement(self, found, self._source()) or super().plan_update(found)
        if self.file_fingerprint in (None, found.object["fingerprint"]):
            return super().plan_update(found)
        words = f"import another image for alias {self.name} (the old image {found.object['fingerprint'][:12]} stays)"
        plan = self.replaced(found, self.file_fingerprint, words, self.create)
        plan.steps += self.elsewhere.leaving(plan) if self.elsewhere else []
        return plan

    def replaced(self, found: Existing, other: str, words: str, work: Callable[[dict[str, Any]], None]) -> Plan:
        """The plan for an alias that gets another image, by some work with the request that would create it."""
        body = self.create_body()
        before, after = values.changes(self.comparable(found.object), self.comparable(self.merged(found.object)))
        before["fingerprint"], after["fingerprint"] = found.object["fingerprint"], other
        return Plan(before, after, [Step(Action.UPDATE, words, lambda: work(body))], body)

    def plan_absent(self, found: Existing | None) -> Plan:
        names = self.called(found.object, self.name) if found else []
        if len(names) > 1:
            self.warn(
                f"image {self.fingerprint} has several names, and goes with all of them: {', '.join(sorted(names))}."
            )
        return super().plan_absent(found)

    # -- for stacks ---------------------------------------------------------------------------------------------------

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """The image and its alias. A fingerprint that only the server will know has a placeholder."""
        known = self.file_fingerprint or self.fingerprint or f"the image of {self.name}"
        image = {"properties": {}, **(plan.result or {}), "fingerprint": known, "aliases": [{"name": self.name}]}
        return {
            f"{self.path}/{quote(known)}": image,
            f"{self.path}/aliases/{quote(self.name)}": {"name": self.name, "target": known},
        }

    def taken_over(self) -> Existing | None:
        """The image of the file, which may exist under another alias."""
        reply = (
            self.client.find(f"{self.path}/{self.file_fingerprint}", **self.query()) if self.file_fingerprint else None
        )
        return Existing(reply.metadata, reply.etag, self.name) if reply else None

    @classmethod
    def called(cls, obj: dict[str, Any], label: str) -> list[str]:
        return [alias["name"] for alias in obj.get("aliases") or ()]

    @classmethod
    def internal(cls, obj: dict[str, Any]) -> bool:
        """An image that the daemon keeps for the next instance."""
        return bool(obj.get("cached"))

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        if cls.internal(obj):
            return None
        entry = {**(super().export(obj, client, query) or {}), "name": image_name(obj)}
        source = {
            key: value for key, value in (obj.get("update_source") or {}).items() if value and key != "image_type"
        }
        if source and obj.get("type") == "virtual-machine":  # by its alias alone a server takes that of containers
            source["image_type"] = obj["type"]
        return {**entry, "source": {"type": "image", "mode": "pull", **source}} if source else entry
