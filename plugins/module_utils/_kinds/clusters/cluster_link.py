# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Links to other clusters, over which replicators copy instances. LXD only."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Map, Text
from .._tokens import ShownOnce


class ClusterLink(ShownOnce):
    """`/1.0/cluster/links`. The first of two clusters gives a token, and the link of the other is made with it."""

    kind = "cluster_link"
    path = "/1.0/cluster/links"
    extension = "cluster_links"
    scoped = False
    stackable = False  # a document has one server, and a link needs what the other one says
    fields = (
        Text("description"),
        Text("type", create_only=True, choices=["bidirectional"]),
        Map("config"),
    )
    options = {"token": {"type": "str", "no_log": True}, "auth_groups": {"type": "list", "elements": "str"}}
    refers = {"auth_groups": "auth_group"}
    renames = True
    unless_used = ("delete",)
    name_rule = (r"[^/?&+\s]+", "no slash, question mark, ampersand, plus sign or space")

    def create_body(self) -> dict[str, Any]:
        return {"type": "bidirectional", **super().create_body()}

    def create(self, body: dict[str, Any]) -> None:
        sent = {**body, "auth_groups": self.params["auth_groups"] or []}
        if self.params["token"]:
            self.writer.write("POST", self.path, {**sent, "trust_token": self.params["token"]})
        else:
            self.offered(self.path, sent)

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not old:
            self.check_known("auth_groups", self.params["auth_groups"] or [], "/1.0/auth/groups")
