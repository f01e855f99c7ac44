# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a domain of libvirt becomes on a server of LXD or Incus. Pure functions: they ask nobody."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple

from .._engine import values
from .libvirt_domain import Disk, Domain, Nic

#: What libvirt and qemu-img call an architecture, and the servers too.
ARCHITECTURES = ("x86_64", "aarch64", "ppc64le", "s390x", "armv7l", "riscv64", "i686")
#: The formats of disks that are read.
FORMATS = ("raw", "qcow2")
#: Those whose machines can boot from BIOS; all others have UEFI, or nothing to choose.
BIOS = ("x86_64", "i686")
#: What to do about an element without a counterpart.
ADVICE = {
    "devices/hostdev": "give the instance a device of type pci or usb",
    "devices/filesystem": "give it a device of type disk with source and path",
    "devices/redirdev": "give it a device of type usb",
    "devices/sound": "use raw.qemu, if it needs one",
    "devices/watchdog": "use raw.qemu, if it needs one",
    "cpu/model": "the CPU of the host is used",
    "cputune": "use limits.cpu and limits.cpu.allowance",
    "numatune": "use limits.cpu.nodes",
    "memoryBacking": "use limits.memory.hugepages",
    "memtune": "use limits.memory",
    "blkiotune": "use limits of the disk devices",
    "clock": "the clock is UTC: let the guest know that",
    "disk/iotune": "use limits.read and limits.write of the disk",
    "disk/serial": "the guest finds the disk by another serial number: let it use UUIDs of file systems",
    "disk/wwn": "the guest finds the disk by another name: let it use UUIDs of file systems",
    "interface/bandwidth": "use limits.ingress and limits.egress of the NIC",
    "interface/link": "the NIC is up: write {attached: false} in networks on Incus, or leave the NIC out",
    "interface/virtualport": "it is a plain port of the bridge",
    "commandline": "use raw.qemu",
}


class Becoming(NamedTuple):
    """What a domain becomes.

    :ivar config, devices: of the instance; without the devices of further disks
    :ivar root: the disk that the instance boots from
    :ivar others: the further disks, which become volumes
    :ivar notes: what has no counterpart, or another one than before: what, and what that means
    :ivar errors: why it cannot be imported
    """

    name: str
    description: str
    config: dict[str, str]
    devices: dict[str, dict[str, str]]
    root: Disk | None
    others: list[Disk]
    notes: list[dict[str, str]]
    errors: list[str]


class Facts(NamedTuple):
    """What is to be known of the server."""

    label: str
    extensions: frozenset[str]
    networks: frozenset[str]
    architectures: frozenset[str]


def becoming(domain: Domain, params: Mapping[str, Any], facts: Facts, autostart: bool) -> Becoming:
    """The instance that a domain becomes, with all that is wrong.

    :param params: the options `name`, `config`, `devices`, `networks` and `disks` of the task
    """
    notes: list[dict[str, str]] = []
    errors = _impossible(domain, facts)
    config = {**_firmware(domain, params, facts, notes, errors), "limits.cpu": str(max(domain.cpus, 1))}
    config["limits.memory"] = f"{max(-(-domain.memory >> 20), 1)}MiB"
    config["volatile.uuid"] = domain.uuid  # the guest sees it as that of the machine, and licenses can depend on it
    if autostart:
        config["boot.autostart"] = "true"
        words = "the domain has it too: end that with virsh autostart --disable, or both can run at a time"
        notes.append(_note("autostart", words))
    devices = _nics(domain.nics, params, facts, notes, errors)
    if domain.tpm:
        _tpm(domain.tpm, devices, facts, notes, errors)
    root, others = _disks(domain, params, facts, notes, errors)
    if any(nic.boot and nic.boot < (root.boot if root else 0) for nic in domain.nics) or domain.boot[:1] == (
        "network",
    ):
        notes.append(_note("boot from the network", "the root disk is first: write boot.priority in networks"))
    for path, about in domain.others:
        advice = ADVICE.get(path, "there is nothing like it")
        notes.append(_note(f"{path} {about}".strip(), advice))
    return Becoming(
        name=params.get("name") or instance_name(domain.name),
        description=domain.description.split("\n")[0][:200],
        config=config,
        devices=devices,
        root=root,
        others=others,
        notes=notes,
        errors=errors,
    )


def instance_name(name: str) -> str:
    """A name of a domain as that of an instance: a host name."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].rstrip("-")
    return plain if plain[:1].isalpha() else f"vm-{plain}"[:63].rstrip("-")


def _note(what: str, words: str) -> dict[str, str]:
    return {"what": what, "note": words}


def _impossible(domain: Domain, facts: Facts) -> list[str]:
    errors = []
    if domain.os_type != "hvm":
        errors.append(f"domain: it is of the type '{domain.os_type}', and only virtual machines (hvm) are imported.")
    if domain.architecture not in ARCHITECTURES or (
        facts.architectures and domain.architecture not in facts.architectures
    ):
        known = ", ".join(sorted(facts.architectures))
        errors.append(f"domain: its architecture is '{domain.architecture}', and {facts.label} has {known}.")
    if domain.kernel:
        errors.append(
            "domain: it boots a kernel of the host (<kernel>): let it boot from its disk, and run this again."
        )
    return errors


def _firmware(
    domain: Domain,
    params: Mapping[str, Any],
    facts: Facts,
    notes: list[dict[str, str]],
    errors: list[str],
) -> dict[str, str]:
    """The keys for the firmware. LXD has one key in place of two since it has the extension instance_boot_mode."""
    one_key = "instance_boot_mode" in facts.extensions
    if domain.efi or domain.architecture not in BIOS:
        words = "the variables of the firmware stay on the host: a guest boots if its disk has BOOTX64.EFI"
        notes.append(_note("os/nvram", words))
        if one_key:
            return {"boot.mode": "uefi-secureboot" if domain.secure_boot else "uefi-nosecureboot"}
        return {"security.secureboot": "true" if domain.secure_boot else "false"}
    if one_key:
        return {"boot.mode": "bios"}
    if "security_csm" in facts.extensions:
        return {"security.csm": "true", "security.secureboot": "false"}
    if not {"raw.qemu", "raw.qemu.conf"} & set(params.get("config") or {}):
        errors.append(
            f"domain: it boots from BIOS, which needs the extension 'security_csm'; {facts.label} does not have it. "
            "Have the guest boot from UEFI before, or use a server that has it: Incus, or LXD 5.21 and later. With "
            "raw.qemu or raw.qemu.conf in config, the firmware is what you write there."
        )
    return {"security.secureboot": "false"}


def _tpm(
    about: str, devices: dict[str, dict[str, str]], facts: Facts, notes: list[dict[str, str]], errors: list[str]
) -> None:
    if "tpm_device_type" not in facts.extensions:
        errors.append(f"domain: it has a TPM, which needs the extension 'tpm_device_type'; {facts.label} has none.")
        return
    devices["tpm"] = {"type": "tpm", "path": "/dev/tpm0"}
    notes.append(_note("devices/tpm", "what it holds stays on the host: keys that are sealed with it are lost"))
    if about.endswith(" 1.2"):
        notes.append(_note("devices/tpm version 1.2", "it is a TPM of version 2.0 then"))


# -- NICs -------------------------------------------------------------------------------------------------------------


def _nics(
    nics: tuple[Nic, ...], params: Mapping[str, Any], facts: Facts, notes: list[dict[str, str]], errors: list[str]
) -> dict[str, dict[str, str]]:
    devices: dict[str, dict[str, str]] = {}
    for nic in nics:
        name = f"eth{len(devices)}"
        device = _nic(nic, params.get("networks") or {}, facts, errors)
        if device is None:
            notes.append(_note(f"devices/interface {nic.mac}", "it is left out"))
            continue
        mac = {"hwaddr": nic.mac} if nic.mac else {}
        devices[name] = {"type": "nic", "name": name, **device, **mac}
        if nic.vlan and "vlan" not in devices[name]:
            notes.append(_note(f"vlan {nic.vlan} of {nic.mac}", "write vlan in networks, if the network has VLANs"))
        if nic.filter:
            notes.append(_note(f"filter {nic.filter} of {nic.mac}", "use an ACL, or security.mac_filtering"))
        if not nic.model.startswith("virtio"):
            words = f"it is a {nic.model or 'NIC of another model'} now, and virtio then: the guest needs its driver"
            notes.append(_note(f"devices/interface {nic.mac}", words))
    return devices


def _nic(nic: Nic, networks: Mapping[str, Any], facts: Facts, errors: list[str]) -> dict[str, str] | None:
    """The keys of the device; None if it is left out."""
    keys = (nic.mac, f"{nic.sort}:{nic.source}", nic.source, nic.sort)
    found = next((key for key in keys if key and key in networks), None)
    if found is not None:
        given = networks[found]
        if given is None:
            return None
        if not isinstance(given, (str, dict)):
            errors.append(f"networks.{found}: it is a network, a dictionary of keys of the NIC, or null.")
            return {}
        if isinstance(given, str):
            return {"network": given}
        return {key: value for key, value in values.wire_map(f"networks.{found}", given).items() if value is not None}
    if nic.source and nic.source in facts.networks:
        return {"network": nic.source}
    if nic.sort == "bridge" and nic.source:
        return {"nictype": "bridged", "parent": nic.source}
    if nic.sort == "direct" and nic.source:
        return {"nictype": "macvlan", "parent": nic.source}
    place = f"{nic.sort}:{nic.source}" if nic.source else nic.sort
    errors.append(
        f"networks: nothing says what the NIC {nic.mac} of {place} becomes on {facts.label}. Write {{'{place}': "
        f"NETWORK}}, or {{'{place}': null}} to leave it out. Networks there: "
        f"{', '.join(sorted(facts.networks)) or 'none'}."
    )
    return None


# -- disks ------------------------------------------------------------------------------------------------------------


def _disks(
    domain: Domain, params: Mapping[str, Any], facts: Facts, notes: list[dict[str, str]], errors: list[str]
) -> tuple[Disk | None, list[Disk]]:
    """The disk to boot from, and the others."""
    chosen = params.get("disks") or {}
    _check_chosen(domain, chosen, errors)
    taken = []
    for disk in domain.disks:
        if disk.target in chosen and chosen[disk.target] is None:
            notes.append(_note(f"devices/disk {disk.target}", "it is left out"))
        elif disk.device in REMOVABLE:
            notes.append(_note(f"devices/{disk.device} {disk.target}", "it is left out, with its medium"))
        else:
            _check_disk(disk, errors)
            taken.append(disk)
    if not taken:
        errors.append("domain: it has no disk to boot from. Create an empty instance instead.")
        return None, []
    root = min(taken, key=lambda disk: disk.boot or LAST)
    if chosen.get(root.target):
        errors.append(f"disks: '{root.target}' is the root disk, which becomes no volume and gets no name.")
    place = 0
    for disk in [root, *(disk for disk in taken if disk is not root)]:
        if disk.sector > 512:
            words = f"its sectors have {disk.sector} bytes now, and 512 then: a guest may not find its partitions"
            notes.append(_note(f"devices/disk {disk.target}", words))
        if bus_of(disk, facts):
            continue
        if disk.bus != "scsi":
            words = f"it is on {disk.bus or 'no bus'} now, and on virtio-scsi then: /dev/sd{chr(ord('a') + place % 26)}"
            notes.append(_note(f"devices/disk {disk.target}", words))
        place += 1
    return root, [disk for disk in taken if disk is not root]


def bus_of(disk: Disk, facts: Facts) -> dict[str, str]:
    """The key of the device that keeps the disk on its bus, and so its name in the guest; empty for virtio-scsi."""
    known = {"virtio": ("disk_io_bus_virtio_blk", "virtio-blk"), "nvme": ("disk_io_bus", "nvme")}
    extension, bus = known.get(disk.bus, ("", ""))
    return {"io.bus": bus} if extension in facts.extensions else {}


#: After all that have a place in the boot order.
LAST = 1 << 60
#: Devices whose media are no data of the guest.
REMOVABLE = ("cdrom", "floppy")


def _check_chosen(domain: Domain, chosen: Mapping[str, Any], errors: list[str]) -> None:
    unknown = sorted(set(map(str, chosen)) - {disk.target for disk in domain.disks})
    if unknown:
        known = ", ".join(disk.target for disk in domain.disks)
        errors.append(f"disks: the domain has no disk '{unknown[0]}'; it has {known or 'none'}.")
    names = [name for name in chosen.values() if name is not None]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[^/\s]+", name):
            errors.append(
                f"disks: {name!r} is no name of a volume: it has no slash and no space. Null leaves a disk out."
            )
        elif names.count(name) > 1:
            errors.append(f"disks: two disks cannot become the volume '{name}'.")


def _check_disk(disk: Disk, errors: list[str]) -> None:
    place = f"disks: the disk '{disk.target}'"
    leave = f"Leave it out with disks: {{{disk.target}: null}}"
    if disk.device != "disk":
        errors.append(f"{place} is of the device '{disk.device}', which is not copied. {leave}.")
    elif disk.sort not in ("file", "block", "volume"):
        errors.append(f"{place} is of the type '{disk.sort}', which is not read from a file or device. {leave}.")
    elif not disk.source:
        errors.append(f"{place} has no source. {leave}.")
    elif disk.format not in FORMATS:
        errors.append(f"{place} has the format '{disk.format}', and only {' and '.join(FORMATS)} are read. {leave}.")
    if disk.obstacle:
        errors.append(f"{place} {disk.obstacle}, so a copy would not have the data of the guest. {leave}.")
    if disk.shareable:
        errors.append(f"{place} is shared with other domains (<shareable/>), which a copy would end. {leave}.")
