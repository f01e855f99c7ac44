# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

from typing import Any

from .._client import Client
from .._errors import InvalidInput
from .._fields import Map, Text
from .._resource import Plan, Resource
from ._targets import FOR_GROUPS, GROUPS, names_in

#: Features that a project has where nothing else is said.
_DEFAULT = ("features.images", "features.profiles", "features.storage.volumes", "features.storage.buckets")

#: What a limit for a pool begins with; the name of the pool follows.
_POOL_LIMIT = "limits.disk.pool."


class Project(Resource):
    """C(/1.0/projects). Features that nobody named keep their value: leaving one out of a PUT would switch it."""

    kind = "project"
    path = "/1.0/projects"
    copied = False
    fields = (Text("description"), Map("config"))
    scoped = False
    renames = True
    refers = {f"config.{FOR_GROUPS}": "cluster_group"}
    singletons = ("default",)
    owned = ("volatile.*", "features.*")
    noise = ("volatile.*",)
    name_rule = (r"(?!\*\Z)[^/ _'\"]+", "no slash, space, underscore or quote, and not an asterisk")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Incus looks whether the groups are there with every write, LXD takes any name."""
        groups = names_in((new.get("config") or {}).get(FOR_GROUPS))
        if not groups or self.client.implementation != "incus":
            return
        if self.client.clustered:
            self.check_known(f"config.{FOR_GROUPS}", groups, GROUPS)
        elif set(groups) != {"default"}:
            raise InvalidInput(f"config.{FOR_GROUPS}: {self.client.label} is not clustered, so there is no group but 'default'.")

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """With its features, which decide where its profiles, images and networks live."""
        objects = super().foreseen(plan)
        for obj in objects.values():
            obj["config"] = {**dict.fromkeys(_DEFAULT, "true"), **obj["config"]}
        return objects

    @classmethod
    def references(cls, params: dict[str, Any]) -> list[tuple[str, ...]]:
        """Incus takes limits of those pools only that are there."""
        config = params.get("config") or {}
        pools = [key[len(_POOL_LIMIT) :] for key in config if str(key).startswith(_POOL_LIMIT)]
        return super().references(params) + [("storage_pool", name) for name in pools]

    @classmethod
    def export(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[str, Any] | None:
        """Not the features of the project C(default): they are what they are."""
        config = obj.get("config") or {}
        own = {key: value for key, value in config.items() if not key.startswith("features.")} if obj["name"] in cls.singletons else config
        return super().export({**obj, "config": own}, client, query)
