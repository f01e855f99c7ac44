# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Tokens with which a server joins a cluster."""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput
from ..._engine.fields import Field
from ..._engine.plans import Existing
from ..._engine.resource import Resource
from .. import _tokens as tokens
from ._of_cluster import NOT_CLUSTERED


class ClusterToken(Resource):
    """`POST /1.0/cluster/members` creates a token; it is a pending operation of the class token until it is used."""

    kind = "cluster_token"
    stackable = False
    listed = False
    path = "/1.0/cluster/members"
    extension = "clustering_join_token"
    fields: tuple[Field, ...] = ()
    scoped = False
    returned_secrets = ("token",)

    def fetch(self, name: str) -> Existing | None:
        """A token for this name that can still be used."""
        for operation in tokens.pending(self.client):
            if operation["metadata"].get("serverName") == name:
                return Existing(tokens.shown(operation, "server_name", name), None, name)
        return None

    def create(self, body: dict[str, Any]) -> None:
        self.writer.write("POST", self.path, {"server_name": self.name}, wait=False)

    def delete(self) -> None:
        found = self.fetch(self.name)
        if found:
            tokens.revoke(self.writer, found.object["id"])

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not self.client.clustered:
            self.miss(NOT_CLUSTERED.format(self.client.label), "forms the cluster")
        elif self.name in self.client.names(self.path):
            raise InvalidInput(
                f"name: {self.client.label} has a member '{self.name}' already: a token is for a server that is to "
                "join under a free name."
            )
