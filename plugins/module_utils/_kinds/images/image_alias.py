# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

from typing import Any

from ..._api.client import Client
from ..._api.errors import InvalidInput
from ..._engine.fields import Text
from ..._engine.plans import Found
from ..._engine.resource import Resource
from ._source import image_name


class ImageAlias(Resource):
    """`/1.0/images/aliases`. The API calls the image `target`; here that word is taken by the cluster member."""

    kind = "image_alias"
    path = "/1.0/images/aliases"
    fields = (Text("description"), Text("fingerprint", key="target"))
    renames = True
    feature = "images"
    name_rule = (r"[\s\S]+", "not . and not .., which no path can end with")
    slashes = True

    def fetch(self, name: str) -> Found | None:
        found = super().fetch(name)
        short = self.wanted.get("target")
        if found and short and found.object["target"].startswith(short):
            self.wanted["target"] = found.object["target"]
        return found

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        if "target" not in body:
            raise InvalidInput(
                f"fingerprint: image_alias '{self.name}' does not exist yet on {self.client.label}, so 'fingerprint' "
                "says which image it names."
            )
        return body

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if new["target"] == old.get("target"):
            return
        image = self.client.find(f"/1.0/images/{new['target']}", **self.query())
        if not image:
            raise InvalidInput(
                f"fingerprint: there is no image '{new['target']}' on {self.client.label}; "
                "cloudhost.lxd.resource_info with kind: image lists them."
            )
        new["target"] = image.metadata["fingerprint"]  # the API takes a whole fingerprint only

    @classmethod
    def references(cls, params: dict[str, Any]) -> list[tuple[str, ...]]:
        return [("image", "*")]  # a fingerprint does not tell which of them it will be

    def owner_path(self, obj: dict[str, Any]) -> str:
        return f"/1.0/images/{obj['target']}"

    @classmethod
    def export(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[str, Any] | None:
        """Not the alias under which the image itself is exported, unless there is something to say of it."""
        image = client.find(f"/1.0/images/{obj['target']}", **query)
        own = image_name(image.metadata) if image else None
        return None if obj["name"] == own and not obj.get("description") else super().export(obj, client, query)
