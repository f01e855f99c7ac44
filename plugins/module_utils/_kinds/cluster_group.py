# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

from typing import Any

from .._fields import NameSet, Text
from .._resource import Found, Step
from .cluster import OfCluster


class ClusterGroup(OfCluster):
    """C(/1.0/cluster/groups)."""

    kind = "cluster_group"
    path = "/1.0/cluster/groups"
    extension = "clustering_groups"
    fields = (Text("description"), NameSet("members"))
    renames = True
    singletons = ("default",)

    def before_delete(self, found: Found) -> list[Step]:
        """The servers delete empty groups only."""
        if not found.object.get("members"):
            return []
        empty = {**found.object, "members": []}
        return [Step(f"take the members out of cluster_group {self.name}", lambda: self.client.write("PUT", self.url(), empty), reread=True)]

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.check_known("members", [name for name in new.get("members") or () if name not in (old.get("members") or ())], "/1.0/cluster/members")
