# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Aliases of images."""

from __future__ import annotations

from typing import Any, Mapping

from ..._api.reader import Reader
from ..._engine.fields import Text
from ..._engine.plans import Existing
from ..._engine.resource import Resource
from ._source import image_name


class ImageAlias(Resource):
    """`/1.0/images/aliases`. The API calls the image `target`; here that is the option for a cluster member."""

    kind = "image_alias"
    path = "/1.0/images/aliases"
    fields = (Text("description"), Text("fingerprint", key="target", exact=False))
    renames = True
    feature = "images"
    name_rule = (r"[\s\S]+", "not . and not .., which no path can end with")
    slashes = True

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        """The whole fingerprint, of which the option can have the first digits: the API takes no other."""
        short = self.wanted.get("target")
        if not short:
            return self.wanted
        if found and found.object["target"].startswith(short):
            return {**self.wanted, "target": found.object["target"]}
        image = self.client.find(f"/1.0/images/{short}", **self.query())
        if image:
            return {**self.wanted, "target": image.metadata["fingerprint"]}
        self.miss(
            f"fingerprint: there is no image '{short}' on {self.client.label}; cloudhost.lxd.resource_info with "
            "kind: image lists them."
        )
        return self.wanted

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        if "target" not in body:
            self.miss(
                f"fingerprint: image_alias '{self.name}' does not exist yet on {self.client.label}, so 'fingerprint' "
                "says which image it names."
            )
        return body

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        return [("image", "*")]  # a fingerprint does not show which of them it will be

    def owner_path(self, obj: dict[str, Any]) -> str:
        return f"/1.0/images/{obj['target']}"

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """Without the alias under which the image itself is exported, unless it has a description."""
        image = client.find(f"/1.0/images/{obj['target']}", **query)
        own = image_name(image.metadata) if image else None
        return None if obj["name"] == own and not obj.get("description") else super().export(obj, client, query)
