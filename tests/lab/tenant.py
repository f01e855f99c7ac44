# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant who sends what it likes to the API, with its own certificate: no module or client of ours is in between."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import socket
import ssl
from typing import Any, Callable, NamedTuple

from integration.tls import Identity

#: Seconds for an answer, and for an operation.
PATIENCE = 120
#: Of a websocket, in base64: newer servers refuse one that is not 16 bytes long (RFC 6455, 4.1).
KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="


class Answer(NamedTuple):
    """Of a request, or of the operation that it began."""

    refused: bool
    text: str


class Tenant:
    def __init__(self, identity: Identity, address: str, namespace: int, port: int = 8443) -> None:
        """:param namespace: a process in the network namespace in which the address is"""
        self.address, self.namespace, self.port = address, namespace, port
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE  # noqa: S504 - it is the attacker
        self.context.load_cert_chain(identity.cert, identity.key)
        self.connection = _Kept(self)

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        status, answer = self._exchange(method, path, data, headers or {})
        if status == 202 and '"class":"task"' in answer.replace(" ", ""):
            place, _mark, query = json.loads(answer)["operation"].partition("?")  # with the project, of some servers
            status, answer = self._exchange("GET", f"{place}/wait?timeout={PATIENCE}&{query}", None, {})
            ended = json.loads(answer)["metadata"]  # nothing, where Incus answers with the error of the operation
            return Answer(not ended or ended["status_code"] != 200, answer)
        return Answer(status >= 400, answer)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        with contextlib.suppress(BrokenPipeError):  # it was refused before all of it was read
            self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")

    def heard(self, path: str, happens: Callable[[], object], seconds: float = 3) -> bytes:
        """What a websocket for events gets while something happens, and some time after; nothing if it is refused."""
        with self.context.wrap_socket(self._socket()) as sock:
            asked = (
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Key: {KEY}",
            )
            sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: cloud", *asked, "", ""]).encode())
            if b" 101 " not in sock.recv(4096):
                return b""
            happens()
            sock.settimeout(seconds)
            got = b""
            with contextlib.suppress(TimeoutError):
                while chunk := sock.recv(65536):
                    got += chunk
            return got

    def _socket(self) -> socket.socket:
        """A socket stays in the namespace of the thread that made it."""

        def connected() -> socket.socket:
            with open(f"/proc/{self.namespace}/ns/net", "rb") as namespace:
                os.setns(namespace.fileno(), os.CLONE_NEWNET)
            return socket.create_connection((self.address, self.port), timeout=PATIENCE)

        with concurrent.futures.ThreadPoolExecutor(1) as threads:  # ends with the call: no other code runs in it
            return threads.submit(connected).result()


class _Kept(http.client.HTTPSConnection):
    """A connection of a tenant that is opened again when the server has closed it."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant.address, tenant.port, timeout=PATIENCE, context=tenant.context)
        self.tenant = tenant

    def connect(self) -> None:
        self.sock = self.tenant.context.wrap_socket(self.tenant._socket())
