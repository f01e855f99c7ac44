# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Groups of the members of a cluster."""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput
from ..._engine.fields import NameSet, Text
from ..._engine.plans import Action, Existing, Plan, Step
from ._of_cluster import OfCluster


class ClusterGroup(OfCluster):
    """`/1.0/cluster/groups`."""

    kind = "cluster_group"
    path = "/1.0/cluster/groups"
    extension = "clustering_groups"
    fields = (Text("description"), NameSet("members", exact=False))
    renames = True
    name_rule = (r"(?!\*\Z)[^/ _'\"]+", "no slash, space, underscore or quote, and not an asterisk")
    singletons = ("default",)

    def plan_absent(self, found: Existing | None) -> Plan:
        if found and self.name in self.singletons:
            raise InvalidInput(
                f"name: the cluster group '{self.name}' is the servers' own and cannot be removed. Its members can "
                "be put into other groups."
            )
        return super().plan_absent(found)

    def before_delete(self, found: Existing) -> list[Step]:
        """Take the members out first: the servers delete only empty groups."""
        there = found.object.get("members") or []
        if not there:
            return []
        self._refuse_to_strand("name", set(there))
        empty = {**found.object, "members": []}
        return [
            Step(
                Action.UPDATE,
                f"take the members out of cluster_group {self.name}",
                lambda: self.update(found, empty),
                reread=True,
            )
        ]

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        """Refuse if a member remains that has no other group by now: the server keeps it without an error."""
        super().update(found, body)
        kept = self.fetch(self.name)
        extra = set((kept.object.get("members") if kept else None) or ()) - set(body.get("members") or ())
        if extra:
            self._refuse_to_strand("members", extra)

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not self.client.clustered:
            return  # `fetch` has reported it
        wanted, there = set(new.get("members") or ()), set(old.get("members") or ())
        self.check_known("members", sorted(wanted - there), "/1.0/cluster/members")
        self._refuse_to_strand("members", there - wanted)

    def _refuse_to_strand(self, option: str, leaving: set[str]) -> None:
        """Refuse to leave a member without a group.

        Incus reports success and leaves the member where it is. LXD 5.0 does it, and then refuses every other change
        of the member.
        """
        if not leaving:
            return
        others = [group for group in self.client.get(self.path, recursion=1).metadata if group["name"] != self.name]
        stranded = sorted(leaving.difference(*(group.get("members") or () for group in others)))
        if stranded:
            raise InvalidInput(
                f"{option}: {', '.join(stranded)} {'is' if len(stranded) == 1 else 'are'} in no other cluster group "
                f"than '{self.name}', and a member has to be "
                "in one at least. Put it into another first, as with cloudhost.lxd.cluster_member, name: "
                f"{stranded[0]} and groups: [default]."
            )
