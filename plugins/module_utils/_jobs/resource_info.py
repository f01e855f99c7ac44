# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `resource_info`: lists any kind of resource. Modules for one kind need not load all of them."""

from __future__ import annotations

import re
from typing import Any

from .._api.client import Client, quote
from .._api.errors import InvalidInput
from .._engine.resource import Resource
from .info import SELECTION, Collection, Info, read
from .registry import KINDS


def _is_image(image: dict[str, Any], name: str) -> bool:
    return image["fingerprint"].startswith(name) or any(alias["name"] == name for alias in image.get("aliases") or ())


def _of(kind: type[Resource]) -> Collection:
    return Collection(
        re.sub(r"{\w+}", "{parent}", kind.path),
        kind.scoped,
        kind.key,
        _is_image if kind.kind == "image" else None,
        kind.of_listing,
    )


#: What can be listed. First what there is no kind for.
COLLECTIONS = {
    "operation": Collection("/1.0/operations", key="id"),
    "warning": Collection("/1.0/warnings", key="uuid"),
    **{kind.kind: _of(kind) for kind in KINDS.values() if kind.named and kind.listed},
}


#: What every server can filter.
FILTERED = ("image", "instance")


class ResourceInfo(Info):
    """Any kind that can be listed."""

    spec = {
        **SELECTION,
        "kind": {"type": "str", "required": True, "choices": sorted(COLLECTIONS)},
        "parent": {"type": "str"},
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        collection = COLLECTIONS[params["kind"]]
        if params["filter"] and params["kind"] not in FILTERED:  # a server that cannot apply it lists everything
            client.require("api_filtering_extended", f"filter for kind '{params['kind']}'")
        depth = collection.path.count("{parent}")
        if depth:
            names = (params["parent"] or "").split("/")
            if not all(names) or len(names) != depth:
                raise InvalidInput(
                    f"parent: kind '{params['kind']}' needs the name of what it belongs to, as in /1.0 of the API: "
                    f"{collection.path}{', with a slash between the names' if depth > 1 else ''}."
                )
            parts = collection.path.split("{parent}")
            path = "".join(part + quote(name) for part, name in zip(parts, names)) + parts[-1]
            collection = collection._replace(path=path)
        return {"resources": read(client, collection, params)}
