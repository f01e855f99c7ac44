# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Networks that the daemon manages."""

from __future__ import annotations

from typing import Any, Mapping

from ..._api.errors import InvalidInput, did_you_mean
from ..._api.reader import Reader
from ..._engine.claims import Claim, Hold, of_network
from ..._engine.fields import Map, Text
from ..._engine.interfaces import missing
from ..._engine.interfaces import references as interfaces
from ..._engine.plans import Existing, Plan
from .._members import Members, PerMember, members_with

#: Keys that take `auto`, and what the daemon puts in its place at creation.
_AUTO = ("ipv4.address", "ipv6.address")
TYPES = ("bridge", "macvlan", "ovn", "physical", "sriov")


class Network(PerMember):
    """`/1.0/networks`. Any address satisfies `auto`, which is sent once: the daemon would renumber the bridge."""

    kind = "network"
    path = "/1.0/networks"
    copied = False
    fields = (Text("description"), Text("type", create_only=True), Map("config"), Members())
    renames = True
    unless_used = ("delete", "rename")
    affects = True
    family, variant, default_variant = "network", "type", "bridge"
    needed = {"macvlan": ("parent",), "physical": ("parent",), "sriov": ("parent",)}
    feature = "networks"
    one_by_one = ("delete", "replace")  # Incus 6.0 reads every bridge, and fails if one is deleted meanwhile
    refers = {
        "config.network": "network",
        "config.security.acls": "network_acl",
        "config.dns.zone.forward": "network_zone",
        "config.dns.zone.reverse.ipv4": "network_zone",
        "config.dns.zone.reverse.ipv6": "network_zone",
    }
    server_keys = (
        *("volatile.*", "ipv4.address", "ipv4.nat", "ipv6.address", "ipv6.nat", "bridge.mtu", "fan.underlay_subnet"),
        *("network", "parent"),  # what an ovn network and those in `needed` cannot be without
    )
    hidden_keys = ("volatile.*",)
    name_rule = (
        r"[-_a-zA-Z0-9.]{2,15}",
        "2 to 15 letters, digits, dots, dashes and underscores, as for any Linux interface",
    )

    def fetch(self, name: str) -> Existing | None:
        found = super().fetch(name)
        if found and not found.object.get("managed"):
            raise InvalidInput(
                f"name: '{name}' is an interface of the host ({found.object.get('type')}) that {self.client.label} "
                "does not manage. "
                "Choose another name, or use it as the parent of a network or nic."
            )
        return found

    def plan_update(self, found: Existing) -> Plan:
        new = self.params["new_name"]
        if new and new != self.name and members_with(found.object):
            raise InvalidInput(
                f"new_name: {self.client.label} is clustered, and the servers do not rename a network there. Make "
                "another with that name."
            )
        return super().plan_update(found)

    def validate(self) -> None:
        super().validate()
        if self.params.get("type") == "ovn":
            self.after_timeout = (
                " Servers wait for the databases of OVN, Incus without a limit: see that most of them run and have a "
                "leader (the role cloudhost.lxd.ovn does), and run this again."
            )

    def same_config(self, key: str, want: str | None, current: dict[str, str]) -> bool:
        if key in _AUTO and want == "auto":
            return bool(current.get(key)) and current[key] != "none"
        return super().same_config(key, want, current)

    def create_body(self) -> dict[str, Any]:
        return {"type": "bridge", **super().create_body()}

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Check the parents. The daemons do not create a network without its parent, but a bridge without some of its
        interfaces.
        """
        from ..._engine.known.inspection import check_acls, check_ranges, check_subnets  # as in check_change
        from ._running import doubt_acls

        config, before = new.get("config") or {}, old.get("config") or {}
        doubt_acls(self, old, config)
        check_subnets(self, new, old)
        check_ranges(self, new, old)
        check_acls(self, "config", {} if config.get("security.acls") == before.get("security.acls") else config)
        parent = (
            {"config.parent": config["parent"]}
            if config.get("parent") and config["parent"] != before.get("parent")
            else {}
        )
        for words in missing(self.client, parent, self.query()).values():
            self.miss(words)
        key = "bridge.external_interfaces"
        added = {name for name in (config.get(key) or "").split(",") if name and "/" not in name} - set(
            (before.get(key) or "").split(",")
        )
        for name in sorted(added):
            for words in missing(self.client, {f"config.{key}": name.strip()}, self.query()).values():
                self.doubt(f"{words} The bridge is made without it.")

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        configs = [params.get("config"), *(params.get("members") or {}).values()]
        return super().references(params) + [
            found for config in configs if isinstance(config, dict) for found in interfaces(config)
        ]

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, Hold]:
        return of_network(obj)

    @staticmethod
    def beside(new: dict[str, Any], old: dict[str, Any], others: dict[str, Any]) -> tuple[list[str], list[str]]:
        from ..._engine.known import subnets  # as in check_change

        return subnets.beside(new, old, others)

    def two_phases(self, sort: str) -> bool:
        return sort != "ovn"  # the daemon makes the pending entries of an OVN network itself

    def check_extensions(self) -> None:
        super().check_extensions()
        kind = self.wanted.get("type")
        if kind and kind != "bridge" and not self.client.has(f"network_type_{kind}"):
            if kind not in TYPES:
                raise InvalidInput(f"type: '{kind}' is not a type of network. {did_you_mean(kind, list(TYPES))}")
            self.client.require(f"network_type_{kind}", f"network type '{kind}'")

    @classmethod
    def internal(cls, obj: dict[str, Any]) -> bool:
        """An interface of the host that the daemon does not manage."""
        return not obj.get("managed")
