# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the daemons refuse in a config and in devices, found without asking them. Pure functions.

Only keys and devices that change are looked at: an odd value that is on the server already does not make a task fail.
"""

from __future__ import annotations

import difflib
from typing import Any, Dict

from . import devices, instances, networks, pools, servers, types
from .tables import Table, table

Config = Dict[str, Any]
PRODUCTS = {"lxd": "LXD", "incus": "Incus"}
#: Device types, and the tables of their properties.
DEVICES = {
    "nic": (devices.NIC,), "disk": (devices.DISK,), "proxy": (devices.PROXY,), "gpu": (devices.GPU,),
    "unix-char": (devices.UNIX,), "unix-block": (devices.UNIX,), "unix-hotplug": (devices.UNIX_HOTPLUG,),
    "usb": (devices.USB,), "pci": (devices.PCI,), "tpm": (devices.TPM,), "infiniband": (devices.INFINIBAND,),
    "none": (),
}  # fmt: skip
NICS = ("bridged", "macvlan", "sriov", "physical", "ovn", "p2p", "ipvlan", "routed")
_NIC_TABLES = {"ipvlan": (devices.NIC_IPVLAN,), "routed": (devices.NIC_ROUTED,)}
_NETWORKS = {
    "bridge": networks.BRIDGE, "macvlan": networks.MACVLAN, "ovn": networks.OVN,
    "physical": networks.PHYSICAL, "sriov": networks.SRIOV,
}  # fmt: skip
_POOLS = {
    "alletra": pools.ALLETRA, "btrfs": pools.BTRFS, "ceph": pools.CEPH, "cephfs": pools.CEPHFS,
    "cephobject": pools.CEPHOBJECT, "dir": pools.DIR, "linstor": pools.LINSTOR, "lvm": pools.LVM,
    "lvmcluster": pools.LVM, "powerflex": pools.POWERFLEX, "powerstore": pools.POWERSTORE, "pure": pools.PURE,
    "truenas": pools.TRUENAS, "zfs": pools.ZFS,
}  # fmt: skip
_VOLUME_KEYS = "\n".join(f"volume.{line}" for line in pools.VOLUME.split("\n") if line)
#: The properties without which a device is refused. Of several in one entry, one is enough.
_NEEDED = {
    "proxy": (("listen",), ("connect",)),
    "unix-char": (("source", "path"),),
    "unix-block": (("source", "path"),),
    "unix-hotplug": (("vendorid", "productid"),),
    "infiniband": (("nictype",), ("parent",)),
    "pci": (("address",),),
}
_NICS_WITH_PARENT = ("bridged", "macvlan", "sriov", "physical", "ipvlan")


def texts_of(kind: str, sort: str) -> tuple[str, ...]:
    """The tables for the config of a kind, and of the type or driver `sort` of it; none where that is not known."""
    if kind in ("instance", "profile"):
        return (instances.INSTANCE,)
    if kind == "network":
        return (_NETWORKS[sort],) if sort in _NETWORKS else ()
    if kind == "storage_pool":
        return (_POOLS[sort], pools.POOL, _VOLUME_KEYS) if sort in _POOLS else ()
    if kind == "storage_volume":
        return (pools.VOLUME, pools.OF_USERS)
    return {"project": (servers.PROJECT,), "server": (servers.SERVER,)}.get(kind, ())


def changed(before: Config | None, after: Config | None) -> Config:
    """The keys that have another value afterwards, without those that are unset."""
    return {key: value for key, value in (after or {}).items() if value and value != (before or {}).get(key)}


# -- keys and values --------------------------------------------------------------------------------------------------


def unknown_keys(product: str, texts: tuple[str, ...], written: Config) -> list[str]:
    """The keys that the product does not know."""
    known = table(product, *texts)
    return [key for key in written if known.notation(key) is None]


def warning(product: str, texts: tuple[str, ...], option: str, key: str) -> str:
    """A sentence about a key that the product does not know, with the nearest one that it knows."""
    words = f"{option}.{key}: this key is not among those that {PRODUCTS[product]} is known to have."
    for other in PRODUCTS:
        if other != product and table(other, *texts).notation(key):
            words = f"{option}.{key}: this key belongs to {PRODUCTS[other]}, and this server is {PRODUCTS[product]}."
    near = nearest(key, table(product, *texts))
    return f"{words} {f'Did you mean {near!r}? ' if near else ''}The server may refuse it."


def nearest(key: str, known: Table) -> str:
    """The key of a table that a misspelled one is nearest to; empty where none is near."""
    near = difflib.get_close_matches(key, known.exact, n=1, cutoff=0.75)
    return near[0] if near else ""


def wrong_values(product: str, texts: tuple[str, ...], option: str, written: Config) -> list[str]:
    """Errors of the values that are not of the type of their key."""
    known = table(product, *texts)
    errors = []
    for key, value in written.items():
        notation = known.notation(key)
        if notation and not types.is_of(notation, str(value)):
            near = difflib.get_close_matches(str(value), types.literals(notation), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            errors.append(f"{option}.{key}: '{_short(str(value))}' is not {types.words_of(notation)}.{hint}")
    return errors


def _short(value: str) -> str:
    """A value on one line: the first line of a text with several."""
    lines = value.strip().split("\n")
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


#: Keys with data for cloud-init.
_USER_DATA = ("cloud-init.user-data", "cloud-init.vendor-data", "user.user-data", "user.vendor-data")
#: How data begins that cloud-init knows. It ignores spaces before that, and takes any case.
_STARTS = ("#cloud-config", "#!", "#include", "#cloud-boothook", "#part-handler", "## template:", "#upstart-job")


def ignored_user_data(texts: tuple[str, ...], option: str, written: Config) -> list[str]:
    """Sentences about data that cloud-init ignores, because of its first line."""
    return [
        f"{option}.{key}: the first line is none that cloud-init knows, so it ignores the whole. Begin YAML with the "
        "line '#cloud-config', and a script with '#!'."
        for key in (_USER_DATA if instances.INSTANCE in texts else ())
        if not _is_known(str(written.get(key) or "").strip().lower())
    ]


def _is_known(data: str) -> bool:
    """Whether cloud-init knows what data is. MIME is found anywhere near its beginning."""
    return not data or data.startswith(_STARTS) or "mime-version:" in data[:4096]


# -- devices ----------------------------------------------------------------------------------------------------------


def device_texts(device: Config) -> tuple[str, ...]:
    """The tables for the properties of a device; none where its type is not known."""
    sort = str(device.get("type"))
    own = _NIC_TABLES.get(str(device.get("nictype")), ()) if sort == "nic" else ()
    return (*own, *DEVICES[sort], devices.DEVICE) if sort in DEVICES else ()


def changed_devices(before: Config | None, after: Config | None) -> list[tuple[str, Config, Config]]:
    """Name, whole device and changed properties of the devices that are new or have changed."""
    found = []
    for name, device in (after or {}).items():
        old = (before or {}).get(name) or {}
        if device and device != old:
            same = {key: device.get(key) == old.get(key) for key in ("type", "nictype")}
            found.append((name, device, changed(old if all(same.values()) else {}, device)))
    return found


def wrong_device(product: str, name: str, device: Config, written: Config) -> list[str]:
    """Errors of one device: its type, the properties that it needs, their values, and what does not go together."""
    option, sort = f"devices.{name}", device.get("type") or ""
    if sort not in DEVICES:
        return [f"{option}.type: '{sort}' is not a type of device. {_one_of(sort, list(DEVICES))}"]
    errors = wrong_values(product, device_texts(device), option, written)
    errors += [_lacks(option, sort, needed) for needed in _NEEDED.get(sort, ()) if not any(map(device.get, needed))]
    if sort == "nic":
        errors += _wrong_nic(option, device)
    if sort == "disk":
        errors += _wrong_disk(option, device)
    return errors


def _lacks(option: str, sort: str, needed: tuple[str, ...]) -> str:
    return f"{option}.{needed[0]}: a device of type {sort} needs {' or '.join(map(repr, needed))}."


def _one_of(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(known))}."


def _wrong_nic(option: str, device: Config) -> list[str]:
    nictype, network = device.get("nictype") or "", device.get("network")
    if network:
        return []
    if not nictype:
        return [f"{option}.network: a NIC needs 'network', or 'nictype' and what that needs."]
    if nictype not in NICS:
        return [f"{option}.nictype: '{nictype}' is not a type of NIC. {_one_of(nictype, list(NICS))}"]
    if nictype == "ovn":
        return [f"{option}.network: a NIC of nictype ovn needs 'network'."]
    if nictype in _NICS_WITH_PARENT and not device.get("parent"):
        return [f"{option}.parent: a NIC of nictype {nictype} needs 'parent', or 'network' instead of both."]
    return []


def _wrong_disk(option: str, device: Config) -> list[str]:
    path, pool, source = (str(device.get(key) or "") for key in ("path", "pool", "source"))
    if path == "/":
        errors = [] if pool else [f"{option}.pool: a root disk needs 'pool', the storage pool that it is in."]
        return errors + ([f"{option}.source: a root disk (path: /) has no 'source'."] if source else [])
    if not source:
        return [f"{option}.source: a disk that is not the root disk (path: /) needs 'source'."]
    if not pool and not source.startswith("/") and ":" not in source:
        words = "a path of the host begins with a slash, and a volume needs 'pool' beside it."
        return [f"{option}.source: '{source}' is neither a path nor a volume: {words}"]
    if device.get("size") and not source.startswith("tmpfs"):
        return [f"{option}.size: only the root disk (path: /) has a size."]
    return []


def same_paths(before: Config | None, after: Config | None) -> list[str]:
    """Errors of disks that are mounted at the path of another disk of the same object, such as a second root disk."""
    touched = {name for name, _device, _written in changed_devices(before, after)}
    places: dict[str, list[str]] = {}
    for name, device in (after or {}).items():
        if device and device.get("type") == "disk" and device.get("path"):
            places.setdefault(str(device["path"]), []).append(name)
    return [
        f"devices.{shared[-1]}.path: the disks {_and(shared)} have the same path '{path}'. "
        + ("An instance has one root disk." if path == "/" else "Give them different ones.")
        for path, shared in places.items()
        if len(shared) > 1 and touched & set(shared)
    ]


def roots(given: list[tuple[str, Config]], own: Config | None) -> dict[str, str]:
    """The root disks of an instance with the devices of its profiles (name, devices): names, and where each is from."""
    origin: dict[str, str] = {}
    devices_: Config = {}
    for place, some in [*((f"profile '{name}'", found) for name, found in given), ("the instance", own or {})]:
        for name, device in some.items():
            origin[name], devices_[name] = place, device
    return {name: origin[name] for name, device in devices_.items() if _is_root(device)}


def not_one_root(found: dict[str, str], profiles: list[str], project: str | None = None) -> str:
    """An error of an instance with no root disk or with several; empty where it has one."""
    if len(found) > 1:
        listed = _and([f"{name} ({place})" for name, place in found.items()])
        return (
            f"devices: there would be {len(found)} root disks: {listed}. An instance has one: give the device the same "
            "name to override it, or set its type to none."
        )
    if found:
        return ""
    inside = f" of the project '{project}'" if project not in (None, "default") else ""
    listed = f", and none of its profiles{inside} ({', '.join(profiles)}) has one" if profiles else ""
    return (
        f"devices: there would be no root disk{listed}. Give it one with pool: NAME, or with a device of type disk "
        "with path: / and pool."
    )


def _is_root(device: Config | None) -> bool:
    return bool(device) and (device or {}).get("type") == "disk" and (device or {}).get("path") == "/"


def _and(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"
