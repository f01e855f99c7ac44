# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Pools of load balancers: the instances that answer for a port. LXD only."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Map, Text
from ..._engine.records import Key, Ports, Records
from ..._engine.resource import Resource
from ._listening import unfit_type


class InstanceName(Key):
    def references(self, value: Any) -> list[tuple[str, str]]:
        return [("instance", value)] if value else []


class NetworkLoadBalancerPool(Resource):
    """`/1.0/networks/NETWORK/load-balancer-pools`. The servers compare no ETag here."""

    kind = "network_load_balancer_pool"
    path = "/1.0/networks/{network}/load-balancer-pools"
    extension = "network_load_balancer_pool"
    feature = "networks"
    fields = (
        Text("description"),
        Records("instances", InstanceName("name", required=True), Ports("target_port"), unique=("name",)),
        Map("config"),
    )
    options = {"network": {"type": "str", "required": True}}
    refers = {"network": "network"}
    unless_used = ("delete",)
    copied = False
    name_rule = (r"[^/?&+:\s]+", "no slash, question mark, ampersand, plus sign, colon or space")

    @classmethod
    def unfit(cls, parent: dict[str, Any]) -> str:
        return unfit_type(parent, "ovn")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not (new.get("config") or {}).get("target_port"):
            self.refuse(f"config.target_port: network_load_balancer_pool '{self.name}' needs a port.")
        there = [instance["name"] for instance in old.get("instances") or ()]
        named = [instance["name"] for instance in new.get("instances") or () if instance["name"] not in there]
        self.check_known("instances", named, "/1.0/instances", project=self.project)
