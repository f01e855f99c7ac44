# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from .. import _values as values
from .._client import RUNNING
from .._errors import InvalidInput
from .._fields import Field
from .._resource import Found, Resource
from .cluster import NOT_CLUSTERED

#: A token that ends within this time is no use to somebody who has yet to join.
MARGIN = datetime.timedelta(minutes=5)


class ClusterToken(Resource):
    """Join tokens: C(POST /1.0/cluster/members) makes one, and it is pending as an operation of the class token until it is used."""

    kind = "cluster_token"
    stackable = False
    listed = False
    path = "/1.0/cluster/members"
    extension = "clustering_join_token"
    fields: tuple[Field, ...] = ()
    scoped = False
    reveals = ("token",)

    def fetch(self, name: str) -> Found | None:
        """A token for this name that can still be used."""
        groups = self.client.get("/1.0/operations", recursion=1).metadata or {}
        for operation in (operation for group in groups.values() for operation in group):
            data = operation.get("metadata") or {}
            pending = operation.get("class") == "token" and operation.get("status_code") in RUNNING
            if pending and data.get("serverName") == name and not _over(data.get("expiresAt")):
                return Found(_token(operation), None)
        return None

    def create(self, body: dict[str, Any]) -> None:
        self.client.write("POST", self.path, {"server_name": self.name}, wait=False)

    def delete(self) -> None:
        found = self.fetch(self.name)
        if found:
            self.client.write("DELETE", f"/1.0/operations/{found.object['id']}")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not self.client.clustered:
            raise InvalidInput(NOT_CLUSTERED.format(self.client.label))
        if self.name in self.client.names(self.path):
            raise InvalidInput(f"name: {self.client.label} has a member '{self.name}' already: a token is for a server that is to join under a free name.")


def _over(expires_at: str | None) -> bool:
    moment = values.instant("expiresAt", expires_at)
    return bool(moment) and moment < datetime.datetime.now(datetime.timezone.utc) + MARGIN  # type: ignore[operator]


def _token(operation: dict[str, Any]) -> dict[str, Any]:
    """The token as `lxc cluster add` prints it, from the operation that stands for it."""
    data = operation["metadata"]
    content = {"server_name": data["serverName"], "fingerprint": data["fingerprint"], "addresses": data["addresses"], "secret": data["secret"]}
    if data.get("expiresAt"):
        content["expires_at"] = data["expiresAt"]
    raw = base64.b64encode(json.dumps(content).encode()).decode()
    return {"id": operation["id"], "name": data["serverName"], "token": raw, "addresses": data["addresses"], "expires_at": data.get("expiresAt")}
