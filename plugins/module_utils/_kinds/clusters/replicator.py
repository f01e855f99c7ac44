# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Replicators: which cluster has copies of the instances of a project. LXD only."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Map, Text
from ..._engine.resource import Resource
from .._names import DEVICE


class Replicator(Resource):
    """`/1.0/replicators`."""

    kind = "replicator"
    path = "/1.0/replicators"
    extension = "replicators"
    fields = (Text("description"), Map("config"))
    refers = {"config.cluster": "cluster_link"}
    renames = True
    copied = False
    name_rule = DEVICE

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        link = (new.get("config") or {}).get("cluster")
        if not link:
            self.refuse(f"config.cluster: replicator '{self.name}' needs the name of a cluster link.")
        elif link != (old.get("config") or {}).get("cluster"):
            self.check_known("config.cluster", [link], "/1.0/cluster/links")
