# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Transfers from one server to another: `source: {type: migration}` on the one that receives, `migration: true` on the
one that sends. One offers an operation with secrets, and the other connects to it.

Secrets are in requests only: no plan, no result, no progress and no error has them.
"""

from __future__ import annotations

import contextlib
import urllib.parse
from typing import Any, NamedTuple

from .._api.client import Client
from .._api.errors import Interrupted, LXDError, ServerError
from .._api.operations import OPERATION_RUNNING
from .._engine.secrets import MASK
from ._other_server import addresses, certificate


class Side(NamedTuple):
    """One of the two servers, and the request that it gets."""

    client: Client
    path: str
    body: dict[str, Any]
    query: dict[str, Any]

    def post(self, more: dict[str, Any], wait: bool = True) -> Any:
        return self.client.write("POST", self.path, {**self.body, **more}, wait=wait, **self.query)


class Offer:
    """An operation that the other server connects to, with its secrets: `GET /1.0/operations/UUID/websocket`."""

    def __init__(self, side: Side, more: dict[str, Any]) -> None:
        self.client = side.client
        operation = side.post(more, wait=False) or {}
        self.path = f"/1.0/operations/{urllib.parse.quote(str(operation.get('id')), safe='')}"
        self.secrets = {key: text for key, text in (operation.get("metadata") or {}).items() if isinstance(text, str)}

    def taken_at(self, address: str) -> dict[str, Any]:
        """What the other server has to know of it."""
        return {"operation": address + self.path, "secrets": self.secrets, "certificate": certificate(self.client)}

    def waits(self) -> bool:
        """Whether nobody has connected to it."""
        with contextlib.suppress(LXDError):
            found = self.client.find(self.path)
            return found is not None and found.metadata.get("status_code") in OPERATION_RUNNING
        return False

    def cancel(self) -> None:
        """End it, and wait for what the server undoes."""
        with contextlib.suppress(LXDError):
            self.client.write("DELETE", self.path)
        with contextlib.suppress(LXDError):
            self.client.wait(self.path)

    def without(self, exc: ServerError, words: str = "") -> ServerError:
        """The same error without the secrets, and with what else is known."""
        text = exc.text
        for secret in self.secrets.values():
            text = text.replace(secret, MASK)
        return ServerError(f"{text}{words}", exc.code, f"{text}{words}")


def pull(here: Side, there: Side, source: dict[str, Any]) -> None:
    """The receiving server connects to the sending one, and waits until all of it is here.

    :param source: more keys of the source
    """
    failures: list[ServerError] = []
    for address in addresses(there.client):
        offer = Offer(there, {})
        taken = {**source, "type": "migration", "mode": "pull", **offer.taken_at(address)}
        try:
            here.post({"source": taken})
            return
        except ServerError as exc:
            words = (
                f" ({here.client.url} could not connect to {address}: with source.mode: push, it is the other one that "
                "connects)"
            )
            failures.append(offer.without(exc, words if offer.waits() else ""))
            offer.cancel()
    raise failures[-1]


def push(here: Side, there: Side, source: dict[str, Any]) -> None:
    """The sending server connects to the receiving one; see `pull`."""
    urls = addresses(here.client)
    offer = Offer(here, {"source": {**source, "type": "migration", "mode": "push"}})
    failures: list[ServerError] = []
    for address in urls:
        try:
            there.post({"target": offer.taken_at(address)})
            break
        except ServerError as exc:
            failures.append(offer.without(exc, f" (of {there.client.label}, which was to connect to {address})"))
    else:
        offer.cancel()
        raise failures[-1]
    try:
        with contextlib.suppress(Interrupted):  # it has ended some time before, and that is what the other one saw
            here.client.wait(offer.path)
    except ServerError as exc:
        raise offer.without(exc) from exc


TRANSFERS = {"pull": pull, "push": push}
