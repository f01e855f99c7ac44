# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Groups of an identity provider, and the groups of the server that their members are in. LXD only."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import NameSet
from ..._engine.resource import Resource


class IdentityProviderGroup(Resource):
    """`/1.0/auth/identity-provider-groups`."""

    kind = "identity_provider_group"
    path = "/1.0/auth/identity-provider-groups"
    extension = "access_management"
    scoped = False
    fields = (NameSet("groups"),)
    refers = {"groups": "auth_group"}
    renames = True
    name_rule = (r"[^/]+", "no slash")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.check_known("groups", new.get("groups") or [], "/1.0/auth/groups")
