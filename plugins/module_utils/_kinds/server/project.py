# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Projects: their features and limits."""

from __future__ import annotations

import functools
from typing import Any, Mapping

from ..._api.client import quote
from ..._api.reader import Reader
from ..._engine import values
from ..._engine.fields import Map, Text
from ..._engine.plans import Action, Existing, Plan, Step
from ..._engine.resource import Resource
from ..._engine.users import user_of
from .._targets import FOR_GROUPS, GROUPS

#: Features that a project has where nothing else is said.
_DEFAULT = ("features.images", "features.profiles", "features.storage.volumes", "features.storage.buckets")
#: The feature that the servers switch on in a project that is in use.
_ANY_TIME = "features.networks.zones"

#: What a limit for a pool begins with; the name of the pool follows.
_POOL_LIMIT = "limits.disk.pool."


class Project(Resource):
    """`/1.0/projects`. Features that no option names keep their value: a PUT without one would switch it."""

    kind = "project"
    path = "/1.0/projects"
    copied = False
    fields = (Text("description"), Map("config"))
    scoped = False
    renames = True
    refers = {f"config.{FOR_GROUPS}": "cluster_group"}
    singletons = ("default",)
    unless_used = ("delete", "rename")
    lasting = ("features.*",)
    server_keys = ("volatile.*", "features.*")
    hidden_keys = ("volatile.*",)
    name_rule = (r"(?!\*\Z)[^/ _'\"]+", "no slash, space, underscore or quote, and not an asterisk")

    #: The images that the daemon has cached in it, which can be deleted with it.
    cached: tuple[str, ...] = ()

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Check cluster groups for Incus, which does so with every write; LXD accepts any name."""
        groups = values.listed((new.get("config") or {}).get(FOR_GROUPS))
        if not groups or self.client.implementation != "incus":
            return
        if self.client.clustered:
            self.check_known(f"config.{FOR_GROUPS}", groups, GROUPS)
        elif set(groups) != {"default"}:
            words = f"config.{FOR_GROUPS}: {self.client.label} is not clustered, so there is no group but 'default'."
            self.miss(words, "forms the cluster")

    def before_delete(self, found: Existing) -> list[Step]:
        """Delete cached images: the servers leave them after their instances, and delete empty projects only."""
        if not any(user_of(user).parts[0] == "images" for user in found.object.get("used_by") or ()):
            return []
        images = self.client.get("/1.0/images", recursion=1, project=self.name).metadata or []
        self.cached = tuple(
            image["fingerprint"] for image in images if image.get("cached") and not image.get("aliases")
        )
        words = f"delete cached image {{}} of project {self.name}"
        return [
            Step(Action.DELETE, words.format(image[:12]), functools.partial(self._forget, image), detail=image)
            for image in self.cached
        ]

    def _forget(self, image: str) -> None:
        self.writer.write("DELETE", f"/1.0/images/{quote(image)}", project=self.name)

    def plan_absent(self, found: Existing | None) -> Plan:
        plan = super().plan_absent(found)
        if self.cached:
            plan.before["cached_images"] = [image[:12] for image in self.cached]
        return plan

    def users(self, obj: dict[str, Any]) -> list[str]:
        """Without its own profile `default`, which is deleted with it."""
        left_out = {("profiles", "default"), *(("images", image) for image in self.cached)}
        return [user for user in super().users(obj) if user_of(user).parts not in left_out]

    def plan_update(self, found: Existing) -> Plan:
        plan = super().plan_update(found)
        if not plan.users and plan.result:
            switched = self._switched(found.object.get("config") or {}, plan.result.get("config") or {})
            if switched and self.name in self.singletons:
                self.refuse(
                    f"config.{switched[0]}: the servers do not let anyone change the features of '{self.name}'."
                )
            return plan.among(f"given another {', '.join(switched)}", self.users(found.object) if switched else [])
        return plan

    @staticmethod
    def _switched(have: dict[str, str], want: dict[str, str]) -> list[str]:
        """The changed features that can only change while the project is empty."""
        keys = sorted(
            key for key in {*have, *want} if values.matches(key, ("features.*",)) and have.get(key) != want.get(key)
        )
        return [key for key in keys if values.is_true(have.get(key)) or key != _ANY_TIME]

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """With its features, which determine where its profiles, images and networks are."""
        objects = super().foreseen(plan)
        for obj in objects.values():
            obj["config"] = {**dict.fromkeys(_DEFAULT, "true"), **obj["config"]}
        return objects

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """Also the pools that limits name: Incus accepts only existing ones."""
        config = params.get("config") or {}
        pools = [key[len(_POOL_LIMIT) :] for key in config if str(key).startswith(_POOL_LIMIT)]
        return super().references(params) + [("storage_pool", name) for name in pools]

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """Without the features of the project `default`, which cannot be changed."""
        config = obj.get("config") or {}
        own = (
            {key: value for key, value in config.items() if not key.startswith("features.")}
            if obj["name"] in cls.singletons
            else config
        )
        return super().export({**obj, "config": own}, client, query)
