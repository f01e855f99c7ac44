# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between a module and a real daemon's socket: writes down every request, and cuts one where a test wants a fault."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from typing import Any, Callable, NamedTuple


class Cut(NamedTuple):
    """Break the connection on the first request that matches: C(before) it reaches the daemon, or C(after) the daemon did it.

    A function is called there instead, and the answer held back until it returns.
    """

    pattern: str
    when: str | Callable[[], Any]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Proxy:
    def __init__(self, path: str, upstream: str) -> None:
        self.path, self.upstream = path, upstream
        self.requests: list[str] = []
        self.cut: Cut | None = None
        self.later: list[Cut] = []  # those that follow, each once the one before it was used
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                proxy.serve(self.rfile, self.connection)

        self.server = _Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    @property
    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET ")]

    def forget(self) -> None:
        self.requests.clear()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def serve(self, incoming, client: socket.socket) -> None:  # type: ignore[no-untyped-def]
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self.upstream)
            answers = daemon.makefile("rb")
            while True:
                head, length = self._head(incoming)
                if not head:
                    return
                line = head.split(b"\r\n", 1)[0].decode()
                request = " ".join(line.split(" ")[:2])
                self.requests.append(request)
                cut = self.cut if self.cut and re.search(self.cut.pattern, request) else None
                if cut:
                    self.cut = self.later.pop(0) if self.later else None
                body = incoming.read(length)
                if cut and cut.when == "before":
                    client.shutdown(socket.SHUT_RDWR)
                    return
                daemon.sendall(head + body)
                head, length = self._head(answers)
                body = self._body(answers, head, length)
                if cut and callable(cut.when):
                    cut.when()
                if cut and cut.when == "after":
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if cut and cut.when == "mid":
                    client.sendall((head + body)[:-3])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                try:
                    client.sendall(head + body)
                except OSError:
                    return

    @staticmethod
    def _head(stream) -> tuple[bytes, int]:  # type: ignore[no-untyped-def]
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                line = stream.readline()
            except OSError:
                return b"", 0
            if not line:
                return b"", 0
            head += line
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        return head, int(found.group(1)) if found else 0

    @staticmethod
    def _body(stream, head: bytes, length: int) -> bytes:  # type: ignore[no-untyped-def]
        if not re.search(rb"(?i)transfer-encoding: *chunked", head):
            return stream.read(length)
        body = b""
        while True:
            line = stream.readline()
            size = int(line, 16)
            body += line + stream.read(size + 2)
            if not size:
                return body
