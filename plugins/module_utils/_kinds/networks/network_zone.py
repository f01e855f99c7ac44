# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""DNS zones."""

from __future__ import annotations

from ..._engine.fields import Map, Text
from ..._engine.resource import Resource


class NetworkZone(Resource):
    """`/1.0/network-zones`: a DNS zone that the daemon serves at `core.dns_address`."""

    kind = "network_zone"
    path = "/1.0/network-zones"
    extension = "network_dns"
    feature = "networks.zones"
    fields = (Text("description"), Map("config"))
    unless_used = ("delete",)
    copied = False
