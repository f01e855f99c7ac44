# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a daemon keeps, as a dictionary: enough of the API for plans to be made and applied without a daemon."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from typing import Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import BY_NAME

#: What the daemons add to a new object of a collection.
DEFAULTS = {
    "/1.0/profiles": {"description": "", "config": {}, "devices": {}, "used_by": []},
    "/1.0/projects": {
        "description": "",
        "config": {"features.images": "true", "features.profiles": "true"},
        "used_by": [],
    },
    "/1.0/networks": {
        "description": "",
        "config": {},
        "managed": True,
        "type": "bridge",
        "status": "Created",
        "used_by": [],
    },
    "/1.0/storage-pools": {"description": "", "config": {}, "status": "Created", "used_by": []},
    "/1.0/instances": {
        "description": "",
        "config": {},
        "devices": {},
        "profiles": ["default"],
        "ephemeral": False,
        "status": "Stopped",
        "type": "container",
    },
}
#: Collections besides those with defaults.
OTHERS = re.compile(
    r"/1\.0/(networks/[^/]+/(forwards|load-balancers|peers)|network-zones/[^/]+/records"
    r"|network-(acls|zones|address-sets|integrations)"
    r"|auth/(groups|identity-provider-groups|identities/(tls|oidc|bearer))|cluster/links)"
)
SERVER = {
    "api_extensions": ["instance_pool_move"],
    "auth": "trusted",
    "config": {},
    "environment": {
        "server": "lxd",
        "server_version": "6.1",
        "storage_supported_drivers": [{"Name": "dir"}, {"Name": "btrfs"}],
    },
}


def etag_of(obj: dict) -> str:
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).hexdigest()


def is_collection(path: str) -> bool:
    return path in DEFAULTS or bool(OTHERS.fullmatch(path))


class Memory:
    """Objects by path. A PUT replaces what it names, a PATCH merges, a POST to a collection creates, one to an object
    renames.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict] = {"/1.0": copy.deepcopy(SERVER)}

    def put(self, path: str, **obj: Any) -> None:
        collection, _slash, name = path.rpartition("/")
        self.objects[path] = {"name": name, **copy.deepcopy(DEFAULTS.get(collection, {})), **obj}

    def handle(self, method: str, path: str, body: Any = None, etag: str | None = None) -> tuple:
        """Error code or 200, metadata or the words of the error, ETag."""
        found = self.objects.get(path)
        if method == "GET" and is_collection(path):
            return 200, [one for one in self.objects if one.rpartition("/")[0] == path], None
        if method == "POST" and is_collection(path):
            name = body.get("name") or body["listen_address"]
            if f"{path}/{name}" in self.objects:
                return 409, f"The {path.rpartition('/')[2]} entry already exists", None
            self.put(f"{path}/{name}", **body)
            return 200, None, None
        if found is None:
            return 404, "Not Found", None
        if method == "GET":
            return 200, copy.deepcopy(found), etag_of(found)
        if etag and etag != etag_of(found):
            return 412, f"ETag doesn't match: {etag} vs {etag_of(found)}", None
        if method == "PATCH":  # a map of the daemon's keys is merged, and an empty value unsets one
            found["config"] = {key: value for key, value in {**found["config"], **body["config"]}.items() if value}
        elif method == "PUT":
            found.update(copy.deepcopy(body))
        elif method == "DELETE":
            del self.objects[path]
        else:
            self.objects[f"{path.rpartition('/')[0]}/{body['name']}"] = {**self.objects.pop(path), "name": body["name"]}
        return 200, None, None


class MemoryClient(Client):
    """A client whose requests are answered from memory. `trouble` is raised by the next writes, in turn."""

    label = "lxd 6.1 at memory"
    implementation = "lxd"
    clustered = False

    def __init__(self, memory: Memory, read_only: bool = False) -> None:
        super().__init__(Transport("unix:///memory"), 60, read_only)
        self.memory, self.hidden = memory, BY_NAME
        self.writes: list[str] = []
        self.trouble: list[Exception | None] = []
        self.after_trouble = False  # whether a write that raises has been done all the same

    @property
    def server(self) -> dict:
        return self.memory.objects["/1.0"]

    def get(self, path: str, **query: Any) -> Reply:
        code, metadata, etag = self.memory.handle("GET", path)
        if code != 200:
            raise ServerError(f"{metadata} (error {code})", code, metadata)
        if query.get("recursion") and isinstance(metadata, list):
            metadata = [copy.deepcopy(self.memory.objects[url]) if isinstance(url, str) else url for url in metadata]
        return Reply(metadata, etag, None)

    def find(self, path: str, **query: Any) -> Reply | None:
        return self.get(path, **query) if self.memory.handle("GET", path)[0] == 200 else None

    def names(self, path: str, **_query: Any) -> list[str]:
        code, metadata, _etag = self.memory.handle("GET", path)
        return [url.rpartition("/")[2] for url in metadata] if code == 200 else []

    def has(self, extension: str) -> bool:
        return extension in self.server["api_extensions"]

    def require(self, extension: str, what: str) -> None:
        assert self.has(extension), f"{what} needs {extension}"

    def write(self, method: str, path: str, body: Any = None, etag: str | None = None, **_query: Any) -> Any:
        if self.read_only:
            raise LXDError(f"{method} {path} in check mode")
        json.dumps(body)
        self.writes.append(f"{method} {path}")
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble and not self.after_trouble:
            raise trouble
        code, metadata, _etag = self.memory.handle(method, path, body, etag)
        if trouble:
            raise trouble
        if code == 412:
            raise Interrupted(metadata)
        if code != 200:
            raise ServerError(f"{metadata} (error {code})", code, metadata)
        return metadata


def params_of(kind: type[Resource], **given: Any) -> dict[str, Any]:
    """Module parameters as Ansible hands them over: defaults filled in, None for what was not written."""
    spec = kind.argument_spec()
    assert set(given) <= {*spec, "project", "target"}
    return {
        "project": None,
        "target": None,
        **{option: entry.get("default") for option, entry in spec.items()},
        **given,
    }
