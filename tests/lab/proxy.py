# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between a module and a real daemon's socket: writes down every request, and cuts one where a test wants a fault."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from typing import Any, Callable, NamedTuple


class Cut(NamedTuple):
    """Break the connection on the first request that matches: `before` it reaches the daemon, or `after` the daemon did
    it, or `mid`way in its answer.

    A function is called there instead: when the request `came` and the daemon does not have it yet, when it was `sent`
    and has no answer yet, when it was `answered`, or when the `half` of the answer was sent on. What comes next is held
    back until it returns.
    """

    pattern: str
    when: str | Callable[[], Any]
    at: str = "answered"

    def call(self, at: str) -> None:
        if callable(self.when) and self.at == at:
            self.when()


def _hang_up(client: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has done so itself
        client.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


#: Bodies that are kept are those of requests, not of images.
KEPT = 1 << 16
Around = Callable[[str], "contextlib.AbstractContextManager[Any]"]


class Proxy:
    """`around` is entered with each request before the daemon has it, and left when it was answered. `watch` is called
    with each request and its body, which is empty for a file.
    """

    def __init__(self, path: str, upstream: str) -> None:
        self.path, self.upstream = path, upstream
        self.requests: list[str] = []
        self.written = 0  # how many requests could change something, since it began
        self.bodies: list[tuple[str, bytes]] = []
        self.cut: Cut | None = None
        self.later: list[Cut] = []  # those that follow, each once the one before it was used
        self.cut_tunnel: bytes | None = None  # a pattern of what is sent over what was upgraded
        self.around: Around = lambda request: contextlib.nullcontext()
        self.watch: Callable[[str, bytes], Any] = lambda request, body: None
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

    def _note(self, request: str) -> None:
        self.requests.append(request)
        self.written += not request.startswith("GET ")

    def forget(self) -> None:
        self.requests.clear()
        self.bodies.clear()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def serve(self, incoming, client: socket.socket) -> None:  # type: ignore[no-untyped-def]
        with socket.socket(socket.AF_UNIX) as daemon:
            try:
                daemon.connect(self.upstream)
            except OSError:  # it does not run
                return
            answers = daemon.makefile("rb")
            while True:
                head, length = self._head(incoming)
                if not head:
                    return
                line = head.split(b"\r\n", 1)[0].decode()
                request = " ".join(line.split(" ")[:2])
                self._note(request)
                cut = self.cut if self.cut and re.search(self.cut.pattern, request) else None
                if cut:
                    self.cut = self.later.pop(0) if self.later else None
                body = incoming.read(length)
                if length <= KEPT:
                    self.bodies.append((request, body))
                self.watch(request, body if length <= KEPT else b"")
                if cut and cut.when == "before":
                    _hang_up(client)
                    return
                with self.around(request):
                    answer = self._answer(head + body, daemon, answers, cut)
                if not answer or (cut and cut.when == "after"):
                    _hang_up(client)
                    return
                if cut and cut.when == "mid":
                    client.sendall(answer[:-3])
                    _hang_up(client)
                    return
                try:
                    self._send(client, answer, cut)
                except OSError:
                    return
                if answer.startswith(b"HTTP/1.1 101 "):
                    self._tunnel(client, daemon, answers)
                    return

    def _tunnel(self, client: socket.socket, daemon: socket.socket, answers) -> None:  # type: ignore[no-untyped-def]
        """Pass on what is no HTTP any more. What the client sends is kept, and `cut_tunnel` breaks it off."""

        def back() -> None:
            with contextlib.suppress(OSError):
                while data := answers.read1(1 << 16):
                    client.sendall(data)
            _hang_up(client)

        answering = threading.Thread(target=back, daemon=True)
        answering.start()
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                if self.cut_tunnel and re.search(self.cut_tunnel, data):
                    self.cut_tunnel = None
                    _hang_up(client)
                    _hang_up(daemon)
                    return
                daemon.sendall(data)
            daemon.shutdown(socket.SHUT_WR)
        answering.join()  # what the daemon has said before it hung up still comes

    @staticmethod
    def _send(client: socket.socket, answer: bytes, cut: Cut | None) -> None:
        half = len(answer) // 2 if cut else 0
        client.sendall(answer[:half])
        if cut:
            cut.call("half")
        client.sendall(answer[half:])

    def _answer(self, request: bytes, daemon: socket.socket, answers, cut: Cut | None) -> bytes:  # type: ignore[no-untyped-def]
        """What the daemon says to a request; nothing where it died over it."""
        answer = b""
        if cut:
            cut.call("came")
        try:
            daemon.sendall(request)
            if cut:
                cut.call("sent")
            head, length = self._head(answers)
            answer = head + self._body(answers, head, length) if head else b""
        except (OSError, ValueError):  # in the middle of it
            pass
        if cut:
            cut.call("answered")
        return answer

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
