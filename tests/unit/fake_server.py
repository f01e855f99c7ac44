# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on a unix socket that says what no real daemon can be made to say: other envelopes, broken answers, cut
connections.

Strict: what was not announced with `FakeServer.on` and is not in its memory is a complaint, and so is a request that no
daemon takes.
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, NamedTuple

from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory


class Request(NamedTuple):
    method: str
    path: str
    query: dict
    headers: Any
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class Answer(NamedTuple):
    """`cut` is how many bytes of the whole answer leave before the connection breaks; `silent` is an answer that never
    comes.
    """

    body: bytes
    status: int = 200
    headers: dict = {}  # noqa: RUF012 - never written to
    cut: int | None = None
    silent: bool = False
    close: bool = False


def sync(metadata: Any, etag: str | None = None, **kwargs: Any) -> Answer:
    body = {
        "type": "sync",
        "status": "Success",
        "status_code": 200,
        "operation": "",
        "error_code": 0,
        "error": "",
        "metadata": metadata,
    }
    return Answer(json.dumps(body).encode(), headers={"ETag": etag} if etag else {}, **kwargs)


def task(identity: str = "1", **kwargs: Any) -> Answer:
    url = f"/1.0/operations/{identity}"
    body = {
        "type": "async",
        "status": "Operation created",
        "status_code": 100,
        "operation": url,
        "error_code": 0,
        "error": "",
        "metadata": {},
    }
    return Answer(json.dumps(body).encode(), status=202, **kwargs)


def operation(code: int, err: str = "", metadata: Any = None) -> Answer:
    words = {103: "Running", 200: "Success", 400: "Failure", 401: "Cancelled"}
    return sync(
        {"id": "1", "class": "task", "status": words[code], "status_code": code, "err": err, "metadata": metadata}
    )


def error(code: int, text: str, **kwargs: Any) -> Answer:
    body = {
        "type": "error",
        "status": "",
        "status_code": 0,
        "operation": "",
        "error_code": code,
        "error": text,
        "metadata": None,
    }
    return Answer(json.dumps(body).encode(), status=code, **kwargs)


def page(status: int, text: str = "<html>Bad Gateway</html>") -> Answer:
    return Answer(text.encode(), status=status, headers={"Content-Type": "text/html"})


#: The connection breaks when the request is read, before a byte of the answer.
DROP = Answer(b"", cut=0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.fake.connections += 1

    def log_message(self, *args: Any) -> None:
        """Tests look at FakeServer.requests."""

    def address_string(self) -> str:
        return "local"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _mark, query = self.path.partition("?")
        request = Request(
            self.command,
            urllib.parse.unquote(path),
            dict(urllib.parse.parse_qsl(query, keep_blank_values=True)),
            self.headers,
            body,
        )
        answer = self.server.fake.answer(request)
        if answer.silent:
            self.server.fake.over.wait()
            self.close_connection = True
            return
        headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body)), **answer.headers}
        head = (
            f"HTTP/1.1 {answer.status} Words\r\n"
            + "".join(f"{key}: {value}\r\n" for key, value in headers.items())
            + "\r\n"
        )
        whole = head.encode() + answer.body
        try:
            self.wfile.write(whole if answer.cut is None else whole[: answer.cut])
        except OSError:  # the client had enough
            self.close_connection = True
        if answer.cut is not None or answer.close:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False  # a connection that is kept alive ends with the test
    request_queue_size = 50
    fake: FakeServer


class FakeServer:
    """Announce answers with `on`; see what came in `requests` and what should not have come in `complaints`.

    `hooks` are what else happens when a request such as `GET /1.0` comes.
    """

    def __init__(self, path: str, memory: Memory | None = None) -> None:
        self.url = "unix://" + path
        self.over = threading.Event()
        self.connections = 0
        self.hooks: dict[str, Callable[[], Any]] = {}
        self.memory = memory
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self._script: dict[str, list[Answer]] = {}
        self._path = path
        self._lock = threading.Lock()
        self._server = _Server(path, _Handler)
        self._server.fake = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def on(self, line: str, *answers: Answer) -> None:
        """Answer requests such as `GET /1.0` with these in turn; the last one is for all that follow."""
        self._script[line] = list(answers)

    def is_silent(self, line: str) -> bool:
        """Whether the next such request is not answered."""
        with self._lock:
            return bool(self._script.get(line)) and self._script[line][0].silent

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            self.hooks.get(request.line, lambda: None)()
            wrong = self._wrong(request)
            if wrong:
                self.complaints.append(f"{request.line}: {wrong}")
                return error(400, wrong)
            script = self._script.get(request.line)
            if script:
                return script.pop(0) if len(script) > 1 else script[0]
            if self.memory:
                code, metadata, etag = self.memory.handle(
                    request.method,
                    request.path,
                    request.data if request.body else None,
                    request.headers.get("If-Match"),
                )
                return sync(metadata, etag) if code == 200 else error(code, metadata)
            self.complaints.append(f"{request.line}: not expected")
            return error(501, "not expected")

    def _wrong(self, request: Request) -> str:
        if not request.headers.get("Host"):
            return "no Host"
        if request.method == "GET" and request.body:
            return "a GET with a body"
        if request.body and request.headers.get("Content-Type") == "application/json":
            try:
                request.data  # noqa: B018 - it is enough that it can be read
            except ValueError:
                return "no JSON"
        elif request.body and not request.headers.get("Content-Type"):
            return "a body without a Content-Type"
        return ""

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        if os.path.exists(self._path):
            os.unlink(self._path)
