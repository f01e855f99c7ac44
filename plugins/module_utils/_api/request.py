# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One request to the API, as bytes and headers."""

from __future__ import annotations

import json
import urllib.parse
from typing import IO, Any, NamedTuple

from .transport import Sink


def with_query(path: str, query: dict[str, Any]) -> str:
    """A path with its query. Parameters that are None or empty are left out."""
    given = {key: value for key, value in query.items() if value not in (None, "")}
    return path + ("?" + urllib.parse.urlencode(given) if given else "")


class Request(NamedTuple):
    """A request that can be sent as often as needed, unless `streamed`: of a stream nothing is left after one attempt.

    `url` is `path` with its query. `slack` is how many seconds the server may hold the answer back. `sink` takes the
    contents of a file, see `transport.Sink`.
    """

    method: str
    path: str
    url: str
    data: Any
    headers: dict[str, str]
    streamed: bool
    slack: float
    sink: Sink | None

    @classmethod
    def made(
        cls,
        method: str,
        path: str,
        body: Any,
        etag: str | None,
        headers: dict[str, str] | None,
        stream: IO[bytes] | None,
        query: dict[str, Any] | None,
        slack: float,
        sink: Sink | None,
    ) -> Request:
        """A request from the parameters of `Client.request`. A `body` that is not None is sent as JSON."""
        sending = dict(headers or {})
        if etag:
            sending["If-Match"] = etag
        data: Any = stream
        if body is not None:
            sending.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode()
        return cls(method, path, with_query(path, query or {}), data, sending, stream is not None, slack, sink)

    def timeout(self, left: float) -> float:
        """The seconds for one attempt, if the task has `left` seconds. An answer that the server holds back gets one
        second more, so that the server ends the wait.
        """
        return min(left + (1.0 if self.slack else 0.0), 120.0 + self.slack)
