# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Network ACLs: rules for the traffic of networks and NICs."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Map, Text
from ..._engine.records import Key, Ports, Records, Subjects
from ..._engine.resource import Resource
from .._names import HOST, NEWER_HOST

_PORTS = ("protocol", ("tcp", "udp"))
_ICMP = ("protocol", ("icmp4", "icmp6"))
_RULE = (
    Key(
        "action",
        required=True,
        choices=["allow", "allow-stateless", "drop", "reject"],
        extensions={"allow-stateless": "network_acl_stateless"},
    ),
    Key("state", default="enabled", choices=["enabled", "disabled", "logged"]),
    Subjects("source"),
    Subjects("destination"),
    Key("protocol", choices=["tcp", "udp", "icmp4", "icmp6"]),
    Ports("source_port", only_with=_PORTS),
    Ports("destination_port", only_with=_PORTS),
    Key("icmp_type", only_with=_ICMP),
    Key("icmp_code", only_with=_ICMP),
    Key("description"),
)
#: What rules can name, and where the server lists it.
_NAMED = {"network_acl": "/1.0/network-acls", "network_address_set": "/1.0/network-address-sets"}


class NetworkAcl(Resource):
    """`/1.0/network-acls`."""

    kind = "network_acl"
    path = "/1.0/network-acls"
    extension = "network_acl"
    feature = "networks"
    fields = (Text("description"), Records("ingress", *_RULE), Records("egress", *_RULE), Map("config"))
    renames = True
    unless_used = ("delete", "rename")
    affects = True
    copied = False
    name_rule, name_rules = HOST, NEWER_HOST

    def create(self, body: dict[str, Any]) -> None:
        """Rules that name the ACL itself follow in a second request: the servers want a name that exists."""
        own: dict[str, Any] = {
            field.key: []
            for field in self.fields
            if ("network_acl", body["name"]) in field.references(body.get(field.key))
        }
        super().create({**body, **own})
        found = self.fetch(body["name"]) if own else None
        if found:
            self.update(found, {**found.object, **{key: body[key] for key in own}})

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        rules = [field for field in self.fields if isinstance(field, Records)]
        there = {found[1:] for field in rules for found in field.named(old.get(field.key))}
        named = [found for field in rules for found in field.named(new.get(field.key))]
        for kind, path in _NAMED.items():
            fresh = [
                (place, label)
                for place, other, label in named
                if other == kind and (kind, label) not in there and label != self.name
            ]
            self.check_all(fresh, path, **self.query())
