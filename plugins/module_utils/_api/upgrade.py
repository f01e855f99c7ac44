# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A connection that begins with an HTTP request and goes on with another protocol: SFTP and websockets."""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
import urllib.parse
from typing import Any, NamedTuple

from . import answers
from .client import Client
from .errors import ConnectionFailed
from .http_answer import OddAnswer
from .request import with_query
from .transport import Response, Transport

#: The most bytes of the headers of an answer, and of the text of a refusal.
MOST = 1 << 18
#: The status of an answer after which the connection goes on with the other protocol.
AGREED = 101


class Upgraded(NamedTuple):
    """A connection after the server has agreed. `early` are bytes of the other protocol that came with the answer."""

    sock: socket.socket
    early: bytes
    headers: Any


def connect(client: Client, path: str, protocol: str, **query: Any) -> Upgraded:
    """A connection of its own that goes on with another protocol; the caller closes it. For protocols that only begin
    something when they are spoken, so that the request can be repeated.

    Raises the errors of `Client.request`.
    """

    def send(left: float) -> Upgraded:
        client.requests += 1
        answer = ask(client.transport, with_query(path, query), {"Upgrade": protocol}, left)
        if isinstance(answer, Response):
            envelope = answers.opened(answer, f"GET {path}", client.label, client.url)
            raise client.refusal("GET", path, answer, envelope, False)
        return answer

    return client.answered("GET", path, send)


def ask(transport: Transport, url: str, headers: dict[str, str], timeout: float) -> Upgraded | Response:
    """Send `GET` with `Upgrade` on a new connection, which is the caller's to close. A refusal is a response.

    `timeout` is in seconds, for the request and its answer. Raises `ConnectionFailed`.
    """
    sock = transport.socket(timeout)
    try:
        sock.settimeout(timeout)
        sock.sendall(request(transport, url, headers))
        answer = _answer(sock, time.monotonic() + timeout)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        sock.close()
        permanent = isinstance(exc, OddAnswer)
        raise ConnectionFailed(transport.words(exc), sent=True, permanent=permanent) from exc
    if isinstance(answer, Response):
        sock.close()
    return answer


def request(transport: Transport, url: str, headers: dict[str, str]) -> bytes:
    """`GET` with `Upgrade`, as it is sent."""
    host = urllib.parse.urlsplit(transport.url).netloc or "localhost"
    sent = {"Host": host, "Connection": "Upgrade", **headers}
    lines = [f"GET {url} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def parsed(head: bytes) -> tuple[int, Any]:
    """The status and the headers of an answer. Raises `OddAnswer`."""
    line, _end, fields = head.partition(b"\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3})\b", line)
    if not status:
        raise OddAnswer(f"the answer does not begin as HTTP does ({line[:40]!r})")
    return int(status[1]), http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n"))


def _answer(sock: socket.socket, end: float) -> Upgraded | Response:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(sock, end)
        if len(data) > MOST:
            raise OddAnswer("the headers of the answer have no end")
    head, _blank, rest = data.partition(b"\r\n\r\n")
    status, headers = parsed(head)
    if status == AGREED:
        return Upgraded(sock, rest, headers)
    length = min(int(headers.get("Content-Length") or 0), MOST)
    while len(rest) < length:
        rest += _received(sock, end)
    return Response(status, headers, rest)


def _received(sock: socket.socket, end: float) -> bytes:
    left = end - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    sock.settimeout(left)
    data = sock.recv(1 << 16)
    if not data:
        raise http.client.RemoteDisconnected("")
    return data
