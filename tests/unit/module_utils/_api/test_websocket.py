# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Websockets and what comes before them, against sockets that say what a test wants, in pieces of any size."""

from __future__ import annotations

import base64
import hashlib
import re
import select
import socket
import struct
import threading

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import upgrade, websocket
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ConnectionFailed, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Response, Transport
from hypothesis import given
from hypothesis import strategies as st


def frame(kind, payload, fin=128):
    """A frame as a server sends it: without a mask."""
    length = len(payload)
    size = (
        struct.pack(">B", length)
        if length < 126
        else struct.pack(">BH", 126, length)
        if length < 1 << 16
        else struct.pack(">BQ", 127, length)
    )
    return bytes([fin | kind]) + size + payload


def unmasked(data):
    """The frames of a client: kinds and payloads. Each has to be masked."""
    found = []
    while data:
        kind, length, begin = data[0] & 15, data[1] & 127, 2
        assert data[1] & 128
        if length > 125:
            form, begin = (">H", 4) if length == 126 else (">Q", 10)
            (length,) = struct.unpack(form, data[2:begin])
        mask, payload = data[begin : begin + 4], data[begin + 4 : begin + 4 + length]
        found.append((kind, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))))
        data = data[begin + 4 + length :]
    return found


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield websocket.WebSocket(upgrade.Upgraded(ours, b"", {})), theirs


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_what_is_sent_is_masked(pair, size):
    stream, server = pair
    data = bytes(number % 251 for number in range(size))
    stream.send(data)
    stream.finish()
    got = b""
    while stream.unsent or not got.endswith(b"\x81\x80" + got[-4:]):
        stream.flush()
        got += server.recv(1 << 20)
    assert unmasked(got) == [(2, data), (9, b"all"), (1, b"")]


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 40), st.booleans())
def test_frames_arrive_in_pieces_of_any_size(payloads, step, early):
    """Data of several frames, with a ping between them, and the end."""
    sent = b"".join(frame(2 if not number else 0, payload, 0) for number, payload in enumerate(payloads))
    sent = frame(9, b"keepalive") + sent + frame(10, b"all") + frame(1, b"")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = websocket.WebSocket(upgrade.Upgraded(ours, sent if early else b"", {}))
        found = stream.receive()
        for start in range(0, 0 if early else len(sent), step):
            theirs.sendall(sent[start : start + step])
            found += stream.receive()
        assert (found, stream.ended, stream.clean, stream.echoed) == (b"".join(payloads), True, True, True)
        assert unmasked(stream.unsent) == [(10, b"keepalive")]


@pytest.mark.parametrize(
    "odd",
    [frame(3, b""), bytes([130, 255, 0, 0, 0, 0, 1, 0, 0, 0]), bytes([130, 127]) + struct.pack(">Q", 1 << 40)],
    ids=["kind", "masked", "length"],
)
def test_frames_that_no_server_sends(pair, odd):
    stream, server = pair
    server.sendall(odd)
    with pytest.raises(LXDError, match="frame"):
        stream.receive()


def test_a_connection_that_ends_is_no_end_of_the_stream(pair):
    stream, server = pair
    server.sendall(frame(2, b"half")[:-1])
    server.close()
    stream.drain()
    assert (stream.ended, stream.clean) == (True, False)


AGREED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: PROOF\r\n\r\n"


def begun():
    """A websocket whose handshake has been sent, the server's end of it, and the proof that the server owes."""
    ours, theirs = socket.socketpair()
    stream = websocket.begin(Transport("https://lab:8443"), ours, "/x?secret=y")
    stream.flush()
    asked = theirs.recv(1 << 16)
    assert asked.startswith(b"GET /x?secret=y HTTP/1.1\r\nHost: lab:8443\r\n")
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", asked)
    return stream, theirs, base64.b64encode(hashlib.sha1(key[1] + websocket._MAGIC).digest())


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_several_open_at_the_same_time(step):
    """The handshake of each is a part of what it sends and receives."""
    stream, theirs, proof = begun()
    with stream.sock, theirs:
        assert (stream.receive(), stream.up) == (b"", False)
        answer = AGREED.replace(b"PROOF", proof) + frame(2, b"early")
        found = b""
        for start in range(0, len(answer), step):
            theirs.sendall(answer[start : start + step])
            found += stream.receive()
        assert (found, stream.up, stream.ended) == (b"early", True, False)


@pytest.mark.parametrize(
    "answer",
    [
        AGREED,  # without the proof
        AGREED.replace(b"101", b"200"),
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"x" * (upgrade.MOST + 1),
    ],
    ids=["proof", "status", "refused", "other", "endless"],
)
def test_what_does_not_agree_ends(answer):
    stream, theirs, proof = begun()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    with stream.sock, theirs:
        sender = threading.Thread(target=theirs.sendall, args=(answer.replace(b"PROOF", proof[::-1]),))
        sender.start()
        while not stream.ended:
            select.select([stream.sock], [], [], 5)
            stream.receive()
        sender.join()
        assert (stream.up, stream.clean) == (False, False)


class Server:
    """A socket that answers one request with what a test gives."""

    def __init__(self, path, answer):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.answer, self.asked = answer, b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _address = self.listener.accept()
        with connection:
            while b"\r\n\r\n" not in self.asked:
                self.asked += connection.recv(1 << 16)
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", self.asked)
            proof = base64.b64encode(hashlib.sha1(key[1] + websocket._MAGIC).digest()) if key else b""
            for piece in self.answer:
                connection.sendall(piece.replace(b"PROOF", proof))

    def close(self):
        self.thread.join(5)
        self.listener.close()


@pytest.fixture
def asked(tmp_path):
    made = []

    def ask(*answer):
        made.append(Server(tmp_path / "socket", answer))
        return Transport(f"unix://{tmp_path}/socket")

    yield ask
    for server in made:
        server.close()


def test_a_handshake(asked):
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: PROOF\r\n\r\n"
    stream = websocket.handshake(asked(head[:20], head[20:] + frame(2, b"early")), "/x?secret=y", 5.0)
    assert stream.receive() == b"early"
    stream.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: x\r\n\r\n"], "something else"),
        ([b"HTTP/1.1 101"], "closed the connection"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "does not begin as HTTP"),
        ([b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 60_000], "have no end"),
        ([b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nhalf"], "closed the connection"),
    ],
)
def test_answers_that_are_none(asked, answer, words):
    with pytest.raises((ConnectionFailed, LXDError), match=words):
        websocket.handshake(asked(*answer), "/x", 5.0)


def test_a_refusal_is_an_answer(asked):
    body = b'{"type":"error","error":"no","error_code":403}'
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = websocket.handshake(asked(head, body[:5], body[5:]), "/x", 5.0)
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (403, body)
