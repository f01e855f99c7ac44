# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What tokens have in common: trust tokens and join tokens are pending operations until they are used, and others are
shown once, in the answer to the request that makes them.
"""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from .._api.client import Client
from .._api.errors import LXDError
from .._api.operations import OPERATION_RUNNING
from .._api.reader import Reader
from .._engine import values
from .._engine.plans import Existing
from .._engine.resource import Resource

#: A token that expires within this time is treated as expired, since it has yet to be used.
MARGIN = datetime.timedelta(minutes=5)


def pending(client: Reader) -> list[dict[str, Any]]:
    """The operations of tokens that can still be used."""
    groups = client.get("/1.0/operations", recursion=1).metadata or {}
    operations = [operation for group in groups.values() for operation in group]
    return [
        one
        for one in operations
        if one.get("class") == "token" and one.get("status_code") in OPERATION_RUNNING and not _over(one)
    ]


def revoke(client: Client, operation: str) -> None:
    client.write("DELETE", f"/1.0/operations/{operation}")


def shown(operation: dict[str, Any], field: str, name: str) -> dict[str, Any]:
    """A token as the daemon's own client prints it. `field` is the client's key for the name that the token is for."""
    data = operation["metadata"]
    content = {
        field: name,
        "fingerprint": data["fingerprint"],
        "addresses": data["addresses"],
        "secret": data["secret"],
    }
    if data.get("expiresAt"):
        content["expires_at"] = data["expiresAt"]
    return {
        "id": operation["id"],
        "name": name,
        "token": encoded(content),
        "addresses": data["addresses"],
        "expires_at": data.get("expiresAt"),
    }


def encoded(content: dict[str, Any]) -> str:
    """A token as clients take it."""
    return base64.b64encode(json.dumps(content).encode()).decode()


class ShownOnce(Resource):
    """A kind with requests whose answer has a token, which the server never shows again.

    :ivar token: the token that this run was given; empty once it has asked for one, and None before that
    """

    returned_secrets = ("token",)
    token: str | None = None

    def offered(self, path: str, body: dict[str, Any]) -> None:
        """`POST` a request, and keep the token of the answer: text, or what `encoded` takes."""
        self.token = ""
        made = self.writer.write("POST", path, body)
        self.token = encoded(made) if "secret" in made else made["token"]

    def after_apply(self, found: Existing | None) -> dict[str, Any] | None:
        if not found or self.token is None:
            return None
        if not self.token:
            raise LXDError(
                f"{self.kind} '{self.name}' on {self.client.label}: the answer with the token was lost, and the server "
                "does not show it again. Delete it with state: absent, and run this task again."
            )
        return {**found.object, "token": self.token}


def _over(operation: dict[str, Any]) -> bool:
    """Whether a token has expired, or soon will: within `MARGIN`, or within half of its life if that is shorter."""
    end, made = (
        values.instant(name, text)
        for name, text in (
            ("expiresAt", operation["metadata"].get("expiresAt")),
            ("created_at", operation["created_at"]),
        )
    )
    if not end or not made:
        return False
    return end - min(MARGIN, (end - made) / 2) < datetime.datetime.now(datetime.timezone.utc)
