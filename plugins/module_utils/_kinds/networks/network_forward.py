# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Forwards of networks: an address whose traffic, or ports of it, goes to instances."""

from __future__ import annotations

from typing import Any, Mapping

from ..._engine.addresses import canonical
from ..._engine.fields import Map, Text
from ..._engine.plans import Existing
from ..._engine.records import Address, Choice, Key, Ports, Records
from ._listening import Listening


class NetworkForward(Listening):
    """`/1.0/networks/NETWORK/forwards`. In a cluster, a forward of a bridge is on one member only."""

    kind = "network_forward"
    path = "/1.0/networks/{network}/forwards"
    extension = "network_forward"
    of_member = True
    types = ("bridge", "ovn")
    fields = (
        Text("description"),
        Records(
            "ports",
            Key("protocol", required=True, choices=["tcp", "udp"]),
            Ports("listen_port", required=True),
            Address("target_address", required=True),
            Ports("target_port", like="listen_port"),
            Choice("snat", extension="network_forward_snat"),
            Key("description"),
            unique=("protocol", "listen_port"),
        ),
        Map("config"),
    )

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        """With the default target as the servers write it."""
        config = self.wanted.get("config") or {}
        target = canonical(config.get("target_address") or "")
        return {**self.wanted, "config": {**config, "target_address": target}} if target else self.wanted

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        super().check_references(new, old)
        default = (new.get("config") or {}).get("target_address")
        for option, target in self.targets(new)[1:] if default else ():
            if target == default:
                self.refuse(f"{option}: '{target}' is config.target_address already: leave the port out.")

    def targets(self, obj: dict[str, Any]) -> list[tuple[str, str]]:
        default = (obj.get("config") or {}).get("target_address")
        ports = [(f"ports[{number}].target_address", port) for number, port in enumerate(obj.get("ports") or ())]
        return [
            *([("config.target_address", default)] if default else []),
            *((option, port["target_address"]) for option, port in ports if port.get("target_address")),
        ]
