# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a domain of libvirt becomes on a server of LXD or Incus. Pure functions: they ask nobody."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple

from .libvirt_domain import Disk, Domain, Nic

#: The config key of an instance that was imported: the UUID of the domain, and whether it is whole.
MARK = "user.cloudhost.libvirt"
IMPORTING, IMPORTED = "importing", "imported"
#: What libvirt and qemu-img call an architecture, and the servers too.
ARCHITECTURES = ("x86_64", "aarch64", "ppc64le", "s390x", "armv7l", "riscv64", "i686")
#: The formats of disks that are read.
FORMATS = ("raw", "qcow2")
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
    config = {**_firmware(domain, facts, notes, errors), "limits.cpu": str(domain.cpus)}
    config["limits.memory"] = f"{max(domain.memory >> 20, 1)}MiB"
    if autostart:
        config["boot.autostart"] = "true"
    devices = _nics(domain.nics, params, facts, notes, errors)
    if domain.tpm:
        if "tpm_device_type" in facts.extensions:
            devices["tpm"] = {"type": "tpm", "path": "/dev/tpm0"}
            notes.append(_note("devices/tpm", "what it holds stays on the host: keys that are sealed with it are lost"))
        else:
            errors.append(f"domain: it has a TPM, which needs the extension 'tpm_device_type'; {facts.label} has none.")
    root, others = _disks(domain, params, notes, errors)
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


def _firmware(domain: Domain, facts: Facts, notes: list[dict[str, str]], errors: list[str]) -> dict[str, str]:
    if domain.efi:
        notes.append(
            _note(
                "os/nvram", "the variables of the firmware stay on the host: a guest boots if its disk has BOOTX64.EFI"
            )
        )
        return {"security.secureboot": "true" if domain.secure_boot else "false"}
    if "security_csm" not in facts.extensions:
        errors.append(
            f"domain: it boots from BIOS, which needs the extension 'security_csm'; {facts.label} does not have it. "
            "Have the guest boot from UEFI before, or use a server that has it: Incus, or LXD 5.21 and later."
        )
    return {"security.csm": "true", "security.secureboot": "false"}


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
    return devices


def _nic(nic: Nic, networks: Mapping[str, Any], facts: Facts, errors: list[str]) -> dict[str, str] | None:
    """The keys of the device; None if it is left out."""
    keys = (nic.mac, f"{nic.sort}:{nic.source}", nic.source, nic.sort)
    found = next((key for key in keys if key and key in networks), None)
    if found is not None:
        given = networks[found]
        if given is None:
            return None
        return {"network": given} if isinstance(given, str) else {key: str(value) for key, value in given.items()}
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
    domain: Domain, params: Mapping[str, Any], notes: list[dict[str, str]], errors: list[str]
) -> tuple[Disk | None, list[Disk]]:
    """The disk to boot from, and the others."""
    chosen = params.get("disks") or {}
    unknown = sorted(set(chosen) - {disk.target for disk in domain.disks})
    if unknown:
        known = ", ".join(disk.target for disk in domain.disks)
        errors.append(f"disks: the domain has no disk '{unknown[0]}'; it has {known or 'none'}.")
    taken = []
    for disk in domain.disks:
        if disk.target in chosen and chosen[disk.target] is None:
            notes.append(_note(f"devices/disk {disk.target}", "it is left out"))
        elif disk.device != "disk":
            notes.append(_note(f"devices/{disk.device} {disk.target}", "it is left out, with its medium"))
        else:
            _check_disk(disk, errors)
            taken.append(disk)
    if not taken:
        errors.append("domain: it has no disk to boot from. Create an empty instance instead.")
        return None, []
    ordered = sorted(taken, key=lambda disk: disk.boot or DEEP_IN_ORDER)
    root = ordered[0]
    for place, disk in enumerate([root, *(disk for disk in taken if disk is not root)]):
        if disk.bus != "scsi":
            words = f"it is on {disk.bus or 'no bus'} now, and on virtio-scsi then: /dev/sd{chr(ord('a') + place % 26)}"
            notes.append(_note(f"devices/disk {disk.target}", words))
    return root, [disk for disk in taken if disk is not root]


#: After all that have a place in the boot order.
DEEP_IN_ORDER = 1 << 30


def _check_disk(disk: Disk, errors: list[str]) -> None:
    place = f"disks: the disk '{disk.target}'"
    leave = f"Leave it out with disks: {{{disk.target}: null}}"
    if disk.sort not in ("file", "block", "volume"):
        errors.append(f"{place} is of the type '{disk.sort}', which is not read from a file or device. {leave}.")
    elif not disk.source:
        errors.append(f"{place} has no source. {leave}.")
    elif disk.format not in FORMATS:
        errors.append(f"{place} has the format '{disk.format}', and only {' and '.join(FORMATS)} are read. {leave}.")
    if disk.shareable:
        errors.append(f"{place} is shared with other domains (<shareable/>), which a copy would end. {leave}.")
