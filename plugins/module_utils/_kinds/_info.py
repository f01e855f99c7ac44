# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reading: any kind of resource, in one request a kind."""

from __future__ import annotations

import re
from typing import Any

from .._client import Client, quote
from .._errors import InvalidInput
from ._all import KINDS
from ._wait import with_addresses

#: What can be listed: the collection in the API, and whether it is one of a project. First what there is no kind for.
COLLECTIONS = {
    "instance_backup": ("/1.0/instances/{parent}/backups", True),
    "network_acl": ("/1.0/network-acls", True),
    "network_forward": ("/1.0/networks/{parent}/forwards", True),
    "network_load_balancer": ("/1.0/networks/{parent}/load-balancers", True),
    "network_peer": ("/1.0/networks/{parent}/peers", True),
    "network_zone": ("/1.0/network-zones", True),
    "network_zone_record": ("/1.0/network-zones/{parent}/records", True),
    "operation": ("/1.0/operations", True),
    "storage_bucket": ("/1.0/storage-pools/{parent}/buckets", True),
    "storage_volume": ("/1.0/storage-pools/{parent}/volumes", True),
    "warning": ("/1.0/warnings", True),
    **{kind.kind: (re.sub(r"{\w+}", "{parent}", kind.path), kind.scoped) for kind in KINDS.values() if kind.named and kind.listed and len(kind.parents()) < 2},
}
#: The key that names an object of a kind; C(name) where nothing else is said.
IDENTITY = {
    "network_forward": "listen_address",
    "network_load_balancer": "listen_address",
    "operation": "id",
    "warning": "uuid",
    **{kind.kind: kind.key for kind in KINDS.values()},
}


def read_kind(client: Client, kind: str, params: dict[str, Any], recursion: int = 1) -> list[dict[str, Any]]:
    """All objects of a kind, or those with a name; none found is an empty list."""
    path, scoped = COLLECTIONS[kind]
    if "{parent}" in path:
        if not params.get("parent"):
            raise InvalidInput(f"parent: kind '{kind}' needs the name of what it belongs to, as in /1.0 of the API: {path}.")
        path = path.format(parent=quote(params["parent"]))
    query: dict[str, Any] = {"recursion": recursion, "filter": params.get("filter")}
    if scoped:
        everywhere = params.get("all_projects")
        query["project"] = None if everywhere else params.get("project")
        query["all-projects"] = "true" if everywhere else None
    reply = client.find(path, **query)
    listed = (reply.metadata if reply else None) or []
    if isinstance(listed, dict):  # operations are grouped by status
        listed = [operation for group in listed.values() for operation in group]
    if client.transport.scheme == "https" and (query.get("all-projects") or kind == "operation"):
        # Incus 6.0 shows a restricted client the profiles of all projects, LXD 5.0 the operations of any.
        known = client.names("/1.0/projects")
        asked = None if query.get("all-projects") else params.get("project") or "default"
        listed = [obj for obj in listed if obj.get("project", asked) in (None, *known)]
    name = params.get("name")
    key = IDENTITY.get(kind, "name")
    return [obj for obj in listed if name in (None, "", obj.get(key)) or (kind == "image" and _is_image(obj, name))]


def _is_image(image: dict[str, Any], name: str) -> bool:
    return image["fingerprint"].startswith(name) or any(alias["name"] == name for alias in image.get("aliases") or ())


class Info:
    """A module that reads: its options, and what it returns."""

    spec: dict[str, dict[str, Any]] = {}

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("a declaration without gather")


_SELECTION: dict[str, dict[str, Any]] = {"name": {"type": "str"}, "filter": {"type": "str"}, "all_projects": {"type": "bool", "default": False}}


class InstanceInfo(Info):
    """Instances with their state, snapshots and addresses in one request (C(recursion=2))."""

    spec = {**_SELECTION, "state_details": {"type": "bool", "default": True}}

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        if not params["state_details"]:
            return {"instances": read_kind(client, "instance", params)}
        found = read_kind(client, "instance", params, recursion=2)
        return {"instances": [with_addresses(instance, instance.get("state") or {}) for instance in found]}


class ServerInfo(Info):
    """C(GET /1.0)."""

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        return {"server": client.get("/1.0", target=params["target"]).metadata}


class ClusterInfo(Info):
    """C(GET /1.0/cluster), its members and groups."""

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        cluster = client.get("/1.0/cluster").metadata
        there = cluster.get("enabled")
        read = {kind: read_kind(client, f"cluster_{kind}", {}) if there else [] for kind in ("member", "group")}
        return {"cluster": cluster, "members": read["member"], "groups": read["group"]}


class ResourceInfo(Info):
    """Any kind that can be listed."""

    spec = {**_SELECTION, "kind": {"type": "str", "required": True, "choices": sorted(COLLECTIONS)}, "parent": {"type": "str"}}

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        return {"resources": read_kind(client, params["kind"], params)}
