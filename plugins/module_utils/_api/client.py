# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A client of the REST API that LXD and Incus share (doc/rest-api.md): requests, ETags, operations, one deadline.

Knows no kind of resource and no Ansible. Reads are repeated while the server recovers, until the deadline. A write that
may have happened is never repeated here: it raises `errors.Interrupted`, and the caller reads the object again.
"""

from __future__ import annotations

import urllib.parse
from typing import IO, Any, Callable, TypeVar

from . import answers, first_contact, messages, operations
from .addresses import Addresses
from .answers import Reply
from .attempts import Attempts
from .deadline import Deadline
from .errors import ConnectionFailed, LXDError, ServerError
from .facts import ServerFacts
from .request import Request, with_query
from .transport import Exactly, Response, Sink, Transport

T = TypeVar("T")


def quote(name: str) -> str:
    """A name as one segment of a path; names of image aliases contain slashes."""
    return urllib.parse.quote(name, safe="")


class Client(ServerFacts):
    """A conversation with one server, on one connection. It is a `reader.Reader` that can write, too.

    `timeout` is in seconds, for everything that the task does. With `read_only` (check mode), every request but a GET
    is refused here, whatever the layers above do. `trust_token` is used once, if the server does not trust the client
    certificate yet. `addresses` are those of the server; without them, that of `transport` is the only one.
    """

    def __init__(
        self,
        transport: Transport,
        timeout: float = 600.0,
        read_only: bool = False,
        trust_token: str | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        self.transport = transport
        self.addresses = addresses or Addresses([transport.url])
        self.urls = self.addresses.urls
        self.deadline = Deadline(timeout)
        self.read_only = self.is_rehearsal = read_only
        self.trust_token = trust_token
        self.requests = 0
        #: Rules for the values that the layers above do not show.
        self.hidden: Any = None
        #: Called with the arguments of `waiting_for`; None if nobody watches.
        self.on_wait: Callable[[str, str], None] | None = None
        #: The image servers that the task or its host names, as the option `remotes` has them.
        self.remotes: dict[str, Any] = {}
        #: `client_cert` and `client_key` of the task, for other servers that it names.
        self.credentials: dict[str, Any] = {}
        #: Makes a client from connection options (`connect.connect`).
        self.opener: Callable[[dict[str, Any], bool], Client] | None = None
        self._server: dict[str, Any] | None = None

    def another(self) -> Client:
        """A second conversation with the same server, on a connection of its own and under the same deadline."""
        transport = Transport(self.url, self.transport.tls)
        client = Client(transport, read_only=self.read_only, addresses=self.addresses)
        client.deadline, client._server, client.hidden = self.deadline, self._server, self.hidden
        client.credentials, client.opener, client.remotes = self.credentials, self.opener, self.remotes
        return client

    def beside(self, options: dict[str, Any]) -> Client:
        """A conversation with another server, under the same deadline. Nothing is sent yet.

        :param options: connection options; without `client_cert` and `client_key`, those of the task are used
        """
        if self.opener is None:
            raise AssertionError("a client that connect has not made reaches no other server")
        client = self.opener({**self.credentials, **options, "timeout": self.deadline.seconds}, self.read_only)
        client.deadline, client.hidden = self.deadline, self.hidden
        return client

    @property
    def url(self) -> str:
        """The address that the last request went to, or that the first one will go to."""
        return self.transport.url

    @property
    def server(self) -> dict[str, Any]:
        """The metadata of `GET /1.0`, read once and only when something depends on it. Extensions are a set."""
        if self._server is None:
            self._server = answers.of_type(dict, self.url, "/1.0", self.get("/1.0").metadata)
            self._server["api_extensions"] = set(self._server.get("api_extensions") or ())
        return self._server

    @property
    def label(self) -> str:
        """The server as errors name it. Sends nothing: the server may be what does not answer."""
        if self._server is None:
            return self.url
        environment = self._server.get("environment", {})
        return f"{environment.get('server', 'server')} {environment.get('server_version', '?')} at {self.url}"

    # -- reading ------------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Reply:
        return self.request("GET", path, query=query)

    def find(self, path: str, **query: Any) -> Reply | None:
        """An object, or with `recursion` those of a collection; None if it does not exist."""
        try:
            reply = self.request("GET", path, query=query)
        except ServerError as exc:
            if exc.code == 404:
                return None
            raise
        if not query.get("recursion"):
            answers.of_type(dict, self.url, path, reply.metadata)
        elif not isinstance(reply.metadata, dict):  # operations are grouped by their status
            answers.of_type(list, self.url, path, reply.metadata or [], dict)
        return reply

    def names(self, path: str, **query: Any) -> list[str]:
        """The names in a collection, from the URLs that a plain listing gives."""
        try:
            listed = self.get(path, **query).metadata
        except ServerError as exc:
            if exc.code != 404:
                raise
            return []
        urls = answers.of_type(list, self.url, path, listed or [], str)
        prefix = len(path.rstrip("/")) + 1
        # LXD 5.0 quotes the names of aliases twice
        return [urllib.parse.unquote(urllib.parse.unquote(urllib.parse.urlsplit(url).path[prefix:])) for url in urls]

    def fetch(self, path: str, **query: Any) -> bytes:
        """The contents of a file that the API serves as it is, such as a log. Sent once."""
        self.requests += 1
        left = self.deadline.check(f"reading {path}")
        return self.transport.request("GET", with_query(path, query), timeout=left).body

    def forget(self) -> None:
        """Nothing to do: a client keeps no answer but that about the server."""

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        etag: str | None = None,
        headers: dict[str, str] | None = None,
        stream: IO[bytes] | None = None,
        wait: bool = True,
        **query: Any,
    ) -> Any:
        """Change something and wait until it is done, whether the server answers at once or with an operation.

        Returns the metadata of the answer (sync) or of the finished operation (async). The operation of a token ends
        only when somebody uses the token: without `wait`, the operation itself is returned.
        """
        if stream is not None and "Content-Length" in (
            headers or {}
        ):  # no read begins after the end of the task's time
            words, length = f"sending {method} {path} to {self.label}", int((headers or {})["Content-Length"])
            stream = Exactly(stream, length, lambda: self.deadline.check(words))  # type: ignore[assignment]
        reply = self.request(method, path, body=body, etag=etag, headers=headers, stream=stream, query=query)
        if reply.operation and wait:
            return self.wait(reply.operation).get("metadata")
        return reply.metadata

    def waiting_for(self, words: str = "", detail: str = "") -> None:
        """Tell who watches what is waited for, such as `start`, or a detail of the same, such as `unpack 45%`."""
        if self.on_wait:
            self.on_wait(words, detail)

    def wait(self, operation: str) -> dict[str, Any]:
        """Wait until an operation has ended, and return it; see `operations.wait`."""
        return operations.wait(self, operation)

    # -- requests -----------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        etag: str | None = None,
        headers: dict[str, str] | None = None,
        stream: IO[bytes] | None = None,
        query: dict[str, Any] | None = None,
        slack: float = 0.0,
        sink: Sink | None = None,
    ) -> Reply:
        """One request and its answer. `slack` is how many seconds the server was asked to hold the answer back.

        `sink` takes the contents of a file instead of an envelope: the metadata is then the response with its headers.
        Raises `Interrupted` if a write may have happened, `ServerError` if the server refuses it.
        """
        if self.read_only and method != "GET":
            raise LXDError(
                f"Check mode must not write, and {method} {path} would: please report this as a bug of cloudhost.lxd."
            )
        request = Request.made(method, path, body, etag, headers, stream, query, slack, sink)
        return self.answered(method, path, lambda left: self._send(request, left))

    def answered(self, method: str, path: str, send: Callable[[float], T]) -> T:
        """Send a request until it is answered, or its time is over; `send` gets the seconds that are left."""
        attempts = Attempts(method, path, self.label, self.deadline, self.addresses)
        while True:
            left = attempts.begin()
            url = attempts.address(self.url)
            if url != self.url:
                self.transport.close()
                self.transport = Transport(url, self.transport.tls)
                self._server = None  # each member of a cluster has facts of its own
            self.transport.patience = attempts.patience
            try:
                return send(left)
            except ConnectionFailed as exc:
                attempts.unanswered(self.url, exc)
            except ServerError as exc:
                if exc.code != 403 or not self._gain_trust():
                    attempts.refused(self.url, exc)

    def _send(self, request: Request, left: float) -> Reply:
        """One attempt at a request, for which there are `left` seconds."""
        self.requests += 1
        response = self.transport.request(
            request.method, request.url, request.data, request.headers, request.timeout(left), request.sink
        )
        self.addresses.answered(self.url)
        if request.sink and response.status == 200 and "json" not in str(response.headers.get("Content-Type")):
            return Reply(response, None, None)
        # who takes files does not read objects, or takes any object as it is
        typed = request.sink is None
        envelope = answers.opened(response, f"{request.method} {request.path}", self.label, self.url, typed)
        if envelope["type"] == "error":
            raise self.refusal(request.method, request.path, response, envelope, request.streamed)
        operation = envelope.get("operation") if envelope["type"] == "async" else None
        return Reply(envelope.get("metadata"), response.headers.get("ETag"), operation)

    def refusal(self, method: str, path: str, response: Response, envelope: dict[str, Any], streamed: bool) -> LXDError:
        """The error that an error envelope stands for."""
        text = envelope.get("error") or f"HTTP {response.status}"
        code = envelope.get("error_code") or response.status
        words = f"{self.label} answered {method} {path} with: {text} (error {code})"
        if code == 403 and self.transport.scheme == "https" and not self._trusted(path):
            words += first_contact.UNTRUSTED
        elif messages.is_denied(text):
            words += f". {first_contact.LIMITED}"
        if messages.cannot_reach_member(text):  # the server did nothing, but a stream cannot be sent again
            words += ": cloudhost.lxd.cluster_info tells which one is away"
            return ConnectionFailed(words, sent=streamed, permanent=not self.deadline.patient)
        return ServerError(words, code, text)

    def _trusted(self, path: str) -> bool:
        """Whether the server knows our certificate: then a refusal of `path` is not a matter of trust."""
        try:
            return path != "/1.0" and self.server.get("auth") == "trusted"
        except LXDError:
            return False

    def _gain_trust(self) -> bool:
        """Have our certificate trusted with the token, if there is one. True if the request is worth repeating."""
        token, self.trust_token = self.trust_token, None
        if not token or self.transport.scheme != "https" or self._trusted(""):
            return False
        first_contact.check(self.url, self.transport.tls.client_pem, self.read_only)
        try:
            self.write("POST", "/1.0/certificates", first_contact.certificate(token, self.tokens_by_name))
        except ServerError as exc:
            raise first_contact.not_taken(self.url, exc) from exc
        self._server = None  # the server tells an untrusted client only a part of itself
        return True
