# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Placement groups: whether instances are spread over the members of a cluster, or kept together. LXD only."""

from __future__ import annotations

from typing import Any

from ..._api.errors import did_you_mean
from ..._engine.fields import Map, Text
from .._names import DEVICE
from ._of_cluster import NOT_CLUSTERED, OfCluster

#: The keys that each group has to have, with their values.
NEEDED = {"policy": ["spread", "compact"], "rigor": ["strict", "permissive"]}


class PlacementGroup(OfCluster):
    """`/1.0/placement-groups`. Instances and profiles name one in `placement.group`."""

    kind = "placement_group"
    path = "/1.0/placement-groups"
    extension = "instance_placement_groups"
    scoped = True
    fields = (Text("description"), Map("config"))
    renames = True
    unless_used = ("delete", "rename")
    copied = False
    name_rule = DEVICE

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not self.client.clustered:
            self.miss(NOT_CLUSTERED.format(self.client.label), "forms the cluster")
        config = new.get("config") or {}
        for key, choices in NEEDED.items():
            value = config.get(key)
            if value not in choices:
                hint = did_you_mean(value, choices) if value else f"It is {' or '.join(choices)}."
                self.refuse(f"config.{key}: '{value or ''}' is not valid. {hint}")
