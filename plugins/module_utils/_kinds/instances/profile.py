# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Profiles: config and devices that instances share."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Devices, Map, Text
from ..._engine.resource import Resource


class Profile(Resource):
    """`/1.0/profiles`. The daemon creates the profile `default` with its project; tasks only change it."""

    kind = "profile"
    path = "/1.0/profiles"
    fields = (Text("description"), Map("config"), Devices("devices"))
    refers = {"config.placement.group": "placement_group"}
    renames = True
    singletons = ("default",)
    feature = "profiles"
    lends = True
    affects = True
    unless_used = ("delete",)
    name_rule = (r"[^/]+", "no slash")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        from ..._engine.interfaces import check_devices  # as in check_change

        self.check_device_references(new, old)
        check_devices(self, new, old, starts=False)
        if old.get("used_by") and not self.client.is_removal:
            from ._profile_users import check_root, keys_at_start  # as above

            check_root(self, new, old)
            keys = keys_at_start(old, new)
            if keys:
                self.warn(f"profile '{self.name}': {', '.join(keys)} takes effect when instances that use it start.")
