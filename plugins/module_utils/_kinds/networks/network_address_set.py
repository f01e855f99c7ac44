# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Address sets: names for addresses, which rules of ACLs use as `$name`."""

from __future__ import annotations

from ..._engine.fields import Map, Text
from ..._engine.records import AddressSet
from ..._engine.resource import Resource
from .._names import HOST, NEWER_HOST


class NetworkAddressSet(Resource):
    """`/1.0/network-address-sets`."""

    kind = "network_address_set"
    path = "/1.0/network-address-sets"
    extension = "network_address_set"
    feature = "networks"
    fields = (Text("description"), AddressSet("addresses"), Map("config"))
    renames = True
    unless_used = ("delete", "rename")
    affects = True
    copied = False
    name_rule, name_rules = HOST, NEWER_HOST
