# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Groups of identities, and what their members may do. LXD only."""

from __future__ import annotations

import urllib.parse
from typing import Any, Mapping

from ..._api.client import quote
from ..._engine.fields import Text
from ..._engine.records import Key, Records
from ..._engine.resource import Resource
from ..._engine.users import user_of


class Entity(Key):
    """The URL of what a permission is for. The server adds the project `default` to what is in a project."""

    def normal(self, value: Any) -> Any:
        if not value:
            return value
        user = user_of(value)
        path = "/".join(["/1.0", *map(quote, user.parts)])
        return path if user.project == "default" else f"{path}?{urllib.parse.urlencode({'project': user.project})}"


class AuthGroup(Resource):
    """`/1.0/auth/groups`."""

    kind = "auth_group"
    path = "/1.0/auth/groups"
    extension = "access_management"
    scoped = False
    fields = (
        Text("description"),
        Records(
            "permissions",
            Key("entity_type", required=True),
            Entity("url", required=True),
            Key("entitlement", required=True),
        ),
    )
    renames = True
    name_rule = (r"[^/:\s]+", "no slash, no colon and no space")

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """The servers know a permission by what it is for, which therefore has to be there before the group."""
        found: list[tuple[str, ...]] = []
        for permission in params.get("permissions") or ():
            user = user_of(str(permission.get("url") or ""))
            parts = user.parts if len(user.parts) % 2 == 0 else (*user.parts[:3], *user.parts[4:])  # a volume's type
            found.append((str(permission.get("entity_type")), "/".join(parts[1::2]), user.project))
        return found
