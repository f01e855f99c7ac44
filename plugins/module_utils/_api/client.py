# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The REST API that LXD and Incus share (doc/rest-api.md): envelope, operations, ETags, extensions, retries, one
deadline.

Knows no kind of resource and no Ansible. Reads are repeated while the server recovers, until the deadline. A write that
may
have happened is never repeated here: it raises `errors.Interrupted`, and the caller reads the object again.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
from typing import IO, Any, NamedTuple

from . import answers as _answers
from . import messages
from .deadline import Deadline
from .errors import ConnectionFailed, Interrupted, InvalidInput, LXDError, ServerError
from .transport import Exactly, Response, Sink, Transport

#: How long a daemon that does not accept connections, or a member that others do not reach, is waited for, within the
#: task's timeout.
CONNECT_GRACE = 30.0
#: The longest single wait on an operation; shorter than the idle time-outs of proxies between us and the server.
WAIT_SLICE = 60.0

_UNTRUSTED = (
    ". The server does not trust this client: give client_cert and client_key of a trusted certificate, or a "
    "trust_token "
    "from cloudhost.lxd.trust_token or `lxc config trust add` to make it trusted"
)
LIMITED = (
    "This client is limited to some projects, or to metrics (`lxc config trust list` or `incus config trust list` on "
    "the server tells): "
    "name one of its projects, or have it allowed more with cloudhost.lxd.certificate."
)
_USED = (
    "A token is good for one client and one time, and may have been used, revoked or expired since: "
    "make another on the server, with cloudhost.lxd.trust_token or `lxc config trust add`."
)
#: Status codes: Started, Running, Cancelling, Pending, Starting, Stopping, Freezing.
OPERATION_RUNNING = (101, 103, 104, 105, 106, 107, 109)


class Reply(NamedTuple):
    metadata: Any
    etag: str | None
    operation: str | None


def quote(name: str) -> str:
    """One path segment; names of image aliases contain slashes."""
    return urllib.parse.quote(name, safe="")


class Client:
    """A conversation with one server.

    `read_only` is the promise of check mode: anything but a GET is refused here, whatever the layers above do.
    `trust_token` is used once, when the server does not trust our certificate yet.
    """

    def __init__(
        self, transport: Transport, timeout: float = 600.0, read_only: bool = False, trust_token: str | None = None
    ) -> None:
        self.transport = transport
        self.deadline = Deadline(timeout)
        self.read_only = read_only
        self.trust_token = trust_token
        self.requests = 0
        #: What the layers above show of no value that comes from here.
        self.hidden: Any = None
        self._server: dict[str, Any] | None = None

    def another(self) -> Client:
        """A second conversation with the same server, on a connection of its own and under the same deadline."""
        client = Client(Transport(self.transport.url, self.transport.tls), read_only=self.read_only)
        client.deadline, client._server, client.hidden = self.deadline, self._server, self.hidden
        return client

    # -- the server ---------------------------------------------------------------------------------------------------

    @property
    def server(self) -> dict[str, Any]:
        """`GET /1.0`, read once and only when something depends on it."""
        if self._server is None:
            self._server = self._of_type(dict, "/1.0", self.get("/1.0").metadata)
            self._server["api_extensions"] = set(self._server.get("api_extensions") or ())
        return self._server

    @property
    def implementation(self) -> str:
        return self.server.get("environment", {}).get("server") or "lxd"

    @property
    def clustered(self) -> bool:
        return bool(self.server.get("environment", {}).get("server_clustered"))

    @property
    def tokens_by_name(self) -> bool:
        """Whether tokens have fields of their own in requests; LXD 5.0 takes them for passwords.

        An untrusted client is not told which implementation it speaks to, only the extensions.
        """
        return self.has("explicit_trust_token") or any("incus" in name for name in self.server["api_extensions"])

    @property
    def label(self) -> str:
        """The server as errors name it. Never asks the server: it may be the one that is gone."""
        if self._server is None:
            return self.transport.url
        environment = self._server.get("environment", {})
        return "{} {} at {}".format(
            environment.get("server", "server"), environment.get("server_version", "?"), self.transport.url
        )

    def has(self, extension: str) -> bool:
        return extension in self.server["api_extensions"]

    def require(self, extension: str, what: str) -> None:
        """Refuse what this server cannot do, before anything is changed."""
        if not self.has(extension):
            environment = self.server.get("environment", {})
            version = f"{self.implementation} {environment.get('server_version', '?')}"
            raise InvalidInput(
                f"{what} needs the extension '{extension}'; this server ({version}, {self.transport.url}) does not "
                "have it."
            )

    # -- requests -----------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Reply:
        return self.request("GET", path, query=query)

    def find(self, path: str, **query: Any) -> Reply | None:
        """An object, or with `recursion` those of a collection; None where there is none."""
        try:
            reply = self.request("GET", path, query=query)
            if not query.get("recursion"):
                self._of_type(dict, path, reply.metadata)
            elif not isinstance(reply.metadata, dict):  # operations are grouped by their status
                self._of_type(list, path, reply.metadata or [], dict)
            return reply
        except ServerError as exc:
            if exc.code == 404:
                return None
            raise

    def forget(self) -> None:
        """What was asked is asked anew from now on; a client remembers nothing but the server."""

    def fetch(self, path: str, **query: Any) -> bytes:
        """A file that the API serves as it is, such as a log."""
        given = {key: value for key, value in query.items() if value not in (None, "")}
        self.requests += 1
        url = path + ("?" + urllib.parse.urlencode(given) if given else "")
        return self.transport.request("GET", url, timeout=self.deadline.check(f"reading {path}")).body

    def names(self, path: str, **query: Any) -> list[str]:
        """The names in a collection, from the URLs that a plain listing gives."""
        urls = self._of_type(list, path, self.get(path, **query).metadata or [], str)
        prefix = len(path.rstrip("/")) + 1
        # LXD 5.0 quotes the names of aliases twice
        return [urllib.parse.unquote(urllib.parse.unquote(urllib.parse.urlsplit(url).path[prefix:])) for url in urls]

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

        Returns the metadata of the answer (sync) or of the finished operation (async). A token is an operation that
        ends only when
        somebody uses it: without `wait` the operation itself is returned.
        """
        if stream is not None and "Content-Length" in (
            headers or {}
        ):  # it ends with the task's time, however fast it goes
            words, length = f"sending {method} {path} to {self.label}", int((headers or {})["Content-Length"])
            stream = Exactly(stream, length, lambda: self.deadline.check(words))  # type: ignore[assignment]
        reply = self.request(method, path, body=body, etag=etag, headers=headers, stream=stream, query=query)
        if reply.operation and wait:
            return self.wait(reply.operation).get("metadata")
        return reply.metadata

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
        """One request and its envelope. `slack` is how many seconds the server was asked to hold the answer back.

        What `sink` takes is no envelope but the contents of a file: the metadata is then the headers of the answer.
        """
        if self.read_only and method != "GET":
            raise LXDError(
                f"Check mode must not write, and {method} {path} would: please report this as a bug of cloudhost.lxd."
            )
        given = {key: value for key, value in (query or {}).items() if value not in (None, "")}
        url = path + ("?" + urllib.parse.urlencode(given) if given else "")
        sending = dict(headers or {})
        if etag:
            sending["If-Match"] = etag
        data: Any = stream
        if body is not None:
            sending.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode()
        refused_since, trouble = 0.0, ""
        doing = f"sending {method} {path} to {self.label}"
        for attempt in range(10**6):
            left = self.deadline.check(doing + trouble)
            try:
                self.requests += 1
                response = self.transport.request(
                    method, url, data, sending, timeout=min(left + (1.0 if slack else 0.0), 120.0 + slack), sink=sink
                )
                if sink and response.status == 200 and "json" not in str(response.headers.get("Content-Type")):
                    return Reply(response, None, None)
                return self._envelope(method, path, response, streamed=stream is not None)
            except ConnectionFailed as exc:
                if exc.permanent:
                    raise
                if exc.sent and method != "GET":
                    raise Interrupted(str(exc)) from exc
                refused_since, trouble = refused_since or time.monotonic(), f", which failed with: {exc}"
                if time.monotonic() - refused_since > CONNECT_GRACE or self.deadline.remaining() < 0.2:
                    self.deadline.patient = False
                    raise ConnectionFailed(f"{exc} (tried {attempt + 1} times, for {method} {path})", exc.sent) from exc
            except ServerError as exc:
                if exc.code == 403 and self._gain_trust():
                    continue
                if exc.code == 412 or (messages.is_transient(exc) and method != "GET"):
                    raise Interrupted(exc.text) from exc
                if not messages.is_transient(exc):
                    raise
                trouble = f"; the server last said: {exc.text}"
            self.deadline.pause(attempt, doing + trouble)
        raise AssertionError("unreachable")

    def _envelope(self, method: str, path: str, response: Response, streamed: bool) -> Reply:
        try:
            envelope = _answers.envelope(response.body)
        except ValueError as exc:
            if response.status >= 500:  # a proxy in front of a daemon that restarts
                raise ServerError(
                    f"{self.label} answered HTTP {response.status} to {method} {path}: the daemon is starting",
                    response.status,
                ) from exc
            raise LXDError(
                f"{self.transport.url} answered {method} {path} with HTTP {response.status} and something that is "
                f"not the LXD API: {response.body[:120]!r} "
                f"({exc}). Is 'url' right?"
            ) from exc
        kind = envelope["type"]
        if kind == "error":
            text = envelope.get("error") or f"HTTP {response.status}"
            code = envelope.get("error_code") or response.status
            if messages.cannot_reach_member(text):  # nothing was done, but of a stream nothing is left
                words = f"{self._explain(method, path, code, text)}: cloudhost.lxd.cluster_info tells which one is away"
                raise ConnectionFailed(words, sent=streamed, permanent=not self.deadline.patient)
            raise ServerError(self._explain(method, path, code, text), code, text)
        return Reply(
            envelope.get("metadata"),
            response.headers.get("ETag"),
            envelope.get("operation") if kind == "async" else None,
        )

    def _of_type(self, kind: Any, path: str, found: Any, of: type = object) -> Any:
        """What was found, if it is what the API has there."""
        if isinstance(found, kind) and all(
            isinstance(entry, of) for entry in (found if isinstance(found, list) else ())
        ):
            return found
        raise LXDError(
            f"{self.transport.url} answered GET {path} with something that is not the LXD API: {str(found)[:120]!r}. "
            "Is 'url' right?"
        )

    def _explain(self, method: str, path: str, code: int, text: str) -> str:
        words = f"{self.label} answered {method} {path} with: {text} (error {code})"
        if code == 403 and self.transport.scheme == "https" and not self._trusted(path):
            return words + _UNTRUSTED
        return f"{words}. {LIMITED}" if messages.is_denied(text) else words

    def _trusted(self, path: str) -> bool:
        """Whether the server knows our certificate: then what it forbids is not a matter of trust."""
        try:
            return path != "/1.0" and self.server.get("auth") == "trusted"
        except LXDError:
            return False

    def _gain_trust(self) -> bool:
        """First contact: have our certificate trusted with the token. True if the request is worth repeating."""
        token, self.trust_token = self.trust_token, None
        if not token or self.transport.scheme != "https" or self._trusted(""):
            return False
        if self.read_only:
            raise LXDError(
                f"{self.transport.url} does not trust this client yet; using the trust_token would change the "
                "server, which check mode must not."
            )
        if not self.transport.tls.client_pem:
            raise InvalidInput(
                "trust_token needs client_cert and client_key: it is that certificate which becomes trusted."
            )
        body = {
            "type": "client",
            "name": socket.gethostname(),
            ("trust_token" if self.tokens_by_name else "password"): token.strip(),
        }
        try:
            self.write("POST", "/1.0/certificates", body)
        except ServerError as exc:
            raise ServerError(
                f"{self.transport.url} does not take the trust_token: {exc.text}. {_USED}", exc.code, exc.text
            ) from exc
        self._server = None  # what an untrusted client was shown is not the whole of it
        return True

    # -- operations ---------------------------------------------------------------------------------------------------

    def wait(self, operation: str) -> dict[str, Any]:
        """Wait for an operation to end and return it.

        For a failed operation and for a wait that ran out, some versions answer with an error envelope (Incus 6.0.4)
        and some with
        the operation, whose `status_code` tells (LXD 5.0.2): after an error the operation itself is asked. Operations
        vanish some
        five seconds after their end: then the object must be read.
        """
        path = urllib.parse.urlsplit(operation).path
        while True:
            left = self.deadline.check(f"waiting for {path} of {self.label}")
            span = max(1, int(min(left, WAIT_SLICE)))
            try:
                state = self._of_type(
                    dict, path, self.request("GET", path + "/wait", query={"timeout": span}, slack=span).metadata
                )
            except ServerError:
                state = self._of_type(dict, path, self._look(path))
            code = state.get("status_code", 0)
            if code == 200:
                return state
            if code not in OPERATION_RUNNING:
                text = state.get("err") or state.get("status") or "it failed without a word"
                if messages.is_transient(text) or messages.lost_a_member(text):
                    raise Interrupted(text)
                raise ServerError(text, state.get("err_code", 0), text)

    def _look(self, path: str) -> dict[str, Any]:
        try:
            return self.request("GET", path).metadata
        except ServerError as exc:
            if exc.code == 404:
                raise Interrupted(f"operation {path} vanished before its end was seen") from exc
            raise
