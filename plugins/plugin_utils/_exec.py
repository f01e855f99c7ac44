# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Runs a command in an instance, with its streams over websockets (doc/rest-api.md, /1.0/instances/NAME/exec).

The daemon starts the command when the three streams are connected. The end of a stream is an empty text message. A
fourth websocket is for signals. The daemon kills the command when that websocket breaks, so an interrupted play leaves
nothing running.

A command cannot distinguish an input that breaks from one that ends. Therefore a ping follows the last input, and the
daemon answers it when it has passed on everything before it. If a command ends without reading its input, there is no
answer, and the order of the ends decides: the daemon closes the websocket for signals when the command has ended, then
the outputs, and the input last. A proxy may close them in another order. So if the input seems lost, a command that
fails has failed, but the success of a command does not count.
"""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
import urllib.parse
from typing import IO, Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    Interrupted,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.http_answer import BLOCK
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.websocket import WebSocket, begin
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Dialogue, Gate

#: In the order in which they are opened: the command starts with the third.
STREAMS = ("0", "1", "2", "control")
STDIN, STDOUT, STDERR, CONTROL = STREAMS
#: Seconds for the daemon to close the input of a command that has ended.
CLOSING = 10.0
#: Seconds for a command to end after its input has broken.
ENDING = 1.0
#: The end of messages about commands that broke off.
UNKNOWN = "It is not known whether the command has ended."


class Command(Dialogue):
    """A command that the daemon runs, until its streams end."""

    outputs = (STDOUT, STDERR)

    def __init__(
        self,
        streams: dict[str, WebSocket],
        data: bytes | IO[bytes],
        gate: Gate | None,
        patience: float,
        sink: IO[bytes] | None = None,
    ) -> None:
        super().__init__(data, gate, sink)
        self.streams = streams
        self.patience = patience
        self.closed_input = False
        self.empty = data == b"" and gate is None  # there is no input to lose
        self.gave = False  # some input was sent
        self.cut = False  # the input seems to have broken before the command had all of it
        self._give_up_at = 0.0

    def talk(self) -> tuple[bytes, bytes]:
        """Pass input and output until both outputs have ended, or a while after the input was cut."""
        with selectors.DefaultSelector() as selector, selectors.DefaultSelector() as order:
            for name in (STDIN, CONTROL):
                order.register(self.streams[name].sock, selectors.EVENT_READ, name)
            selector.register(order.fileno(), selectors.EVENT_READ)
            self._write(selector)
            until = time.monotonic() + self.patience
            while not (self.streams[STDOUT].ended and self.streams[STDERR].ended) and not (
                self.cut and time.monotonic() > self._give_up_at
            ):
                waiting = self.gate is not None or not all(self.streams[name].up for name in (STDIN, STDOUT, STDERR))
                if waiting and time.monotonic() > until:
                    raise TimeoutError
                for key, _events in selector.select(ENDING if waiting or self.cut else None):
                    if key.data in self.output:
                        self._read(key.data)
                    elif key.data is None:
                        self._read_ends(order)
                self._write(selector)  # output may have opened the gate
            self._read_ends(order)
        self.cut = self.cut or not self._is_input_done()
        return self.so_far()

    def _read(self, name: str) -> None:
        data = self.streams[name].receive()
        if data:
            self.add_output(name, data)

    def _read_ends(self, order: selectors.BaseSelector) -> None:
        """Find out whether the input ended before the websocket for signals.

        The kernel lists them in the order in which they became readable, so the selector must have no other streams.
        """
        for key, _events in order.select(0):
            stream = self.streams[key.data]
            stream.drain()
            if stream.ended:
                order.unregister(stream.sock)
            if stream.ended and key.data == STDIN and not stream.clean:
                self.cut = self._owes() and not self.streams[CONTROL].ended
                self._give_up_at = time.monotonic() + ENDING

    def _write(self, selector: selectors.BaseSelector) -> None:
        """Write what can be written, and register with the selector what to wait for."""
        for name, stream in self.streams.items():
            events = (selectors.EVENT_READ if name in self.output else 0) | (
                selectors.EVENT_WRITE if self._send(name, stream) else 0
            )
            known = selector.get_map().get(stream.sock)
            if known and (stream.ended or known.events != events):
                selector.unregister(stream.sock)
            if events and not stream.ended and not (known and known.events == events):
                selector.register(stream.sock, events, name)

    def _send(self, name: str, stream: WebSocket) -> bool:
        """Write what can be written without waiting. Returns True if something is left."""
        left = not stream.ended and stream.flush()
        while name == STDIN and stream.up and not (stream.ended or left or self.closed_input) and self.gate is None:
            self._feed(stream)
            left = stream.flush()
        return left

    def _owes(self) -> bool:
        """Whether the command may not have received all of its input."""
        return (self.gave or not (self.closed_input or self.empty)) and not self.streams[STDIN].echoed

    def _is_input_done(self) -> bool:
        """Whether the daemon has all of the input, or closes it because the command has ended.

        If it does neither in time, the connection of the input is dead.
        """
        stdin = self.streams[STDIN]
        until = time.monotonic() + min(CLOSING, self.patience)
        while self._owes() and not stdin.ended and time.monotonic() < until:
            stdin.drain()
            if self._owes() and not stdin.ended:
                select.select([stdin.sock], [], [], 1.0)
        return stdin.ended or not self._owes()

    def _feed(self, stream: WebSocket) -> None:
        block = self.next_input(BLOCK)
        if block:
            self.gave = True
            stream.send(block)
        else:
            stream.finish()
            self.closed_input = True

    def whole(self) -> bool:
        return all(self.streams[name].clean for name in (STDOUT, STDERR))


def run(
    client: Client,
    instance: str,
    request: dict[str, Any],
    data: bytes | IO[bytes],
    gate: Gate | None,
    sink: IO[bytes] | None = None,
    **query: Any,
) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors of a command. The client's deadline limits only the start of the command.

    `request` is the body for `POST /1.0/instances/NAME/exec`. Raises Interrupted if it is not known whether the command
    has ended, or whether it received all of its input.
    """
    patience = client.deadline.remaining()
    path, streams = open_streams(client, instance, request, **query)
    try:
        command = Command(streams, data, gate, patience, sink)
        stdout, stderr = command.talk()
        whole = command.whole()
    finally:
        for stream in streams.values():
            stream.close()
    if command.cut and not whole:
        raise _lost_input(client, instance)
    client.deadline = Deadline(float("inf") if whole else patience)
    try:
        code, message = _end(client, path)
    except (ConnectionFailed, Interrupted) as exc:
        raise Interrupted(
            f"{client.label} went away while a command ran in instance {instance}. {UNKNOWN} The error was: {exc}"
        ) from exc
    if not whole:
        raise Interrupted(f"{client.label} broke the streams of a command in instance {instance}. {UNKNOWN}")
    if command.cut and not code:
        raise _lost_input(client, instance)
    if code < 0:
        raise _unexpected(client, instance)
    return code, stdout, stderr if stdout or stderr else message.encode()


def _lost_input(client: Client, instance: str) -> Interrupted:
    return Interrupted(
        f"{client.label} lost the input of a command in instance {instance}: the command did not receive all of it."
    )


def open_streams(
    client: Client, instance: str, request: dict[str, Any], **query: Any
) -> tuple[str, dict[str, WebSocket]]:
    """Start a command: the path of its operation, and its streams, whose handshakes are not complete yet."""
    attempt, sockets = 0, None
    while not sockets:
        started = _start(client, instance, {**request, "wait-for-websocket": True, "interactive": False}, query)
        path = urllib.parse.urlsplit(started["id_path"]).path
        try:
            secrets = {name: urllib.parse.quote(started["metadata"]["fds"][name]) for name in STREAMS}
        except (KeyError, TypeError) as exc:
            raise _unexpected(client, instance) from exc
        try:
            sockets = _connect(client.transport, client.deadline.check("opening the streams of a command"))
        except ConnectionFailed as exc:  # without its streams, the command does not start
            if len(client.urls) == 1:
                raise
            client.addresses.failed(client.url, exc)
            client.deadline.pause(attempt, f"opening the streams of a command, which failed with: {exc}")
            attempt += 1
    return path, {
        name: begin(client.transport, sock, f"{path}/websocket?secret={secrets[name]}")
        for name, sock in zip(STREAMS, sockets)
    }


def _end(client: Client, path: str) -> tuple[int, str]:
    """Exit code of a command, and the daemon's message if the operation failed.

    For exit codes 126 and 127, the operation fails, whether the daemon or the command returned them.
    """
    try:
        return _code(client.wait(path)), ""
    except ServerError as exc:
        code = _code(client.get(path).metadata)
        if code < 0:
            raise
        return code, exc.text


def _code(operation: Any) -> int:
    """The exit code in an operation, or -1 if there is none."""
    metadata = operation.get("metadata") if isinstance(operation, dict) else None
    code = metadata.get("return") if isinstance(metadata, dict) else None
    return code if isinstance(code, int) else -1


def _unexpected(client: Client, instance: str) -> LXDError:
    return LXDError(
        f"{client.transport.url} answered a request for a command in instance {instance} in a way that is unknown to "
        "LXD and Incus. Is 'url' right?"
    )


def _start(client: Client, instance: str, body: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
    """Request the command. It starts with its streams, so a repeated request runs nothing twice."""
    url = f"/1.0/instances/{urllib.parse.quote(instance, safe='')}/exec"
    attempt = 0
    while True:
        try:
            reply = client.request("POST", url, body=body, query=query)
            if not isinstance(reply.metadata, dict) or not reply.operation:
                raise _unexpected(client, instance)
            return {**reply.metadata, "id_path": reply.operation}
        except Interrupted as exc:
            client.deadline.pause(attempt, f"starting a command in instance {instance}, which failed with: {exc}")
            attempt += 1


def _connect(transport: Transport, timeout: float) -> list[socket.socket]:
    """A socket for each stream. TLS handshakes take several round trips, so they run in parallel."""
    made: list[Any] = [None] * len(STREAMS)

    def connect(position: int) -> None:
        try:
            made[position] = transport.socket(timeout)
        except Exception as exc:  # raised again outside of the thread
            made[position] = exc

    if transport.scheme == "unix":
        for position in range(len(STREAMS)):
            connect(position)
    else:
        threads = [threading.Thread(target=connect, args=(position,)) for position in range(len(STREAMS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    failed = [result for result in made if isinstance(result, Exception)]
    if failed:
        for result in made:
            if not isinstance(result, Exception):
                result.close()
        raise failed[0]
    for sock in made:
        if sock.family != socket.AF_UNIX:  # a long command may be silent, and so is a server without power
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    return made
