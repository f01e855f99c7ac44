# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of the machines, and the addresses that it keeps for them."""

from __future__ import annotations

from typing import Any, Iterable

import libvirt

from . import documents
from .connection import Libvirt
from .wanted import Refused

_CONFIG = libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
_LIVE = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE


class Network:
    """A network. It is None in `api` where check mode would have made it."""

    def __init__(self, server: Libvirt, name: str, address: str = "") -> None:
        self.server, self.name, self.address = server, name, address
        self.api = server.find(server.api.networkLookupByName, name)

    def have(self) -> None:
        """Make it, where an address says how; start it, where it is stopped."""
        if self.api is None:
            if not self.address:
                raise Refused(
                    f"there is no network {self.name}: make it, with community.libvirt.virt_net for example, or give "
                    "libvirt_hosts_network an address"
                )
            self.server.do(f"create the network {self.name} with {self.address}", self._create)
        elif not self.api.isActive():
            self.server.do(f"start the network {self.name}", self.api.create)

    def _create(self) -> None:
        self.api = self.server.api.networkDefineXML(documents.network(self.name, self.address))
        self.api.setAutostart(1)
        self.api.create()

    def keep(self, machine: str, mac: str, address: str) -> None:
        """Keep an address for a machine, or none."""
        found = documents.reservations(self.api.XMLDesc(0)).get(machine) if self.api is not None else None
        if not address and found:
            self.server.do(f"keep no address for {machine}", self._update, "DELETE", machine, *found)
        elif address and found != (mac, address):
            if found and not self.server.check:
                self._update("DELETE", machine, *found)
            self.server.do(f"keep the address {address} for {machine}", self._update, "ADD_LAST", machine, mac, address)

    def _update(self, command: str, machine: str, mac: str, address: str) -> None:
        self.api.update(
            getattr(libvirt, f"VIR_NETWORK_UPDATE_COMMAND_{command}"),
            libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            -1,
            documents.reservation(machine, mac, address),
            _CONFIG | (_LIVE if self.api.isActive() else 0),
        )

    def remove(self, gone: Iterable[str]) -> None:
        """Remove it, unless a machine that is not `gone` has a NIC in it."""
        if self.api is None or not self.address:
            return
        users = sorted(
            domain.name()
            for domain in self.server.api.listAllDomains()
            if domain.name() not in gone
            and self.name in documents.described(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))["nics"].values()
        )
        if users:
            self.server.warnings.append(f"the network {self.name} stays, because {', '.join(users)} use it")
            return
        self.server.do(f"remove the network {self.name}", self._remove)

    def _remove(self) -> None:
        if self.api.isActive():
            self.api.destroy()
        self.api.undefine()


def addresses(domain: Any) -> list[str]:
    """The IPv4 addresses that the networks of libvirt have given to a running machine."""
    found = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, 0)
    return [
        entry["addr"]
        for nic in found.values()
        for entry in nic["addrs"] or ()
        if entry["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4
    ]
