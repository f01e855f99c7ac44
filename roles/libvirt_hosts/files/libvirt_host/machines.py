# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One machine: what it is to be, how it becomes so, and what is done with it."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import libvirt

from . import documents, networks
from .connection import Libvirt
from .networks import Network
from .storage import MARK, Pool, capacity
from .wanted import Image, Refused, mac, size

_INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
_METADATA = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
#: Seconds for one attempt to connect to a machine.
CONNECT = 2


class Machine:
    """A machine of the list. Its domain is None in `api` where there is none."""

    def __init__(self, server: Libvirt, pool: Pool, network: Network, given: dict[str, Any]) -> None:
        self.server, self.pool, self.network, self.given = server, pool, network, given
        self.name: str = given["name"]
        self.mac: str = (given.get("mac") or mac(self.name)).lower()
        self.api = server.find(server.api.lookupByName, self.name)
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    @property
    def active(self) -> bool:
        return self.api is not None and bool(self.api.isActive())

    @property
    def saved(self) -> bool:
        return self.api is not None and not self.active and bool(self.api.hasManagedSaveImage(0))

    def defined(self) -> dict[str, Any]:
        """What libvirt has of it, apart from what runs."""
        return documents.described(self.api.XMLDesc(_INACTIVE)) if self.api is not None else {}

    # -- as it is to be ------------------------------------------------------------------------------------------------

    def define(self, kind: str, cache: str) -> None:
        """Its disks, its address and its definition. `kind` is kvm, qemu, or empty for what it is already."""
        self.before = self.defined()
        disks = self._disks()
        self.network.keep(self.name, self.mac, self.given.get("address") or "")
        wanted = self._wanted(kind or self.before.get("type", "qemu"), disks)
        self.after = wanted
        if self.before == wanted:
            return
        document = documents.machine(
            {**wanted, "name": self.name, "cache": cache, "uuid": self.api.UUIDString() if self.api is not None else ""}
        )
        text = f"{'change' if self.before else 'create'} the machine {self.name}"
        self.api = self.server.do(text, self.server.api.defineXML, document) or self.api

    def _wanted(self, kind: str, disks: dict[str, str]) -> dict[str, Any]:
        given = self.given
        return {
            "type": kind,
            "memory": size(given["memory"]) >> 10 << 10,
            "cpus": given["cpus"],
            "firmware": given["firmware"],
            "kernel": self.pool.shared(given["kernel"]) if given.get("kernel") else "",
            "initrd": self.pool.shared(given["initrd"]) if given.get("initrd") else "",
            "cmdline": given.get("cmdline") or "",
            "cpu": given.get("cpu") or ("maximum" if kind == "qemu" else "host-passthrough"),
            "cpu_features": sorted(given["cpu_features"]),
            "disks": disks,
            "nics": {self.mac: self.network.name},
        }

    def _disks(self) -> dict[str, str]:
        """The target of each disk, by its path."""
        given, found = self.given, {}
        image = Image(given["image"], given["image"] in self.pool.to_come) if given.get("image") else None
        sizes = [given.get("disk")] if image or given.get("disk") else []
        for number, wanted in enumerate([*sizes, *given["disks"]]):
            base = image if number == 0 else None
            name, target = f"{self.name}{MARK}{number}.qcow2", f"vd{chr(ord('a') + number)}"
            bytes_wanted = capacity(wanted, base)
            found[self.pool.disk(name, bytes_wanted, base)] = target
            self._grow(name, target, bytes_wanted)
        if given.get("user_data") or given.get("network_config"):
            files = {
                "meta-data": f"instance-id: {self.name}\nlocal-hostname: {self.name}\n",
                "user-data": given.get("user_data") or "#cloud-config\n{}\n",
            }
            if given.get("network_config"):
                files["network-config"] = given["network_config"]
            found[self.pool.seed(self.name, files)] = documents.SEED
        return found

    def _grow(self, name: str, target: str, wanted: int) -> None:
        volume = self.pool.find(name)
        if volume is None:
            return
        has = volume.info()[1]
        if has > wanted:
            raise Refused(f"{self.name}: the disk {target} has {has} bytes, and cannot shrink to {wanted}")
        if has == wanted:
            return
        text = f"let the disk {name} grow"
        if self.active:
            self.server.do(text, self.api.blockResize, target, wanted, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        else:
            self.server.do(text, volume.resize, wanted, 0)

    def tidy(self) -> None:
        """Delete seeds that neither the machine nor its definition has any more."""
        if self.api is None or self.saved:  # what is saved has the disks of its time
            return
        used = {*self.defined()["disks"], *documents.described(self.api.XMLDesc(0))["disks"]}
        for name in self.pool.of(self.name):
            if name.startswith(f"{self.name}{MARK}seed-") and self.pool.find(name).path() not in used:
                self.pool.delete(name)

    # -- what it does --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Running: started, restored where it was saved, and answering."""
        if not self.active:
            text = f"{'restore' if self.saved else 'start'} {self.name}"
            self.server.do(text, lambda: self.api.createWithFlags(0))  # there is no domain yet in check mode
        elif self.api.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            self.server.do(f"resume {self.name}", self.api.resume)
        self._await()

    def save(self) -> None:
        """Its memory in a file of libvirt, from which `run` restores it."""
        if self.saved:
            return
        if not self.active:
            self.run()
        self.server.do(f"save {self.name}", lambda: self.api.managedSave(0))

    def stop(self, force: bool) -> None:
        if self.saved:
            if not force:
                raise Refused(
                    f"{self.name} is saved: to stop it would discard its memory. Start it before (state: running), or "
                    "set libvirt_hosts_force"
                )
            self.server.do(f"discard the memory of {self.name}", self.api.managedSaveRemove, 0)
        if self.active:
            self.server.do(f"stop {self.name}", self.api.destroy if force else self.api.shutdown)
        if not self.server.check:
            advice = "look at its console, or set libvirt_hosts_force"
            self.server.wait(lambda: not self.active, f"{self.name} to shut down", advice)

    @property
    def snapshots(self) -> list[str]:
        return sorted(self.api.snapshotListNames()) if self.api is not None else []

    def snapshot(self, name: str) -> None:
        """Take a snapshot, with the memory of a running machine."""
        document = documents.snapshot(name)
        self.server.do(f"take the snapshot {name} of {self.name}", lambda: self.api.snapshotCreateXML(document, 0))

    def revert(self, name: str) -> None:
        """Put the machine back to where it was when a snapshot was taken."""
        found = self.api.snapshotLookupByName(name)
        self.before = self.after = self.defined()
        self.server.do(f"revert {self.name} to {name}", lambda: self.api.revertToSnapshot(found, 0))
        if self.active:
            self._await()

    def remove(self) -> None:
        """The machine, its snapshots, disks and seeds, and the address that was kept for it."""
        if self.api is not None:
            self.before = self.defined()
            self.server.do(f"remove the machine {self.name}", self._remove)
            self.api = self.api if self.server.check else None
        for name in self.pool.of(self.name):
            self.pool.delete(name)
        self.network.keep(self.name, self.mac, "")

    def _remove(self) -> None:
        if self.active:
            self.api.destroy()
        self.api.undefineFlags(_METADATA)

    def _await(self) -> None:
        """Until its port takes a connection."""
        port = self.given["wait_port"]
        if port and not self.server.check:
            self.server.wait(
                lambda: _answers(self.address, port),
                f"{self.name} to answer at port {port}",
                f"see virsh console {self.name}, or set wait_port: 0",
            )

    # -- what is said of it --------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The address that is kept for it, or that it has a lease of."""
        if self.given.get("address") or not self.active:
            return str(self.given.get("address") or "")
        found = networks.addresses(self.api)
        return found[0] if found else ""

    def report(self) -> dict[str, Any]:
        live = documents.described(self.api.XMLDesc(0)) if self.active else {}
        state = "running" if self.active else "saved" if self.saved else "stopped"
        return {
            "state": state if self.api is not None else "absent",
            "address": self.address,
            "mac": self.mac,
            "virt_type": (live or self.after or self.defined()).get("type", ""),
            "snapshots": self.snapshots,
            "restart_needed": bool(live) and live != self.defined(),
        }


def _answers(address: str, port: int) -> bool:
    if not address:
        return False
    with contextlib.suppress(OSError), socket.create_connection((address, port), CONNECT):
        return True
    return False
