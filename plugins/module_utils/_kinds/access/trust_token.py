# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Tokens with which a client gains the trust of the server."""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput
from ..._engine.plans import Existing
from .. import _tokens as tokens
from ._limited import LIMITS, Limited, refuse_unlimited


class TrustToken(Limited):
    """`POST /1.0/certificates` creates a token; it is a pending operation of the class token until it is used."""

    kind = "trust_token"
    stackable = False
    listed = False
    path = "/1.0/certificates"
    extension = "certificate_token"
    fields = LIMITS
    scoped = False
    returned_secrets = ("token",)

    def _pending(self) -> list[dict[str, Any]]:
        return [
            one
            for one in tokens.pending(self.client)
            if (one["metadata"].get("request") or {}).get("name") == self.name
        ]

    def fetch(self, name: str) -> Existing | None:
        """A usable token with this name. If there are several, which the daemon's own client allows, one with other
        rights than are wanted.
        """
        found = []
        for operation in self._pending():
            request = operation["metadata"]["request"]
            limits = {field.key: request.get(field.key) for field in LIMITS}
            agrees = all(
                field.equal(limits[field.key], self.wanted[field.key]) for field in LIMITS if field.key in self.wanted
            )
            found.append((agrees, {**tokens.shown(operation, "client_name", name), **limits}))
        return Existing(min(found, key=lambda pair: pair[0])[1], None, name) if found else None

    def create_body(self) -> dict[str, Any]:
        body = super().create_body()
        refuse_unlimited(body, self.wanted)
        return body

    def create(self, body: dict[str, Any]) -> None:
        self.writer.write("POST", self.path, {"type": "client", "token": True, **body}, wait=False)

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        """Revoke the pending tokens and create another: the rights of a token cannot be changed."""
        self.delete()
        self.create({"name": self.name, **{field.key: body[field.key] for field in LIMITS}})

    def delete(self) -> None:
        for operation in self._pending():
            tokens.revoke(self.writer, operation["id"])

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        if not self.client.server.get("environment", {}).get("addresses"):
            raise InvalidInput(
                f"{self.client.label} does not listen on the network, where tokens are used: set core.https_address "
                "with cloudhost.lxd.server."
            )
        self.check_known("projects", new.get("projects") or [], "/1.0/projects")
