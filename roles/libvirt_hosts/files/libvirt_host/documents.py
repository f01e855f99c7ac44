# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents of libvirt: those that the role writes, and what it compares of those that it reads."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping
from xml.etree import ElementTree

Element = ElementTree.Element
#: The target of the disc that cloud-init reads. It is no CD-ROM, because kernels for clouds have no driver of one.
SEED = "vdz"


def text(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode")


def add(parent: Element, tag: str, content: object = None, **attributes: object) -> Element:
    child = ElementTree.SubElement(parent, tag, {key: str(value) for key, value in attributes.items()})
    if content is not None:
        child.text = str(content)
    return child


def pool(name: str, path: str) -> str:
    root = Element("pool", type="dir")
    add(root, "name", name)
    add(add(root, "target"), "path", path)
    return text(root)


def network(name: str, address: str) -> str:
    """With NAT and DHCP: the lower half of its addresses is for those that machines name, the upper half is dynamic.

    Without STP, because a port of a bridge with STP forwards nothing for the first four seconds.
    """
    interface = ipaddress.IPv4Interface(address)
    root = Element("network")
    add(root, "name", name)
    add(root, "forward", mode="nat")
    add(root, "bridge", stp="off", delay="0")
    ip = add(root, "ip", address=interface.ip, netmask=interface.netmask)
    middle = interface.network[interface.network.num_addresses // 2]
    add(add(ip, "dhcp"), "range", start=middle, end=interface.network[-2])
    return text(root)


def reservation(name: str, mac: str, address: str) -> str:
    return text(Element("host", mac=mac, name=name, ip=address))


def reservations(document: str) -> dict[str, tuple[str, str]]:
    """The MAC and IP address of each name that a network keeps an address for."""
    found = ElementTree.fromstring(document).iterfind("./ip/dhcp/host")
    return {host.get("name", ""): (host.get("mac", ""), host.get("ip", "")) for host in found}


def volume(name: str, capacity: int, kind: str = "raw", base: tuple[str, str] | None = None) -> str:
    """`base` is the path and the format of the volume that it starts from."""
    root = Element("volume")
    add(root, "name", name)
    add(root, "capacity", capacity, unit="bytes")
    add(root, "allocation", 0, unit="bytes")
    target = add(root, "target")
    add(target, "format", type=kind)
    if kind == "qcow2":
        add(target, "compat", "1.1")  # one of version 0.10 cannot grow while it has a snapshot
    add(add(target, "permissions"), "mode", "0600")
    if base:
        store = add(root, "backingStore")
        add(store, "path", base[0])
        add(store, "format", type=base[1])
    return text(root)


def machine(wanted: Mapping[str, Any]) -> str:
    """A domain: `wanted` has what `described` returns, its name, its UUID, and how its disks are cached."""
    root = Element("domain", type=wanted["type"])
    add(root, "name", wanted["name"])
    if wanted.get("uuid"):
        add(root, "uuid", wanted["uuid"])
    add(root, "memory", wanted["memory"] >> 10, unit="KiB")
    add(root, "vcpu", wanted["cpus"])
    _firmware(root, wanted)
    features = add(root, "features")
    add(features, "acpi")
    add(features, "apic")
    cpu = add(root, "cpu", mode=wanted["cpu"])
    for name in wanted["cpu_features"]:
        add(cpu, "feature", policy="require", name=name)
    add(root, "clock", offset="utc")
    for event, reaction in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        add(root, f"on_{event}", reaction)
    devices = add(root, "devices")
    for path, target in wanted["disks"].items():
        _disk(devices, path, target, wanted.get("cache", ""))
    for mac, name in wanted["nics"].items():
        nic = add(devices, "interface", type="network")
        add(nic, "mac", address=mac)
        add(nic, "source", network=name)
        add(nic, "model", type="virtio")
    add(add(devices, "serial", type="pty"), "target", port=0)
    add(add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    add(devices, "memballoon", model="none")
    return text(root)


def _firmware(root: Element, wanted: Mapping[str, Any]) -> None:
    system = add(root, "os")
    if wanted["firmware"] == "uefi":
        system.set("firmware", "efi")
    add(system, "type", "hvm", arch="x86_64", machine="q35")
    if wanted["firmware"] == "uefi":
        add(add(system, "firmware"), "feature", enabled="no", name="secure-boot")
    for tag in ("kernel", "initrd", "cmdline"):
        if wanted[tag]:
            add(system, tag, wanted[tag])
    add(system, "boot", dev="hd")


def _disk(devices: Element, path: str, target: str, cache: str) -> None:
    seed = target == SEED
    disk = add(devices, "disk", type="file", device="disk")
    driver = add(disk, "driver", name="qemu", type="raw" if seed else "qcow2")
    if not seed:
        driver.set("discard", "unmap")
        if cache:
            driver.set("cache", cache)
    add(disk, "source", file=path)
    add(disk, "target", dev=target, bus="virtio")
    if seed:
        add(disk, "readonly")


def snapshot(name: str) -> str:
    root = Element("domainsnapshot")
    add(root, "name", name)
    return text(root)


def trial(name: str, kernel: str, kind: str) -> str:
    """A machine without a disk that a reset destroys: its kernel finds no root file system, and resets it."""
    root = Element("domain", type=kind)
    add(root, "name", name)
    add(root, "memory", 256, unit="MiB")
    add(root, "vcpu", 1)
    system = add(root, "os")
    add(system, "type", "hvm", arch="x86_64", machine="q35")
    add(system, "kernel", kernel)
    add(system, "cmdline", "panic=-1")
    add(add(root, "features"), "acpi")
    add(root, "cpu", mode="host-passthrough")
    add(root, "on_reboot", "destroy")
    add(root, "on_crash", "destroy")
    add(add(root, "devices"), "memballoon", model="none")
    return text(root)


def described(document: str) -> dict[str, Any]:
    """What the role compares of a domain. What libvirt adds to it, and what users add besides, is no difference."""
    root = ElementTree.fromstring(document)
    system, cpu = root.find("./os"), root.find("./cpu")
    assert system is not None
    loader = system.find("./loader")
    uefi = system.get("firmware") == "efi" or (loader is not None and loader.get("type") == "pflash")
    return {
        "type": root.get("type", ""),
        "memory": int(root.findtext("./memory", "0")) << 10,
        "cpus": int(root.findtext("./vcpu", "0")),
        "firmware": "uefi" if uefi else "bios",
        "kernel": system.findtext("./kernel", ""),
        "initrd": system.findtext("./initrd", ""),
        "cmdline": system.findtext("./cmdline", ""),
        "cpu": cpu.get("mode", "") if cpu is not None else "",
        "cpu_features": sorted(
            feature.get("name", "")
            for feature in root.iterfind("./cpu/feature")
            if feature.get("policy", "require") == "require"
        ),
        "disks": {
            _attribute(disk, "./source", "file"): _attribute(disk, "./target", "dev")
            for disk in root.iterfind("./devices/disk")
        },
        "nics": {
            _attribute(nic, "./mac", "address"): _attribute(nic, "./source", "network")
            for nic in root.iterfind("./devices/interface")
        },
    }


def _attribute(element: Element, path: str, name: str) -> str:
    found = element.find(path)
    return found.get(name, "") if found is not None else ""
