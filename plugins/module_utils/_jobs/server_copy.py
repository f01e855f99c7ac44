# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `server_copy`: what another server has but its instances and volumes, created where it is lacking, and the
groups in which these can be moved.
"""

from __future__ import annotations

from typing import Any, Iterator

from .._api.client import Client, quote
from .._api.errors import InvalidInput, did_you_mean
from .._engine import values
from .._kinds import _other_server as servers
from .._kinds._copied import MOVED, Mark
from .._kinds.instances._power import RUNNING, normalize_status
from .._kinds.instances.instance import Instance
from .._kinds.storage.storage_volume import StorageVolume
from .._stack.document import Document
from .._stack.planner import StackOptions
from .._stack.run import run_stack
from .._stack.view import PROJECTS, View
from .backup_manifest import Item
from .backup_selection import attached, instances_of, named, volumes_of
from .copied_document import CopiedDocument, Names
from .lacking import lacking, placed
from .registry import KINDS


class ServerCopy:
    """A server that has what another one has."""

    spec: dict[str, dict[str, Any]] = {
        "source": {"type": "dict", "required": True, "options": {"server": {"type": "dict", "required": True}}},
        "projects": {"type": "list", "elements": "str"},
        "kinds": {"type": "list", "elements": "str"},
        "include": {"type": "list", "elements": "str"},
        "exclude": {"type": "list", "elements": "str"},
        "pools": {"type": "dict"},
        "networks": {"type": "dict"},
        "parallel": {"type": "int", "default": 8},
    }

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        if not 1 <= params["parallel"] <= 64:
            raise InvalidInput(f"parallel: {params['parallel']} is no number of changes at a time; it is 1 to 64.")
        wrong = [name for name in params["kinds"] or () if name not in KINDS or not KINDS[name].stackable]
        if wrong:
            raise InvalidInput(f"kinds: there is no '{wrong[0]}'. {did_you_mean(wrong[0], list(KINDS))}")
        return _Work(client, params).result(check_mode)


class _Work:
    """The work of one task."""

    def __init__(self, client: Client, params: dict[str, Any]) -> None:
        self.client, self.params = client, params
        servers.check_source(params["source"], ())
        self.other = servers.other_server(client, params["source"])
        servers.check_trust(self.other)
        servers.check_other(client, self.other)
        servers.check_product(client, self.other, "instance", "pull")
        self.there, self.here = View(self.other, KINDS), View(client, KINDS)
        self.names = Names(self._named("pools", "/1.0/storage-pools"), self._named("networks", "/1.0/networks"))

    def _named(self, option: str, path: str) -> dict[str, str]:
        """Other names for pools or networks.

        :raises InvalidInput: for one that does not exist
        """
        given = {str(old): str(new) for old, new in (self.params[option] or {}).items()}
        if given:
            for label, known, wanted in (
                (self.other.label, self.other.names(path), list(given)),
                (self.client.label, self.client.names(path), list(given.values())),
            ):
                for name in wanted:
                    if name not in known:
                        raise InvalidInput(f"{option}: there is no '{name}' on {label}. {did_you_mean(name, known)}")
        return given

    def result(self, check_mode: bool) -> dict[str, Any]:
        source = self.params["source"]
        document = CopiedDocument(self.there, self.here, self.names, source, self.params)
        definition = lacking(self.client, placed(self.client, document.definition), self.other.label)
        groups, left = _Groups(self).found()
        done = run_stack(
            self.client,
            KINDS,
            StackOptions(),
            [Document(f"of {self.other.label}", definition, {})],
            check_mode,
            parallel=self.params["parallel"],
        )
        kept = ("changed", "actions", "steps", "diff", "warnings", "plan_lines", "summary")
        environment = self.other.server.get("environment") or {}
        copied = {
            "server": {
                "implementation": self.other.implementation,
                "version": environment.get("server_version"),
                "name": environment.get("server_name"),
            },
            "groups": groups,
            "left_out": [*document.left_out, *left],
        }
        return {**{name: done[name] for name in kept}, "server_copy": copied}


class _Groups:
    """The instances and volumes of the other server, in groups: those that share a volume are in one."""

    def __init__(self, work: _Work) -> None:
        self.there, self.here, self.names, self.params = work.there, work.here, work.names, work.params
        self.left: list[dict[str, str]] = []

    def found(self) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        chosen = self._chosen(volumes_of(self.there))
        volumes = {(item.project, item.label, item.member): (item, obj) for item, obj in chosen}
        groups: list[tuple[set[tuple[str, str, str]], list[tuple[Item, dict[str, Any]]]]] = []
        for item, obj in self._chosen(instances_of(self.there)):
            used = {place for place in attached(self.there, item, obj) if place in volumes}
            members = [(item, obj)]
            for group in [group for group in groups if group[0] & used]:
                used, members = used | group[0], [*group[1], *members]
                groups.remove(group)
            groups.append((used, members))
        alone = set(volumes) - {place for used, _members in groups for place in used}
        groups += [({place}, []) for place in sorted(alone)]
        return [self._group([volumes[place] for place in sorted(used)], members) for used, members in groups], self.left

    def _chosen(self, found: Iterator[tuple[Item, dict[str, Any]]]) -> Iterator[tuple[Item, dict[str, Any]]]:
        """What the options choose. What is left out says so, unless it is of another project."""
        for item, obj in found:
            why = ""
            if self.params["projects"] and item.project not in self.params["projects"]:
                continue
            if not named(item, self.params["include"] or ["*"]):
                why = "include"
            elif named(item, self.params["exclude"] or []):
                why = "exclude"
            elif obj.get("content_type") == "iso":
                why = "it is an ISO image: upload the file to the other server"
            if why:
                self.left.append({"kind": item.kind, "name": item.label, "project": item.project, "reason": why})
            else:
                yield item, obj

    def _group(
        self, volumes: list[tuple[Item, dict[str, Any]]], members: list[tuple[Item, dict[str, Any]]]
    ) -> dict[str, Any]:
        instances = [self._instance(item, obj, volumes) for item, obj in members]
        shown = [self._volume(item) for item, _obj in volumes]
        first = [*(item for item, _obj in members), *(item for item, _obj in volumes)][0]
        return {
            "name": first.title,
            "moved": all(one["moved"] for one in [*instances, *shown]),
            "instances": instances,
            "volumes": shown,
        }

    def _instance(self, item: Item, obj: dict[str, Any], volumes: list[tuple[Item, dict[str, Any]]]) -> dict[str, Any]:
        own = obj.get("devices") or {}
        devices = self.names.devices(own)
        places = {(volume.names["pool"], volume.names["volume"]) for volume, _obj in volumes}
        disks = {
            name: {**device, **devices.get(name, {})}
            for name, device in own.items()
            if (device.get("pool"), str(device.get("source") or "").partition("/")[0]) in places
        }
        inherited = set(obj.get("expanded_devices") or {}) - set(own)
        config = obj.get("config") or {}
        running = normalize_status(obj["status"]) == RUNNING
        return {
            "name": item.label,
            "project": item.project,
            "type": obj["type"],
            "ran": running or config.get(values.MOVING) == "started",
            "moved": self._has_moved(Instance, Instance.path, item.project, item.label),
            "devices": {**devices, **disks},
            "devices_before": {**devices, **dict.fromkeys(disks)},
            "with_volumes_of_profiles": any(
                (device.get("pool"), str(device.get("source") or "").partition("/")[0]) in places
                for name, device in (obj.get("expanded_devices") or {}).items()
                if name in inherited
            ),
        }

    def _volume(self, item: Item) -> dict[str, Any]:
        pool, name = item.names["pool"], item.names["volume"]
        new = self.names.pools.get(pool, pool)
        path = StorageVolume.path.format(pool=quote(new))
        has_pool = new in self.here.names("/1.0/storage-pools")
        moved = has_pool and self._has_moved(StorageVolume, path, item.project, name)
        return {"pool": new, "name": name, "project": item.project, "source_pool": pool, "moved": moved}

    def _has_moved(self, kind: Any, path: str, project: str, name: str) -> bool:
        """Whether this server has it, and the move has ended."""
        if project not in self.here.names(PROJECTS):
            return False
        found = self.here.find(f"{path}/{quote(name)}", project=project)
        mark = Mark.read(found.metadata) if found else None
        return mark is not None and mark.state == MOVED
