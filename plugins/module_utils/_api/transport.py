# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""HTTP to one daemon, over its unix socket or over TLS: bytes in, bytes out, one kept-alive connection.

Knows nothing of the API. A broken connection says whether the request may have reached the server,
because only the layer above can decide if sending it again is safe.
"""

from __future__ import annotations

import errno
import functools
import http.client
import os
import socket
import ssl
import time
import urllib.parse
from typing import IO, Any, Callable, NamedTuple, Optional

from .errors import ConnectionFailed, InvalidInput, LXDError
from .http_answer import BLOCK, Answer, Clock, OddAnswer

SOCKETS = (
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/run/incus/unix.socket",
    "/var/lib/incus/unix.socket",
)
DEFAULT_PORT = 8443
#: The longest path that a unix socket can have on Linux (unix(7)).
MAX_SOCKET_PATH = 107

#: How a server that goes away in the middle shows.
CLOSED = (http.client.RemoteDisconnected, http.client.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)


#: The most bytes of an answer that is kept in memory: ten thousand instances with their states are some 60 MB.
LARGEST = 128 << 20


class Response(NamedTuple):
    status: int
    headers: Any
    body: bytes


#: Looks at the headers of an answer, and says where its body goes if that is too long for memory.
Sink = Callable[[int, Any], Optional[IO[bytes]]]


class Exactly:
    """`length` bytes of a file and not one more, however much there is by now: what follows the announced length is the
    next request to the server.

    `before` is called before each piece is read.
    """

    def __init__(self, stream: Any, length: int, before: Callable[[], Any] = lambda: None) -> None:
        self.stream, self.length, self.left, self.before = stream, length, length, before

    def read(self, size: int = BLOCK) -> bytes:
        self.before()
        if not self.left:
            return b""
        try:
            piece = bytes(self.stream.read(min(self.left, size if size > 0 else BLOCK))[: self.left])
        except OSError as exc:
            raise LXDError(
                f"{self._name} cannot be read to its end: {exc.strerror or exc}. Nothing is known of what was sent "
                "of it."
            ) from exc
        if not piece:
            raise LXDError(
                f"{self._name} became shorter while it was sent: {self.length} bytes were announced, and {self.left} "
                "of them are missing. "
                "Let nobody write to it meanwhile, and run it again."
            )
        self.left -= len(piece)
        return piece

    @property
    def _name(self) -> str:
        name = getattr(self.stream, "name", "what is sent")
        return os.fsdecode(name) if isinstance(name, bytes) else str(name)


def default_url(environ: Any = None) -> str:
    """The first local socket that exists, in the order the daemons' own clients look for it."""
    environ = os.environ if environ is None else environ
    wanted = [
        environ.get("LXD_SOCKET"),
        _under(environ.get("LXD_DIR")),
        environ.get("INCUS_SOCKET"),
        _under(environ.get("INCUS_DIR")),
    ]
    chosen = [path for path in wanted if path]
    candidates = chosen or list(SOCKETS)
    for path in candidates:
        if os.path.exists(path):
            return "unix://" + path
    if chosen:  # a socket named on purpose may still be about to appear
        return "unix://" + chosen[0]
    looked = ", ".join(candidates)
    raise ConnectionFailed(
        f"No LXD or Incus socket found on this host (looked at {looked}). Install and start the daemon (role "
        "cloudhost.lxd.install), or set the option 'url'.",
        permanent=True,
    )


def _under(folder: str | None) -> str | None:
    return os.path.join(folder, "unix.socket") if folder else None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self.path)
        except OSError:
            sock.close()
            raise
        self.sock = sock


class Transport:
    """One connection to one server.

    `url` is `unix:///path` or `https://host:port`; `tls` is a `tls.Trust` for the latter. A proxy in the environment is
    not used: `http.client` connects to the host itself.
    """

    #: The most seconds for a connection to open; None if it may take as long as an answer.
    patience: float | None = None

    def __init__(self, url: str, tls: Any = None) -> None:
        self.url = url
        self.tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self._clock = Clock()
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port
        except ValueError:  # a port or an IPv6 address that is none
            parts, port = urllib.parse.SplitResult("", "", "", "", ""), None
        self.scheme = parts.scheme
        if parts.scheme == "unix":
            self.path = parts.path
            if parts.netloc or not self.path.startswith("/"):
                raise InvalidInput(
                    f"url '{url}': a socket needs an absolute path, as in unix:///var/lib/lxd/unix.socket."
                )
            if len(os.fsencode(self.path)) > MAX_SOCKET_PATH:
                raise InvalidInput(f"url '{url}': the path of a socket has at most {MAX_SOCKET_PATH} bytes.")
        elif parts.scheme == "https" and parts.hostname:
            self.host, self.port = parts.hostname, port or DEFAULT_PORT
        else:
            raise InvalidInput(
                f"url '{url}' is not understood: write unix:///path/to/unix.socket or https://host:8443."
            )

    def _open(self, timeout: float) -> http.client.HTTPConnection:
        timeout = min(timeout, self.patience or timeout)
        if self.scheme == "unix":
            connection: http.client.HTTPConnection = _UnixConnection(self.path, timeout)
            connection.connect()
        else:
            connection = self.tls.connect(self.url, self.host, self.port, timeout)
        connection.auto_open = 0  # reconnecting by itself would go round the pin
        connection.blocksize = BLOCK
        connection.response_class = functools.partial(Answer, self._clock)  # type: ignore[assignment]
        return connection

    def socket(self, timeout: float) -> socket.socket:
        """A connection of its own to the server, for what is not HTTP any more after the first words."""
        try:
            return self._open(timeout).sock
        except (OSError, http.client.HTTPException) as exc:
            raise ConnectionFailed(self.words(exc), permanent=self._permanent(exc)) from exc

    def request(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60.0,
        sink: Sink | None = None,
    ) -> Response:
        """Send one request and read the whole answer.

        `timeout` is in seconds, for all of it; for each piece of a file that is sent, or that `sink` takes. A `body`
        that is read has exactly the
        bytes that the header `Content-Length` announces.
        """
        reused = self._connection is not None
        try:
            return self._exchange(method, path, body, headers or {}, timeout, sink)
        except LXDError:  # of a file on our side, in the middle of a request
            self.close()
            raise
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as exc:
            self.close()
            # The server closes idle connections; a read can be repeated at once on a fresh one.
            if not (reused and method == "GET"):
                raise ConnectionFailed(self.words(exc), sent=True) from exc
        except (
            OSError,
            http.client.HTTPException,
            ValueError,
        ) as exc:  # the last is what http.client makes of some odd words
            sent = self._connection is not None  # it is None until the connection stands
            self.close()
            raise ConnectionFailed(self.words(exc), sent=sent, permanent=self._permanent(exc)) from exc
        try:
            return self._exchange(method, path, body, headers or {}, timeout, sink)
        except LXDError:
            self.close()
            raise
        except (OSError, http.client.HTTPException, ValueError) as exc:
            self.close()
            raise ConnectionFailed(self.words(exc), sent=True, permanent=self._permanent(exc)) from exc

    def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str], timeout: float, sink: Sink | None
    ) -> Response:
        if self._connection is None:
            self._connection = self._open(timeout)
        connection = self._connection
        connection.sock.settimeout(timeout)
        self._clock.end = time.monotonic() + timeout
        streamed = hasattr(body, "read")
        if streamed and "Content-Length" in headers:
            body = Exactly(body, int(headers["Content-Length"]))
        ended = True
        try:
            connection.request(method, path, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            if not streamed:
                raise
            ended = False  # a server that refuses a file may not read all of it, but say why before it hangs up
        if streamed:
            self._clock.end = time.monotonic() + timeout
        answer: Any = connection.getresponse()
        if answer.length is None and not answer.chunked:  # the daemons always tell the length: the headers were cut
            raise http.client.IncompleteRead(b"")
        place = sink(answer.status, answer.headers) if sink else None
        data = self._poured(answer, place, timeout) if place else self._kept(answer)
        answer.close()
        if answer.will_close or not ended:
            self.close()
        return Response(answer.status, answer.headers, data)

    @staticmethod
    def _kept(answer: Answer) -> bytes:
        data = bytearray()
        if (answer.length or 0) > LARGEST:
            raise OddAnswer(f"the answer has {answer.length} bytes, and {LARGEST} at most are taken")
        for piece in answer.pieces():
            data += piece
            if len(data) > LARGEST:
                raise OddAnswer(f"the answer has more than {LARGEST} bytes, and so many at most are taken")
        return bytes(data)

    def _poured(self, answer: Answer, place: IO[bytes], timeout: float) -> bytes:
        """Into a file, however long that takes: what must come in time is each block."""
        due = count = 0
        try:
            place.seek(0)  # an answer that was cut is asked for again
            place.truncate()
        except OSError:  # a device
            pass
        for piece in answer.pieces():
            count += len(piece)
            if count >= due:
                due, self._clock.end = count + BLOCK, time.monotonic() + timeout
            try:
                place.write(piece)
            except OSError as exc:
                raise LXDError(f"What was read cannot be written on this side: {exc.strerror or exc}.") from exc
        return b""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _permanent(self, exc: Exception) -> bool:
        """Whether waiting cannot help: the folder of the socket is not there, or we may not open it."""
        if isinstance(exc, FileNotFoundError):
            return self.scheme == "unix" and not os.path.isdir(os.path.dirname(self.path))
        code = getattr(exc, "errno", None)
        if isinstance(exc, ssl.SSLError):
            return not isinstance(exc, CLOSED)
        if isinstance(exc, OddAnswer):
            return True
        return isinstance(exc, socket.gaierror) or code in (errno.EACCES, errno.EPERM, errno.ENOTSOCK)

    def words(self, exc: Exception) -> str:
        if isinstance(exc, FileNotFoundError):
            return (
                f"{self.url}: there is no such socket. Is the daemon installed and running on this host, and is 'url' "
                "right?"
            )
        if isinstance(exc, PermissionError):
            return (
                f"{self.url}: permission denied. Run the task as root (become: true) or as a member of the group that "
                "owns the socket."
            )
        if isinstance(exc, ConnectionRefusedError):
            return f"{self.url}: connection refused. The daemon is not running there."
        if isinstance(exc, socket.timeout):
            return f"{self.url}: no answer in time."
        if isinstance(exc, CLOSED) or not str(exc):
            return f"{self.url}: the server closed the connection without an answer."
        return f"{self.url}: {exc}."
