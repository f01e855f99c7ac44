# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A domain of libvirt as its XML describes it.

Whoever may define a domain has written it, so it is not trusted: no entity is expanded, its size and depth are limited,
and its paths are only names here. `libvirt_disks.py` decides which of them are read.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from .._api.errors import InvalidInput

#: The most that the description of a domain may have. Real ones have some ten thousand bytes, and a depth of ten.
LARGEST, DEEPEST = 4 << 20, 64
#: Bytes of the units of libvirt: https://libvirt.org/formatdomain.html#memory-allocation
_UNITS = {
    "b": 1, "bytes": 1, "kb": 10**3, "k": 2**10, "kib": 2**10, "mb": 10**6, "m": 2**20, "mib": 2**20,
    "gb": 10**9, "g": 2**30, "gib": 2**30, "tb": 10**12, "t": 2**40, "tib": 2**40,
}  # fmt: skip
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.I)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
#: Names of disks become parts of the names of files and volumes.
_TARGET = re.compile(r"[a-z][a-z0-9]{0,31}")
_NUMBER = re.compile(r"[0-9]{1,18}")
#: What the name of a firmware for UEFI has in it, where the XML does not say more than its path.
_EFI = re.compile(r"ovmf|edk2|aavmf|uefi|[-_/]efi", re.I)
#: The attribute of the source of a disk or NIC that says where it is, by the type of the disk or NIC.
_DISK_SOURCES = {"file": "file", "block": "dev", "dir": "dir", "network": "name", "volume": "volume"}
_NIC_SOURCES = {"bridge": "bridge", "network": "network", "direct": "dev", "vdpa": "dev", "hostdev": "dev"}


class Disk(NamedTuple):
    """One disk.

    :ivar target: its name in the XML, such as `vda`
    :ivar sort: `file`, `block`, `volume`, `network`, …
    :ivar source: a path, or of a volume its name; empty for a drive without a medium
    :ivar format: the format that the XML says, never a guess: a guest can write any header into a raw disk
    :ivar boot: its place in the boot order; 0 without one
    :ivar sector: the bytes of its logical blocks; 0 for the usual 512
    :ivar obstacle: what makes the data of the guest another than that of the file; empty if nothing does
    """

    target: str
    device: str
    sort: str
    source: str
    pool: str
    format: str
    bus: str
    read_only: bool
    shareable: bool
    boot: int
    sector: int
    obstacle: str


class Nic(NamedTuple):
    """One NIC. `source` is the bridge, network or interface of the host."""

    mac: str
    sort: str
    source: str
    model: str
    vlan: str
    filter: str
    boot: int


class Domain(NamedTuple):
    """What is taken over of a domain, and `others`: the elements that are not, by their path, with some of their
    attributes.
    """

    name: str
    uuid: str
    description: str
    virtualizer: str
    os_type: str
    architecture: str
    machine: str
    memory: int
    cpus: int
    efi: bool
    secure_boot: bool
    kernel: str
    boot: tuple[str, ...]
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    tpm: str
    others: tuple[tuple[str, str], ...]


def parse(text: str) -> Domain:
    """The domain of an XML text.

    :raises InvalidInput: if it is no description of a domain, or one that nobody but an attacker writes
    """
    root = _tree(text)
    if root.tag != "domain":
        raise InvalidInput(f"domain: libvirt describes it as <{root.tag}>, which is no domain.")
    system = root.find("os")
    system = ElementTree.Element("os") if system is None else system
    kind = system.find("type")
    devices = root.find("devices")
    devices = ElementTree.Element("devices") if devices is None else devices
    tpm = devices.find("tpm")
    return Domain(
        name=_text(root, "name"),
        uuid=_uuid(_text(root, "uuid")),
        description=_text(root, "description") or _text(root, "title"),
        virtualizer=root.get("type", ""),
        os_type=(kind.text or "").strip() if kind is not None else "",
        architecture=kind.get("arch", "") if kind is not None else "",
        machine=kind.get("machine", "") if kind is not None else "",
        memory=_memory(root),
        cpus=_cpus(root),
        efi=_efi(system),
        secure_boot=_secure(system),
        kernel=_text(system, "kernel"),
        boot=tuple(boot.get("dev", "") for boot in system.findall("boot")),
        disks=_disks(devices),
        nics=tuple(_nic(element) for element in devices.findall("interface")),
        tpm="" if tpm is None else _tpm(tpm),
        others=_others(root, devices),
    )


class _Builder:
    """Builds the tree from the events of expat, whose parser for trees offers no way to refuse a document type."""

    def __init__(self) -> None:
        self.builder, self.depth = ElementTree.TreeBuilder(), 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise InvalidInput(f"domain: its XML is nested more than {DEEPEST} deep.")
        self.builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        self.depth -= 1
        self.builder.end(tag)

    @staticmethod
    def refuse(*_unused: Any) -> None:
        raise InvalidInput("domain: its XML has a document type, which can have entities; libvirt writes none.")


def _tree(text: str) -> ElementTree.Element:
    if len(text) > LARGEST:
        raise InvalidInput(f"domain: its XML has {len(text)} characters; at most {LARGEST} are read.")
    parser, builder = expat.ParserCreate(), _Builder()
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(text.encode(), True)
        return builder.builder.close()
    except (expat.ExpatError, AssertionError) as exc:
        raise InvalidInput(f"domain: its XML cannot be read: {exc}.") from exc


def _text(element: ElementTree.Element, path: str) -> str:
    found = element.find(path)
    return (found.text or "").strip() if found is not None else ""


def _number(text: str | None, what: str) -> int:
    plain = (text or "").strip()
    if not _NUMBER.fullmatch(plain):
        raise InvalidInput(f"domain: its XML has {plain[:40]!r} as {what}, which is no number.")
    return int(plain)


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise InvalidInput(f"domain: its XML has {text[:40]!r} as a UUID, which is none.")
    return text.lower()


def _memory(root: ElementTree.Element) -> int:
    """The memory in bytes that it has now, which can be less than the most that it can have."""
    for name in ("currentMemory", "memory"):
        found = root.find(name)
        if found is not None:
            unit = found.get("unit", "KiB").lower()
            if unit not in _UNITS:
                raise InvalidInput(f"domain: its XML has the unit {unit!r} of <{name}>, which nobody knows.")
            return _number(found.text, f"<{name}>") * _UNITS[unit]
    raise InvalidInput("domain: its XML has no <memory>.")


def _cpus(root: ElementTree.Element) -> int:
    found = root.find("vcpu")
    return 1 if found is None else _number(found.get("current") or found.text, "<vcpu>")


def _efi(system: ElementTree.Element) -> bool:
    loader = system.find("loader")
    if system.get("firmware"):
        return system.get("firmware") == "efi"
    return loader is not None and (loader.get("type") == "pflash" or bool(_EFI.search(loader.text or "")))


def _secure(system: ElementTree.Element) -> bool:
    loader = system.find("loader")
    if loader is not None and loader.get("secure") == "yes":
        return True
    return any(
        feature.get("name") == "secure-boot" and feature.get("enabled") == "yes"
        for feature in system.findall("firmware/feature")
    )


def _order(element: ElementTree.Element) -> int:
    boot = element.find("boot")
    return 0 if boot is None else _number(boot.get("order"), "<boot order>")


def _disks(devices: ElementTree.Element) -> tuple[Disk, ...]:
    disks = tuple(_disk(element) for element in devices.findall("disk"))
    seen: set[str] = set()
    for disk in disks:
        if not _TARGET.fullmatch(disk.target) or disk.target in seen:
            raise InvalidInput(f"domain: its XML has {disk.target[:40]!r} as the name of a disk, which is none of one.")
        seen.add(disk.target)
    return disks


def _obstacle(element: ElementTree.Element) -> str:
    """Why the file of a disk does not have the data that the guest sees."""
    ways = {
        "encryption": "is encrypted by libvirt (<encryption>)",
        "source/encryption": "is encrypted by libvirt (<encryption>)",
        "source/slices": "is a part of its file (<slices>)",
        "transient": "forgets what the guest writes (<transient/>)",
        "mirror": "is being copied by libvirt (<mirror>)",
    }
    return next((words for path, words in ways.items() if element.find(path) is not None), "")


def _disk(element: ElementTree.Element) -> Disk:
    sort, source, driver = element.get("type", ""), element.find("source"), element.find("driver")
    target, block = element.find("target"), element.find("blockio")
    size = block.get("logical_block_size") if block is not None else None
    place = source.get(_DISK_SOURCES.get(sort, ""), "") if source is not None else ""
    return Disk(
        target=target.get("dev", "") if target is not None else "",
        device=element.get("device", "disk"),
        sort=sort,
        source=place,
        pool=source.get("pool", "") if source is not None else "",
        format=driver.get("type", "raw") if driver is not None else "raw",
        bus=target.get("bus", "") if target is not None else "",
        read_only=element.find("readonly") is not None,
        shareable=element.find("shareable") is not None,
        boot=_order(element),
        sector=_number(size, "<blockio>") if size else 0,
        obstacle=_obstacle(element),
    )


def _nic(element: ElementTree.Element) -> Nic:
    def attribute(path: str, name: str) -> str:
        found = element.find(path)
        return found.get(name, "") if found is not None else ""

    sort, mac = element.get("type", ""), attribute("mac", "address").lower()
    if mac and not _MAC.fullmatch(mac):
        raise InvalidInput(f"domain: its XML has {mac!r} as a MAC address, which is none.")
    return Nic(
        mac=mac,
        sort=sort,
        source=attribute("source", _NIC_SOURCES.get(sort, "")),
        model=attribute("model", "type"),
        vlan=attribute("vlan/tag", "id"),
        filter=attribute("filterref", "filter"),
        boot=_order(element),
    )


def _tpm(element: ElementTree.Element) -> str:
    backend = element.find("backend")
    if backend is None:
        return "unknown"
    return " ".join(part for part in (backend.get("type", "unknown"), backend.get("version", "")) if part)


#: Devices that each instance has by itself, or that nobody misses, besides those that are taken over.
_USUAL = (
    *("disk", "interface", "tpm", "emulator", "controller", "input", "memballoon", "rng", "serial", "console"),
    *("channel", "graphics", "video", "audio", "vsock"),
)
#: Other elements without a counterpart.
_ABOUT = (
    *("cputune", "numatune", "memoryBacking", "blkiotune", "iothreads", "launchSecurity", "sysinfo", "idmap"),
    *("keywrap", "memtune"),
)


#: Parts of disks and NICs without a counterpart.
_PARTS = ("iotune", "bandwidth", "virtualport", "serial", "wwn", "geometry")


def _others(root: ElementTree.Element, devices: ElementTree.Element) -> tuple[tuple[str, str], ...]:
    """What is in the XML and not taken over."""
    found = [(element.tag, "") for element in root if element.tag in _ABOUT]
    cpu, clock = root.find("cpu"), root.find("clock")
    if cpu is not None and cpu.get("mode", "custom") == "custom" and cpu.find("model") is not None:
        found.append(("cpu/model", _text(cpu, "model")))
    if clock is not None and clock.get("offset", "utc") != "utc":
        found.append(("clock", str(clock.get("offset"))))
    found += [(f"devices/{one.tag}", one.get("type", "")) for one in devices if one.tag not in _USUAL]
    for sort in ("disk", "interface"):
        for place, one in enumerate(devices.findall(sort)):
            target, link = one.find("target"), one.find("link")
            name = target.get("dev", "") if target is not None and sort == "disk" else f"number {place}"
            found += [(f"{sort}/{part}", name) for part in _PARTS if one.find(part) is not None]
            found += [(f"{sort}/link", name)] if link is not None and link.get("state") == "down" else []
    found += [(one.tag.rpartition("}")[2], "") for one in root if "commandline" in one.tag]
    return tuple(dict.fromkeys(found))
