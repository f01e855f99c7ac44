# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the role does on one libvirt, in its order."""

from __future__ import annotations

from typing import Any

from . import rootfs
from .connection import Libvirt
from .machines import Machine
from .networks import Network
from .storage import Pool
from .trial import kernel_runs
from .wanted import Refused, size


class Host:
    """A libvirt, with the machines of the role."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.server = Libvirt(given["uri"], given["check"], given["timeout"])
        self.pool = Pool(self.server, given["pool"]["name"], given["pool"].get("path") or "")
        self.network = Network(self.server, given["network"]["name"], given["network"].get("address") or "")
        self.machines = [Machine(self.server, self.pool, self.network, entry) for entry in given["machines"]]

    def _sources(self) -> None:
        """Make disks and kernels of root file systems. In check mode, what is missing is known to come."""
        self.pool.to_come.update(self.given["downloads"] if self.server.check else ())
        for machine in self.machines:
            given = machine.given
            if given.get("rootfs") and given["state"] != "absent":
                capacity = size(self.given["rootfs_size"])
                folder = rootfs.place(self.given["directory"], given["rootfs"], capacity)
                if not folder.exists():
                    self.server.do(f"make a disk of {given['rootfs']}", rootfs.build, folder, given["rootfs"], capacity)
                given.update({key: str(folder / name) for key, name in rootfs.FILES.items()})
                given["cmdline"] = given.get("cmdline") or rootfs.CMDLINE
                self.pool.to_come.update(given[key] for key in rootfs.FILES if self.server.check)

    def present(self) -> None:
        """Each machine in the state that it names."""
        self._sources()
        staying = [machine for machine in self.machines if machine.given["state"] != "absent"]
        if staying:
            self.pool.have()
            self.network.have()
        for machine in self.machines:
            if machine not in staying:
                machine.remove()
        kind = self._kind([machine for machine in staying if machine.api is None])
        for machine in staying:
            asked = self.given["virt_type"]
            machine.define(kind if machine.api is None else asked if asked != "auto" else "", self.given["cache"])
        for machine in staying:
            self._settle(machine)
            machine.tidy()

    def _settle(self, machine: Machine) -> None:
        state = machine.given["state"]
        missing = [name for name in machine.given["snapshots"] if name not in machine.snapshots]
        if state == "stopped":
            machine.stop(self.given["force"])
        elif state == "running" or missing or not machine.saved:
            machine.run()
        for name in missing:
            machine.snapshot(name)
        if state == "saved":
            machine.save()

    def _kind(self, new: list[Machine]) -> str:
        """The type of machines that are to be created: kvm where it works."""
        asked, trial = self.given["virt_type"], self.given["trial"]
        if asked != "auto" or not new:
            return str(asked) if asked != "auto" else ""
        kernel = next((machine.given["kernel"] for machine in new if machine.given.get("kernel")), trial["kernel"])
        if not kernel:
            self.server.warnings.append(
                "no kernel was found to try KVM with, so the machines are emulated: set libvirt_hosts_trial_kernel to "
                "a Linux kernel, or libvirt_hosts_virt_type to kvm"
            )
            return "qemu"
        path = self.pool.shared(kernel)
        if self.server.check:  # a machine that tries it would be a change
            return "auto"
        works = kernel_runs(self.server, path, "kvm", trial["seconds"])
        if not works:
            self.server.warnings.append("no kernel runs with KVM here, so the machines are emulated")
        return "kvm" if works else "qemu"

    def absent(self) -> None:
        """No machine of the list, and neither the network nor the pool that the role has made."""
        for machine in self.machines:
            machine.remove()
        self.network.remove([machine.name for machine in self.machines])
        self.pool.remove()

    def revert(self) -> None:
        """Every machine at its snapshot. None is touched where one has none."""
        if not self.given["snapshot"]:
            raise Refused("libvirt_hosts_snapshot names no snapshot to revert to")
        name = self.given["snapshot"]
        for machine in self.machines:
            if name not in machine.snapshots:
                has = ", ".join(machine.snapshots) or "none"
                raise Refused(f"{machine.name} has no snapshot {name}; it has {has}")
        for machine in self.machines:
            machine.revert(name)
