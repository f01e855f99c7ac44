# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role is asked for, checked before anything is read or changed."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Iterator

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS.update({"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40})
#: Names are names of files and of domains, too.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
#: Magic number, backing file, virtual size and incompatible features at the beginning of a qcow2 file.
QCOW2, EXTERNAL_DATA = b"QFI\xfb", 1 << 2


class Refused(Exception):
    """What was asked for cannot be done. The message says why, and what to do."""


def size(text: Any) -> int:
    """Bytes, of a number with or without a unit, such as 20GiB."""
    found = re.fullmatch(r" *(\d+) *([A-Za-z]*) *", str(text))
    if not found or found[2] not in UNITS:
        raise Refused(f"{text!r} is no size: write a number with a unit, such as 20GiB")
    return int(found[1]) * UNITS[found[2]]


class Image:
    """A file that a disk starts from: its format, and the size that a machine sees."""

    def __init__(self, path: str, to_come: bool = False) -> None:
        """Of one that is `to_come`, check mode knows nothing yet."""
        self.path, self.format, self.virtual = path, "raw", 0
        if to_come and not os.path.exists(path):
            return
        try:
            with open(path, "rb") as file:
                head = file.read(104)
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}: images have to be on the host that runs the role") from None
        self.virtual = os.stat(path).st_size
        if head[:4] == QCOW2:
            number = int.from_bytes
            self.format, self.virtual = "qcow2", number(head[24:32], "big")
            features = number(head[72:80], "big") if number(head[4:8], "big") >= 3 else 0
            if number(head[8:16], "big") or features & EXTERNAL_DATA:
                raise Refused(
                    f"{path} refers to another file, which could be any file of the machine with libvirt: convert it "
                    "with qemu-img convert -O qcow2"
                )


def mac(name: str) -> str:
    """The MAC address of a machine that names none: the same for the same name."""
    import hashlib  # noqa: PLC0415 - only here

    digest = hashlib.sha256(name.encode()).hexdigest()
    return ":".join(["52", "54", "00", digest[:2], digest[2:4], digest[4:6]])


def check(given: dict[str, Any]) -> None:
    """Refuse all that is wrong at once."""
    wrong = list(_wrong(given))
    if wrong:
        raise Refused("; ".join(wrong))


def _wrong(given: dict[str, Any]) -> Iterator[str]:
    for part in ("pool", "network"):
        if not NAME.fullmatch(given[part]["name"]):
            yield f"libvirt_hosts_{part}.name: {given[part]['name']!r} is no name"
    subnet = given["network"].get("address")
    if subnet:
        try:
            ipaddress.IPv4Interface(subnet)
        except ValueError as error:
            yield f"libvirt_hosts_network.address: {error}: write the address of the bridge, such as 10.88.0.1/24"
            subnet = None
    for machine in given["machines"]:
        only_named = given["step"] != "present" or machine["state"] == "absent"
        for text in _wrong_name(machine) if only_named else [*_wrong_name(machine), *_wrong_machine(machine, subnet)]:
            yield f"libvirt_hosts_machines, {machine['name']}: {text}"
    for key in ("name", "address", "mac"):
        values = [str(machine[key]).lower() for machine in given["machines"] if machine.get(key)]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            yield f"libvirt_hosts_machines: {key} {', '.join(twice)} is there more than once"


def _wrong_name(machine: dict[str, Any]) -> Iterator[str]:
    if not NAME.fullmatch(machine["name"]):
        yield "a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 63 of them"


def _wrong_machine(machine: dict[str, Any], subnet: str | None) -> Iterator[str]:
    if machine.get("mac") and not MAC.fullmatch(machine["mac"]):
        yield f"mac: {machine['mac']!r} is no MAC address"
    for key, value in [("memory", machine["memory"]), ("disk", machine.get("disk"))] + [
        ("disks", value) for value in machine["disks"]
    ]:
        try:
            if value and size(value) < 1 << 20:
                yield f"{key}: {value} is less than 1MiB"
        except Refused as error:
            yield f"{key}: {error}"
    if not machine.get("kernel") and (machine.get("initrd") or machine.get("cmdline") and not machine.get("rootfs")):
        yield "initrd and cmdline need a kernel"
    sources = [key for key in ("rootfs", "image", "disk", "kernel") if machine.get(key)]
    if not sources:
        yield "it needs a rootfs, an image, a disk or a kernel to start from"
    if "rootfs" in sources and len({"image", "kernel"} & {*sources}):
        yield "rootfs brings an image and a kernel of its own: leave out image and kernel"
    if machine["firmware"] == "uefi" and machine["snapshots"]:
        yield "libvirt takes no snapshot of a machine with UEFI firmware: use firmware: bios, or state: saved"
    if machine.get("address"):
        try:
            if subnet and ipaddress.IPv4Address(machine["address"]) not in ipaddress.IPv4Interface(subnet).network:
                yield f"address: {machine['address']} is not in the network {subnet}"
            ipaddress.IPv4Address(machine["address"])
        except ValueError as error:
            yield f"address: {error}"
