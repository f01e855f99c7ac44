# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A command in an instance, with its input and output over websockets (`POST /1.0/instances/NAME/exec`).

The daemon starts the command when the websockets of its input and outputs are connected, and kills it when the one for
signals breaks. So a request that got no answer has started nothing, what is broken off leaves nothing running, and
nothing of it is written to the disk of the host.
"""

from __future__ import annotations

import select
import selectors
import time
import urllib.parse
from typing import Any, NamedTuple

from . import answers, messages
from .client import Client
from .errors import ConnectionFailed, DeadlineExceeded, Interrupted, LXDError, ServerError
from .transport import Response
from .websocket import WebSocket, handshake

#: In the order in which they are opened: the command starts with the third.
STREAMS = ("0", "1", "2", "control")
STDIN, STDOUT, STDERR, CONTROL = STREAMS
#: How many bytes of the input are sent at a time.
_PIECE = 1 << 16
#: Seconds for the daemon to close the input of a command that has ended.
_CLOSING = 10.0
MAYBE = "It may have run, in part or as a whole: look before you run it again."
NEVER = "The command did not run."


class Finished(NamedTuple):
    """What a command has left: its exit code, its outputs, and the message of a daemon that did not find it."""

    code: int
    stdout: bytes
    stderr: bytes
    message: str


class TooMuch(LXDError):
    """A command wrote more than is kept, and was killed."""


def run(client: Client, path: str, request: dict[str, Any], data: bytes, most: int, **query: Any) -> Finished:
    """Run a command once, with `data` as its input. It is killed if it writes more than `most` bytes.

    `path` is that of the instance, and `request` the body, without what concerns the streams. Raises an error that says
    whether the command may have run.
    """
    body = {**request, "wait-for-websocket": True, "interactive": False, "record-output": False}
    try:
        reply = client.request("POST", f"{path}/exec", body=body, query=query)
    except (ConnectionFailed, Interrupted, DeadlineExceeded) as exc:
        raise type(exc)(f"{exc} {NEVER}") from exc
    operation = urllib.parse.urlsplit(reply.operation or "").path
    secrets = reply.metadata.get("metadata", {}).get("fds") if isinstance(reply.metadata, dict) else None
    if not operation or not isinstance(secrets, dict) or not all(isinstance(secrets.get(one), str) for one in STREAMS):
        raise LXDError(f"{client.label} answered a request for a command in an unknown way. Is 'url' right?")
    streams: dict[str, WebSocket] = {}
    try:
        for name in STREAMS:
            _connect(client, streams, name, f"{operation}/websocket?secret={urllib.parse.quote(secrets[name])}")
        stdout, stderr = _Talk(client, streams, data, most).run()
        code, message = _end(client, operation)
    finally:
        for stream in streams.values():
            stream.close()
    return Finished(code, stdout, stderr, message)


def _connect(client: Client, streams: dict[str, WebSocket], name: str, url: str) -> None:
    doubt = NEVER if name in (STDIN, STDOUT) else MAYBE
    try:
        opened = handshake(client.transport, url, client.deadline.check("opening the streams of a command"))
    except (ConnectionFailed, DeadlineExceeded) as exc:
        raise Interrupted(f"{exc} {doubt}") from exc
    if isinstance(opened, Response) and name == CONTROL:  # a short command has ended by now
        return
    if isinstance(opened, Response):
        text = answers.opened(opened, "GET of a stream", client.label, client.url).get("error") or "no reason given"
        raise LXDError(f"{client.label} refused a stream of the command: {text}. {doubt}")
    streams[name] = opened


class _Talk:
    """Passes input and output until both outputs have ended."""

    def __init__(self, client: Client, streams: dict[str, WebSocket], data: bytes, most: int) -> None:
        self.client, self.streams, self.most = client, streams, most
        self.left = memoryview(data)
        self.owes = bool(data)  # it is not known that the command has all of its input
        self.fed = False
        self.output = {STDOUT: bytearray(), STDERR: bytearray()}

    def run(self) -> tuple[bytes, bytes]:
        with selectors.DefaultSelector() as selector, selectors.DefaultSelector() as order:
            for name, stream in self.streams.items():
                self._take(name)  # what came with the handshake
                (selector if name in self.output else order).register(stream.sock, selectors.EVENT_READ, name)
            selector.register(order.fileno(), selectors.EVENT_READ)
            while not all(self.streams[name].ended for name in self.output):
                self._feed()
                self._watch(selector)
                for key, _events in selector.select(self._time()):
                    if key.data in self.output:
                        self._take(key.data)
                    elif key.data is None:
                        self._ends(order)
            self._settle(order)
        if not all(self.streams[name].clean for name in self.output):
            raise Interrupted(f"{self.client.label} broke the streams of the command off. {MAYBE}")
        return bytes(self.output[STDOUT]), bytes(self.output[STDERR])

    def _time(self) -> float:
        left = self.client.deadline.remaining()
        if left <= 0:
            raise DeadlineExceeded(
                f"The command did not end within the timeout of {self.client.deadline.seconds:g} s, and was killed. "
                "It ran in part; what it has started itself may go on."
            )
        return min(left, 10.0)

    def _feed(self) -> None:
        """Give the input as the daemon takes it, until something is left or all of it is sent."""
        stdin = self.streams[STDIN]
        stdin.flush()
        while not (stdin.unsent or stdin.ended or self.fed):
            if self.left:
                stdin.send(bytes(self.left[:_PIECE]))
                self.left = self.left[_PIECE:]
            else:
                stdin.finish()
                self.fed = True
            stdin.flush()

    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Answer pings, and register what to wait for."""
        for name, stream in self.streams.items():
            if name != STDIN:
                stream.flush()
            known = selector.get_map().get(stream.sock)
            waits = name == STDIN and stream.unsent and not stream.ended
            if known and (stream.ended or (name == STDIN and not waits)):
                selector.unregister(stream.sock)
            elif waits and not known:
                selector.register(stream.sock, selectors.EVENT_WRITE, name)

    def _take(self, name: str) -> None:
        data = self.streams[name].receive()
        if name in self.output:
            self.output[name] += data
            if sum(map(len, self.output.values())) > self.most:
                raise TooMuch(
                    f"The command wrote more than {self.most >> 20} MiB, and was killed. It ran in part. Have it write "
                    "into a file of the instance instead."
                )

    def _ends(self, order: selectors.BaseSelector) -> None:
        """Break off if the input was lost on its way: a command cannot distinguish that from its end.

        The daemon closes the websocket for signals, then the outputs, and the input last of a command that has ended.
        The kernel lists them in the order in which they became readable, so the selector must have no other streams.
        """
        for key, _events in order.select(0):
            stream = self.streams[key.data]
            stream.drain()
            self.owes = self.owes and not self.streams[STDIN].echoed
            if stream.ended:
                order.unregister(stream.sock)
            control = self.streams.get(CONTROL)
            if key.data == STDIN and stream.ended and self.owes and control and not control.ended:
                raise self._lost()

    def _settle(self, order: selectors.BaseSelector) -> None:
        """Wait until the daemon has all of the input, or closes it because the command has ended."""
        stdin, until = self.streams[STDIN], time.monotonic() + _CLOSING
        self._ends(order)
        while self.owes and not stdin.ended:
            if time.monotonic() > until:
                raise self._lost()
            select.select([stdin.sock], [], [], 1.0)
            self._ends(order)

    def _lost(self) -> Interrupted:
        return Interrupted(f"{self.client.label} lost the input of the command, and the command was killed. {MAYBE}")


def _end(client: Client, operation: str) -> tuple[int, str]:
    """Exit code of a command, and the message of the daemon if the operation failed.

    It fails for the codes 126 and 127, whether the daemon or the command returned them.
    """
    try:
        return _code(client.wait(operation)), ""
    except ServerError as exc:
        try:
            code = _code(client.get(operation).metadata)
        except (ConnectionFailed, ServerError):
            code = -1
        if code >= 0:
            return code, exc.text
        never = messages.instance_stopped(exc)
        raise LXDError(f"{client.label} could not run the command: {exc.text}. {NEVER if never else MAYBE}") from exc
    except (ConnectionFailed, DeadlineExceeded, Interrupted) as exc:
        raise Interrupted(f"The end of the command was not seen: {exc} {MAYBE}") from exc


def _code(operation: Any) -> int:
    """The exit code in an operation, or -1 if there is none."""
    metadata = operation.get("metadata") if isinstance(operation, dict) else None
    code = metadata.get("return") if isinstance(metadata, dict) else None
    return code if isinstance(code, int) else -1
