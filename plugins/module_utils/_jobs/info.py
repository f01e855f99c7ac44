# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Modules that read instances, the server or the cluster, each with one request but the last."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from .._api.client import Client
from .._api.errors import ServerError
from .._kinds.instances._wait import with_addresses


class Collection(NamedTuple):
    """A collection that can be listed.

    :ivar path: its path in the API
    :ivar scoped: whether its objects are in a project
    :ivar key: the key that names an object in it
    :ivar called: whether an object also has another name
    :ivar shown: an object of the listing, as the API shows it alone; None for what is left out
    """

    path: str
    scoped: bool = True
    key: str = "name"
    called: Callable[[dict[str, Any], str], bool] | None = None
    shown: Callable[[dict[str, Any]], dict[str, Any] | None] = dict


def read(client: Client, collection: Collection, params: dict[str, Any], recursion: int = 1) -> list[dict[str, Any]]:
    """All objects of a collection, or those with a name; none found is an empty list."""
    query: dict[str, Any] = {"recursion": recursion, "filter": params.get("filter")}
    if collection.scoped:
        everywhere = params.get("all_projects")
        query["project"] = None if everywhere else params.get("project")
        query["all-projects"] = "true" if everywhere else None
    reply = client.find(collection.path, **query)
    listed = (reply.metadata if reply else None) or []
    if isinstance(listed, dict):  # operations are grouped by status
        listed = [operation for group in listed.values() for operation in group]
    if client.transport.scheme == "https" and (query.get("all-projects") or collection.path == "/1.0/operations"):
        # Incus 6.0 shows a restricted client the profiles of all projects, LXD 5.0 the operations of any.
        known = client.names("/1.0/projects")
        asked = None if query.get("all-projects") else params.get("project") or "default"
        listed = [obj for obj in listed if obj.get("project", asked) in (None, *known)]
    listed = [obj for obj in map(collection.shown, listed) if obj is not None]
    name = params.get("name")
    if not name:
        return listed
    return [
        obj for obj in listed if name == obj.get(collection.key) or (collection.called and collection.called(obj, name))
    ]


class Info:
    """A module that reads: its options, and what it returns."""

    spec: dict[str, dict[str, Any]] = {}

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("a declaration without gather")


SELECTION: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "filter": {"type": "str"},
    "all_projects": {"type": "bool", "default": False},
}


class InstanceInfo(Info):
    """Instances with their state, snapshots and addresses in one request (`recursion=2`)."""

    spec = {**SELECTION, "state_details": {"type": "bool", "default": True}}

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        found = read(client, Collection("/1.0/instances"), params, recursion=2 if params["state_details"] else 1)
        if params["state_details"]:
            found = [with_addresses(instance, instance.get("state") or {}) for instance in found]
        return {"instances": found}


class ServerInfo(Info):
    """`GET /1.0`."""

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        return {"server": client.get("/1.0", target=params["target"]).metadata}


class ClusterInfo(Info):
    """`GET /1.0/cluster`, its members and groups."""

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        cluster = client.get("/1.0/cluster").metadata
        listed: dict[str, list[dict[str, Any]]] = {"members": [], "groups": []}
        try:
            for what in listed:
                listed[what] = read(client, Collection(f"/1.0/cluster/{what}", scoped=False), {})
        except ServerError:  # what a server without a cluster answers. One that is half a member answers
            if cluster.get("enabled"):
                raise
        return {"cluster": cluster, **listed}


class OperationInfo(Info):
    """`GET /1.0/operations`: what the server works on, and the tokens that wait for somebody to use them."""

    spec = {
        "id": {"type": "str"},
        "class": {"type": "str", "choices": ["task", "websocket", "token"]},
        "status": {"type": "str"},
        "resource": {"type": "str"},
        "all_projects": {"type": "bool", "default": False},
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        wanted = [{"all_projects": params["all_projects"], "project": params["project"]}]
        if params["all_projects"] and not client.has("operations_get_query_all_projects"):  # LXD 5.0
            wanted = [{"project": name} for name in client.names("/1.0/projects")]
        collection = Collection("/1.0/operations", key="id")
        found = [one for about in wanted for one in read(client, collection, {**about, "name": params["id"]})]
        return {"operations": [one for one in {one["id"]: one for one in found}.values() if _is_wanted(one, params)]}


def _is_wanted(operation: dict[str, Any], params: dict[str, Any]) -> bool:
    urls = [url for listed in (operation.get("resources") or {}).values() for url in listed or ()]
    resource = params["resource"]
    return (
        params["class"] in (None, operation.get("class"))
        and (params["status"] or "").lower() in ("", str(operation.get("status")).lower())
        and (not resource or any(resource in (url, url.partition("?")[0]) for url in urls))
    )
