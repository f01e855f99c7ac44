# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The document of a server for another server, perhaps of the other product: without what is bound to its host, in the
keys of the other product, and with other pools and networks.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Mapping, NamedTuple

from .._api.errors import InvalidInput
from .._engine import values
from .._kinds._converted import converted
from .._stack.export import export
from .._stack.view import View
from .registry import KINDS

#: What goes by itself, because it has data, and what belongs to a cluster and its members.
APART = ("instance", "storage_volume", "cluster_group", "cluster_link", "replicator", "placement_group")
#: What is not copied, with the reason.
LEFT = {
    "storage_bucket": "its contents are to be had over S3",
    "storage_bucket_key": "its bucket is not copied",
    "network_peer": "it is a part of a pair of networks: create it on the other server",
    "trust_token": "it is for one use",
}
#: Keys of a server that are about its host or its cluster.
OF_HOST = ("*_address", "cluster.*", "storage.*_volume", "core.trust_password", "volatile.*", "maas.*")
#: Keys of a pool that say where it is on its host.
OF_PLACE = (
    *("source", "volatile.*", "zfs.pool_name", "lvm.vg_name", "lvm.thinpool_name", "source.wipe"),
    *("ceph.osd.pool_name", "ceph.cluster_name", "cephfs.path", "cephfs.cluster_name"),
)
#: Drivers of pools that are not on a host, so that another server cannot create the same again.
REMOTE = ("ceph", "cephfs", "cephobject", "lvmcluster", "linstor", "powerflex", "pure", "alletra", "powerstore")


class Names(NamedTuple):
    """Other names for pools and networks of the server that is copied."""

    pools: Mapping[str, str]
    networks: Mapping[str, str]

    def device(self, device: dict[str, Any] | None) -> dict[str, Any]:
        """The keys of a device that change."""
        if not device:
            return {}
        changed = {}
        if device.get("type") == "disk" and device.get("pool") in self.pools:
            changed["pool"] = self.pools[device["pool"]]
        for key in ("network", "parent"):
            if device.get("type") == "nic" and device.get(key) in self.networks:
                changed[key] = self.networks[device[key]]
        return changed

    def devices(self, devices: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
        """The keys that change, by device."""
        changed = {name: self.device(device) for name, device in (devices or {}).items()}
        return {name: keys for name, keys in changed.items() if keys}


class CopiedDocument:
    """The document of the server `there` for the server `here`.

    :ivar definition: the document
    :ivar left_out: what is not in it, each with kind, name, project and reason
    """

    def __init__(self, there: View, here: View, names: Names, source: dict[str, Any], params: dict[str, Any]) -> None:
        self.there, self.here, self.names, self.source = there, here, names, source
        self.left_out: list[dict[str, str]] = []
        wanted = [kind for kind in params["kinds"] or KINDS if kind not in APART]
        chosen = [name for name in wanted if name in KINDS and KINDS[name].stackable and not KINDS[name].passing]
        whole, _secrets = export(there, KINDS, params["projects"], chosen, with_secrets=True) if chosen else ({}, [])
        sections = {kind.plural(): kind for kind in KINDS.values() if kind.stackable}
        self.definition: dict[str, Any] = {}
        for section, content in whole.items():
            self._take(section, sections[section].kind, content)

    def _take(self, section: str, kind: str, content: Any) -> None:
        if not KINDS[kind].named:
            config = {key: value for key, value in content.items() if not values.matches(key, OF_HOST)}
            config = self._converted(kind, {"config": config, "name": kind})["config"]
            if config:
                self.definition[section] = config
            return
        entries = []
        for entry in content:
            if kind in LEFT:
                self._leave(kind, entry, LEFT[kind])
            elif not KINDS[kind].readable(self.here):
                self._leave(kind, entry, f"{self.here.label} has no such resources")
            elif not self._is_there(kind, entry):
                entries.append(getattr(self, f"_{kind}", lambda same: same)(self._converted(kind, entry)))
        if entries:
            self.definition[section] = entries

    def _is_there(self, kind: str, entry: dict[str, Any]) -> bool:
        """Whether a pool or a network is one of the other server, under another name or the same."""
        given: Mapping[str, str] = {"storage_pool": self.names.pools, "network": self.names.networks}.get(kind, {})
        return entry.get("name") in given

    def _converted(self, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        of, to = self.there.implementation, self.here.implementation
        if of == to:
            return entry
        result, lost = converted(kind, entry, of, to)
        for key in lost:
            self._leave(kind, entry, f"{to} does not know {key}")
        return result

    def _leave(self, kind: str, entry: dict[str, Any], reason: str) -> None:
        name = str(entry.get(KINDS[kind].named_by) or entry.get("name") or "")
        self.left_out.append({"kind": kind, "name": name, "project": entry.get("project") or "", "reason": reason})

    # -- what is odd about a kind -------------------------------------------------------------------------------------

    def _storage_pool(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry.get("driver") in REMOTE and entry["name"] not in self.here.names("/1.0/storage-pools"):
            raise InvalidInput(
                f"pools: storage_pool '{entry['name']}' of {self.there.label} is not on its host (driver "
                f"{entry['driver']}), and two servers cannot share one. Create a pool on {self.here.label}, and name "
                f"it in pools: {{{entry['name']}: NAME}}."
            )
        config = {key: value for key, value in (entry.get("config") or {}).items() if not values.matches(key, OF_PLACE)}
        return {**entry, "config": config}

    def _profile(self, entry: dict[str, Any]) -> dict[str, Any]:
        changed = self.names.devices(entry.get("devices"))
        if not changed:
            return entry
        devices = {name: {**(device or {}), **changed.get(name, {})} for name, device in entry["devices"].items()}
        return {**entry, "devices": devices}

    def _image(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Each image comes from the other server, which has it for sure. It is not updated from there."""
        named = "fingerprint" if _is_fingerprint(entry["name"]) else "alias"
        project = {"project": entry["project"]} if entry.get("project") else {}
        source = {"server": self.source["server"], named: entry["name"], **project}
        return {**{key: value for key, value in entry.items() if key != "auto_update"}, "source": source}


def _is_fingerprint(name: str) -> bool:
    return len(name) == 64 and not fnmatch.fnmatchcase(name, "*[!0-9a-f]*")
