# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What trust tokens and join tokens have in common: both are pending operations until they are used."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from .._api.client import Client
from .._api.operations import OPERATION_RUNNING
from .._api.reader import Reader
from .._engine import values

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
    raw = base64.b64encode(json.dumps(content).encode()).decode()
    return {
        "id": operation["id"],
        "name": name,
        "token": raw,
        "addresses": data["addresses"],
        "expires_at": data.get("expiresAt"),
    }


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
