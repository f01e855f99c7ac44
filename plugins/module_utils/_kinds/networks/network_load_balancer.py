# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Load balancers of OVN networks: an address whose ports several instances answer."""

from __future__ import annotations

from typing import Any, Mapping

from ..._engine.fields import Map, Text
from ..._engine.records import Address, Key, Ports, Records, Several
from ._listening import Listening

_BACKENDS = Records(
    "backends",
    Key("name", required=True),
    Address("target_address", required=True),
    Ports("target_port"),
    Key("description"),
    unique=("name",),
)
_PORTS = Records(
    "ports",
    Key("protocol", required=True, choices=["tcp", "udp"]),
    Ports("listen_port", required=True),
    Several("target_backend"),
    Key("target_pool", extension="network_load_balancer_pool"),
    Key("description"),
    unique=("protocol", "listen_port"),
)


class NetworkLoadBalancer(Listening):
    """`/1.0/networks/NETWORK/load-balancers`."""

    kind = "network_load_balancer"
    path = "/1.0/networks/{network}/load-balancers"
    extension = "network_load_balancer"
    fields = (Text("description"), _BACKENDS, _PORTS, Map("config"))

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        pools = [port["target_pool"] for port in params.get("ports") or () if port.get("target_pool")]
        return super().references(params) + [
            ("network_load_balancer_pool", f"{params['network']}/{pool}") for pool in pools
        ]

    def targets(self, obj: dict[str, Any]) -> list[tuple[str, str]]:
        return [
            (f"backends[{number}].target_address", backend["target_address"])
            for number, backend in enumerate(obj.get("backends") or ())
        ]

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        super().check_references(new, old)
        known = [backend["name"] for backend in new.get("backends") or ()]
        for words in _PORTS.unknown(new.get("ports"), "target_backend", known):
            self.refuse(words)
