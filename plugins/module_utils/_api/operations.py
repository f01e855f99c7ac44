# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Waiting for operations: what the server works on after it has answered (`/1.0/operations/UUID/wait`)."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Callable, Protocol

from . import answers, messages
from .answers import Reply
from .deadline import Deadline
from .errors import Interrupted, ServerError

#: The longest single wait in seconds; shorter than the idle time-outs of proxies between client and server.
WAIT_SLICE = 60.0
#: The same while somebody watches: each answer says how far the server is.
WATCHED_SLICE = 2.0
#: The most characters of what an operation reports.
_LONGEST_STAGE = 60
#: The status codes of an operation that has not ended:
#: Started, Running, Cancelling, Pending, Starting, Stopping, Freezing.
OPERATION_RUNNING = (101, 103, 104, 105, 106, 107, 109)


class Asker(Protocol):
    """What waiting needs of a client."""

    deadline: Deadline
    on_wait: Callable[[str, str], None] | None

    @property
    def url(self) -> str: ...

    @property
    def label(self) -> str: ...

    def waiting_for(self, words: str = "", detail: str = "") -> None: ...

    def request(self, method: str, path: str, *, query: dict[str, Any] | None = None, slack: float = 0.0) -> Reply: ...


def wait(client: Asker, operation: str) -> dict[str, Any]:
    """Wait until an operation has ended, and return it. Raises `ServerError` if it failed.

    If an operation fails or a wait runs out, Incus 6.0.4 answers with an error envelope, and LXD 5.0.2 with the
    operation, whose `status_code` tells: after an error, the operation itself is read. The server forgets an operation
    some five seconds after its end: then `Interrupted` says that the object must be read.
    """
    path = urllib.parse.urlsplit(operation).path
    while True:
        left = client.deadline.check(f"waiting for {path} of {client.label}")
        span = max(1, int(min(left, WATCHED_SLICE if client.on_wait else WAIT_SLICE)))
        try:
            found = client.request("GET", path + "/wait", query={"timeout": span}, slack=span).metadata
        except ServerError:
            found = _read(client, path)
        state = answers.of_type(dict, client.url, path, found)
        code = state.get("status_code", 0)
        if code == 200:
            return state
        if code not in OPERATION_RUNNING:
            text = state.get("err") or state.get("status") or "it failed without a word"
            if messages.is_transient(text) or messages.lost_a_member(text):
                raise Interrupted(text)
            raise ServerError(text, state.get("err_code", 0), text)
        if client.on_wait:
            client.waiting_for(detail=stage(state.get("metadata")))


def stage(metadata: Any) -> str:
    """What a running operation reports, as in `unpack 45%`; empty if it reports nothing.

    The key of such a report ends with `_progress`. Its text has a percentage and a speed, or only words.
    """
    for key, text in sorted(metadata.items()) if isinstance(metadata, dict) else ():
        if key.endswith("_progress") and isinstance(text, str):
            percent = re.search(r"\d+%", text)
            return f"{key[: -len('_progress')].rpartition('_')[2]} {percent[0]}" if percent else text[:_LONGEST_STAGE]
    return ""


def _read(client: Asker, path: str) -> Any:
    try:
        return client.request("GET", path).metadata
    except ServerError as exc:
        if exc.code == 404:
            raise Interrupted(f"operation {path} vanished before its end was seen") from exc
        raise
