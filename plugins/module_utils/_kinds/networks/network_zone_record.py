# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Records of DNS zones."""

from __future__ import annotations

from ..._engine.fields import Map, Text
from ..._engine.records import Key, Number, Records
from ..._engine.resource import Resource


class NetworkZoneRecord(Resource):
    """`/1.0/network-zones/ZONE/records`: what a zone has besides the addresses of instances."""

    kind = "network_zone_record"
    path = "/1.0/network-zones/{zone}/records"
    extension = "network_dns_records"
    feature = "networks.zones"
    options = {"zone": {"type": "str", "required": True}}
    refers = {"zone": "network_zone"}
    fields = (
        Text("description"),
        Records(
            "entries",
            Key("type", required=True),
            Key("value", required=True),
            Number("ttl"),
            unique=("type", "value"),
        ),
        Map("config"),
    )
    copied = False
    name_rule = (r"[^/\s]+", "no slash and no space")
