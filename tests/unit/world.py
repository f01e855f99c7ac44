# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A daemon in memory that is as strict as a real one about what stacks rely on: projects, references, and what is in
use.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import urllib.parse
from typing import Any, Callable

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import BY_NAME
from ansible_collections.cloudhost.lxd.tests.unit.memory import SERVER, etag_of

BLANK: dict[str, dict] = {
    "projects": {"description": "", "config": {}},
    "storage-pools": {"description": "", "config": {}, "driver": "dir", "status": "Created"},
    "networks": {"description": "", "config": {}, "managed": True, "type": "bridge", "status": "Created"},
    "profiles": {"description": "", "config": {}, "devices": {}},
    "instances": {
        "description": "", "config": {}, "devices": {}, "profiles": ["default"], "ephemeral": False,
        "type": "container", "status": "Stopped", "location": "none", "architecture": "x86_64", "stateful": False,
        "expanded_devices": {}, "expanded_config": {},
    },
    "snapshots": {"expires_at": "0001-01-01T00:00:00Z", "stateful": False},
    "network-acls": {"description": "", "config": {}, "ingress": [], "egress": []},
    "forwards": {"description": "", "config": {}, "ports": [], "location": "none"},
    "peers": {"description": "", "config": {}, "status": "Pending"},
}  # fmt: skip
FEATURES = {"profiles": "features.profiles", "networks": "features.networks"}
DEFAULT_FEATURES = {
    "features.profiles": "true",
    "features.images": "true",
    "features.storage.volumes": "true",
    "features.storage.buckets": "true",
}


class Killed(BaseException):
    """kill -9 of whoever writes."""


class Refused(Exception):
    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def name_in(body: dict) -> str:
    """What the body of a request names."""
    return body.get("name") or body.get("listen_address") or ""


class World:
    """`life` is how many writes are done before the writer is killed; `faults` are words to answer a write of a path
    with.

    `meanwhile` are what happens just before a write of a path, and `meet` is where writes wait for others, so that they
    are many at a time.
    """

    def __init__(self) -> None:
        self.server = copy.deepcopy(SERVER)
        self.objects: dict[tuple[str, str], dict] = {}
        self.life: int | None = None
        self.faults: dict[str, str] = {}
        self.meanwhile: dict[str, Callable[[], Any]] = {}
        self.meet: threading.Barrier | None = None
        self.pause = 0.0
        self.writes: list[str] = []
        self.writing = self.most_at_once = 0
        self.lock = threading.RLock()
        self.put("/1.0/projects/default", config={**DEFAULT_FEATURES, "features.networks": "true"})
        self.put("/1.0/profiles/default")

    # -- what there is ------------------------------------------------------------------------------------------------

    def where(self, path: str, project: str | None) -> str:
        """The project in which the object of a path lives."""
        sort = path.split("/")[2]
        if sort in ("projects", "storage-pools"):
            return ""
        if project in (None, "default"):
            return "default"
        found = self.objects.get(("", f"/1.0/projects/{project}"))
        if found is None:
            raise Refused(404, "Project not found")
        return "default" if sort in FEATURES and found["config"].get(FEATURES[sort]) != "true" else str(project)

    def put(self, path: str, project: str | None = None, **obj: Any) -> None:
        collection, _slash, name = path.rpartition("/")
        self.objects[self.where(path, project), path] = {
            "name": name,
            **copy.deepcopy(BLANK[collection.rpartition("/")[2]]),
            **copy.deepcopy(obj),
        }

    def find(self, path: str, project: str | None = None) -> dict | None:
        return self.objects.get((self.where(path, project), path))

    def dump(self) -> dict:
        return {
            "server": copy.deepcopy(self.server["config"]),
            **{f"{project}:{path}": copy.deepcopy(obj) for (project, path), obj in self.objects.items()},
        }

    def listing(self, path: str, project: str | None) -> list[dict]:
        where = self.where(path, project)
        if path.endswith("/snapshots") and (where, path.rpartition("/")[0]) not in self.objects:
            raise Refused(404, "Instance not found")
        return [
            obj for (place, other), obj in self.objects.items() if place == where and other.rpartition("/")[0] == path
        ]

    # -- requests -----------------------------------------------------------------------------------------------------

    def read(self, path: str, query: dict) -> tuple[Any, str | None]:
        with self.lock:
            if path == "/1.0":
                return copy.deepcopy(self.server), etag_of(self.server["config"])
            if path.rpartition("/")[2] in BLANK:
                listed = self.listing(path, query.get("project"))
                told = [
                    self.shown(obj, f"{path}/{obj['name']}", self.where(path, query.get("project"))) for obj in listed
                ]
                return told if query.get("recursion") else [
                    f"{path}/{urllib.parse.quote(obj['name'])}" for obj in listed
                ], None
            found = self.find(path, query.get("project"))
            if found is None:
                raise Refused(404, "Not Found")
            return self.shown(found, path, self.where(path, query.get("project"))), etag_of(found)

    def write(self, method: str, path: str, body: Any, etag: str | None, project: str | None) -> None:
        with self.lock:
            self.writing += 1
            self.most_at_once = max(self.most_at_once, self.writing)
        if self.meet:
            self.meet.wait()
        if self.pause:
            time.sleep(self.pause)
        with self.lock:
            self.writing -= 1
            if self.life is not None:
                self.life -= 1
                if self.life < 0:
                    raise Killed
            name = name_in(body) if method == "POST" and body else ""
            self.writes.append(f"{method} {path}/{name}".rstrip("/"))
            self.meanwhile.pop(f"{path}/{name}" if name else path, lambda: None)()
            words = self.faults.get(f"{path}/{name}" if name else path)
            if words:
                raise Refused(500, words)
            self.change(method, path, body, etag, project)

    def change(self, method: str, path: str, body: Any, etag: str | None, project: str | None) -> None:
        if path == "/1.0":
            self.server["config"] = {
                key: value for key, value in {**self.server["config"], **body["config"]}.items() if value
            }
            return
        if method == "POST":
            self.create(f"{path}/{urllib.parse.quote(name_in(body), safe='')}", body, project)
            return
        if path.endswith("/state"):
            found = self.must(path.rpartition("/")[0], project)
            found["status"] = {"start": "Running", "restart": "Running", "stop": "Stopped"}[body["action"]]
            return
        found = self.must(path, project)
        if etag and etag != etag_of(found):
            raise Refused(412, "ETag doesn't match")
        if method == "DELETE":
            self.delete(path, project)
            return
        new = {**found, **{key: value for key, value in body.items() if key != "used_by"}}
        self.check_references(path, new, project)
        roots = [
            any(device.get("path") == "/" for device in (obj.get("devices") or {}).values()) for obj in (found, new)
        ]
        if roots == [True, False] and self.used(path, project):
            raise Refused(400, "At least one instance relies on this profile's root disk device")
        found.update(copy.deepcopy(new))

    def used(self, path: str, project: str | None) -> bool:
        """Whether an instance has this profile."""
        where, name = self.where(path, project), path.rpartition("/")[2]
        return any(
            name in obj.get("profiles", ()) and self.where(path, place) == where
            for (place, _other), obj in self.objects.items()
        )

    def users(self, path: str, where: str) -> list[tuple[str, str]]:
        """Projects and paths of those that use something. As for a real daemon, an instance uses what its profiles
        bring, of pools only that of its root.
        """
        sort, name = path.split("/")[2], path.rpartition("/")[2]
        key = {"storage-pools": "pool", "networks": "network"}.get(sort, "")
        found = []
        for (place, other), obj in self.objects.items():
            lent = (
                [self.find(f"/1.0/profiles/{profile}", place) or {} for profile in obj.get("profiles", ())]
                if place
                else []
            )
            brought = [device for giver in lent for device in (giver.get("devices") or {}).values()]
            devices = [
                *(obj.get("devices") or {}).values(),
                *(device for device in brought if key != "pool" or device.get("path") == "/"),
            ]
            used = (
                bool(key)
                and any(device.get(key) == name for device in devices)
                and (not place or self.where(path, place) == where)
            )
            used |= sort == "profiles" and name in obj.get("profiles", ()) and self.where(path, place) == where
            used |= sort == "projects" and place == name
            found += [(place, other)] if used else []
        return found

    def shown(self, obj: dict, path: str, where: str) -> dict:
        """An object as the API tells it, with those who use it."""
        if path.split("/")[2] not in ("projects", "storage-pools", "networks", "profiles"):
            return copy.deepcopy(obj)
        users = [
            other + ("" if place in ("", "default") else f"?project={place}")
            for place, other in self.users(path, where)
        ]
        return {**copy.deepcopy(obj), "used_by": users}

    def must(self, path: str, project: str | None) -> dict:
        found = self.find(path, project)
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def create(self, path: str, body: dict, project: str | None) -> None:
        if self.find(path, project) is not None:
            raise Refused(409, "already exists")
        if path.count("/") > 3:
            self.must(path.rpartition("/")[0].rpartition("/")[0], project)
        self.check_references(path, body, project)
        self.put(path, project, **{key: value for key, value in body.items() if key != "source"})
        if "/projects/" in path:
            created = self.objects["", path]
            created["config"] = {**DEFAULT_FEATURES, **created["config"]}
            if created["config"]["features.profiles"] == "true":
                self.put("/1.0/profiles/default", body["name"])

    def check_references(self, path: str, body: dict, project: str | None) -> None:
        for profile in body.get("profiles") or ():
            if self.find(f"/1.0/profiles/{profile}", project) is None:
                raise Refused(400, f"profile {profile} not found")
        for device in (body.get("devices") or {}).values():
            for key, sort in (("pool", "storage-pools"), ("network", "networks")):
                if device.get(key) and self.find(f"/1.0/{sort}/{device[key]}", project) is None:
                    raise Refused(400, f"{key} {device[key]} not found")

    def delete(self, path: str, project: str | None) -> None:
        where = self.where(path, project)
        name = path.rpartition("/")[2]
        sort = path.split("/")[2]
        found = self.objects[where, path]
        if sort == "instances" and found.get("status") == "Running":
            raise Refused(400, "The instance is running")
        if (sort in ("projects", "profiles")) and name == "default":
            raise Refused(403, "The default one cannot be deleted")
        for _place, other in self.users(path, where):
            if not (sort == "projects" and other.endswith("/profiles/default")):
                raise Refused(400, f"The {sort} entry is in use by {other}")
        gone = [key for key in self.objects if key[0] == where and (key[1] == path or key[1].startswith(path + "/"))]
        if sort == "projects":
            gone += [key for key in self.objects if key[0] == name]
        for key in gone:
            del self.objects[key]


class WorldClient(Client):
    """A client whose requests are answered by a `World`."""

    implementation = "lxd"
    clustered = False
    label = "lxd 6.1 at world"

    def __init__(self, world: World, timeout: float = 60, counts: list[str] | None = None) -> None:
        super().__init__(Transport("unix:///world"), timeout)
        self.world, self.hidden = world, BY_NAME
        self.reads: list[str] = [] if counts is None else counts

    def another(self) -> WorldClient:
        client = WorldClient(self.world, counts=self.reads)
        client.deadline = self.deadline
        return client

    @property
    def server(self) -> dict:
        return self.world.server

    def has(self, extension: str) -> bool:
        return extension in self.server["api_extensions"]

    def require(self, extension: str, what: str) -> None:
        if not self.has(extension):
            raise InvalidInput(f"{what} needs {extension}")

    def get(self, path: str, **query: Any) -> Reply:
        self.reads.append(f"GET {path} {query.get('project') or ''}".strip())
        words = self.world.faults.get(f"GET {path}")
        try:
            if words:
                raise Refused(500, words)
            metadata, etag = self.world.read(path, query)
        except Refused as exc:
            raise ServerError(exc.words, exc.code, exc.words) from exc
        return Reply(metadata, etag, None)

    def find(self, path: str, **query: Any) -> Reply | None:
        try:
            return self.get(path, **query)
        except ServerError as exc:
            if exc.code == 404:
                return None
            raise

    def names(self, path: str, **query: Any) -> list[str]:
        return [urllib.parse.unquote(url.rpartition("/")[2]) for url in self.get(path, **query).metadata]

    def write(self, method: str, path: str, body: Any = None, etag: str | None = None, **query: Any) -> Any:
        if self.read_only:
            raise LXDError(f"{method} {path} in check mode")
        json.dumps(body)
        try:
            self.world.write(method, path, body, etag, query.get("project"))
        except Refused as exc:
            if exc.code == 412:
                raise Interrupted(exc.words) from exc
            raise ServerError(exc.words, exc.code, exc.words) from exc
