# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What has an address of its own on a network, and passes on what arrives there: forwards and load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._api.reader import Reader
from ..._engine.addresses import Address, parsed, subnet
from ..._engine.resource import Resource

if TYPE_CHECKING:
    from ..._engine.claims import Claim, Hold


def unfit_type(network: dict[str, Any], *types: str) -> str:
    """Why a network can have none of a kind that is for networks of these types; empty if it can."""
    sort = network.get("type", "bridge") if network.get("managed", True) else "interface of the host"
    return "" if sort in types else f"it is of type {sort}, and has to be of type {' or '.join(types)}"


class Listening(Resource):
    """A kind in `/1.0/networks/NETWORK` that its listen address identifies.

    The servers compare no ETag here, so another writer is seen only when the object is read again after a change.
    """

    #: The types of networks that can have any.
    types: tuple[str, ...] = ("ovn",)

    key = named_by = "listen_address"
    options = {"network": {"type": "str", "required": True}}
    refers = {"network": "network"}
    feature = "networks"
    copied = False

    @classmethod
    def identity(cls, params: Mapping[str, Any]) -> str | None:
        return str(parsed(params["listen_address"]) or params["listen_address"])

    def validate(self) -> None:
        address = parsed(self.name)
        if address is None:
            raise InvalidInput(f"listen_address: '{self.name}' is not an IP address.")
        if not int(address):
            raise InvalidInput(
                f"listen_address: with '{self.name}' the server chooses an address, and a second run would have "
                "another chosen. Write the address."
            )
        self.address = address

    @classmethod
    def unfit(cls, parent: dict[str, Any]) -> str:
        return unfit_type(parent, *cls.types)

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, Hold]:
        from ..._engine.claims import Claim, Hold  # only stacks need it

        return {Claim("the listen address", cls.listed_as(obj)): Hold()}

    def targets(self, obj: dict[str, Any]) -> list[tuple[str, str]]:
        """The addresses that traffic is passed on to, each with the option that has it."""
        raise NotImplementedError

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        there = {target for _option, target in self.targets(old)}
        fresh = {option: parsed(target) for option, target in self.targets(new) if target not in there}
        if not fresh:
            return
        found = self.client.find(f"/1.0/networks/{quote(self.params['network'])}", project=self.project)
        for option, address in fresh.items():
            if address is None:
                self.refuse(f"{option}: an IP address is needed.")
                continue
            hindrance = self._hindrance(address, found.metadata) if found else ""
            if hindrance:
                self.refuse(f"{option}: '{address}' {hindrance}")

    def _hindrance(self, address: Address, network: dict[str, Any]) -> str:
        """Why traffic cannot be passed on to an address, in words; empty if it can."""
        if address.version != self.address.version:
            return f"is of IPv{address.version}, and the listen address {self.name} is of IPv{self.address.version}."
        own = (network.get("config") or {}).get(f"ipv{address.version}.address") or "none"
        inside = subnet(own)
        if self.client.is_plan and "status" not in network and not inside:  # the server will choose its address
            return ""
        where = f"network '{self.params['network']}' on {self.client.label}"
        if inside is None:
            return f"cannot be reached: {where} has no IPv{address.version} address."
        return "" if address in inside else f"is not in {inside}, the subnet of {where}."
