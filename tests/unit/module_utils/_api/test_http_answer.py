# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of something that is no server: too slow, too long, cut, or no HTTP at all."""

from __future__ import annotations

import io
import os
import socket
import threading
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import transport as _transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ConnectionFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport

HEADERS = {"Content-Type": "application/octet-stream", "Content-Length": "5"}

# -- a server that is none --------------------------------------------------------------------------------------------


@pytest.fixture
def says(folder):
    """A server that reads a request and says these pieces, one after the other; what ends is hung up."""
    stop = threading.Event()
    made = []

    def says(pieces):
        path = os.path.join(folder, f"s{len(made)}")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        made.append(listener)

        def serve():
            while not stop.is_set():
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                with client:
                    try:
                        client.recv(1 << 16)
                        for piece in pieces():
                            if stop.is_set():
                                return
                            client.sendall(piece)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        return Transport("unix://" + path)

    yield says
    stop.set()
    for listener in made:
        listener.close()


OK = b"HTTP/1.1 200 OK\r\n"


def slowly(pieces):
    for piece in pieces:
        time.sleep(0.03)
        yield piece


def ever(piece):
    while True:
        yield piece


@pytest.mark.parametrize(
    "pieces",
    [
        lambda: ever(b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda: slowly(ever(b"HTTP/1.1 100 Continue\r\n\r\n")),
        lambda: slowly(bytes([byte]) for byte in OK + b"X-Much: " + b"x" * 1000),
        lambda: slowly([OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 1000]),
        lambda: slowly([OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 1000]),
    ],
    ids=["continue", "slow continue", "slow headers", "slow body", "slow pieces"],
)
def test_the_time_is_for_the_whole_answer(says, pieces):
    begin = time.monotonic()
    with pytest.raises(ConnectionFailed, match="no answer in time"):
        says(pieces).request("GET", "/1.0", timeout=0.3)
    assert time.monotonic() - begin < 10


def test_a_file_has_time_for_each_block_and_not_for_each_byte(says):
    begin = time.monotonic()
    with pytest.raises(ConnectionFailed, match="no answer in time"):
        says(lambda: slowly([OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 1000])).request(
            "GET", "/1.0", timeout=0.3, sink=lambda *_: io.BytesIO()
        )
    assert time.monotonic() - begin < 10
    place, block = io.BytesIO(), b"x" * _transport.BLOCK
    pieces = [OK + b"Content-Length: %d\r\n\r\n" % (len(block) * 40), *[block] * 40]
    says(lambda: slowly(pieces)).request("GET", "/1.0", timeout=1.0, sink=lambda *_: place)
    assert len(place.getvalue()) == len(block) * 40


@pytest.mark.parametrize("head", [b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_an_answer_has_a_limit(says, monkeypatch, head):
    monkeypatch.setattr(_transport, "LARGEST", 4000)
    with pytest.raises(ConnectionFailed, match="4000.* at most are taken") as caught:
        says(lambda: iter([OK + head, *[b"64\r\n" + b"x" * 100 + b"\r\n"] * 100])).request("GET", "/1.0")
    assert caught.value.permanent


@pytest.mark.parametrize(
    "body",
    [
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n",
        b"+5\r\nabcde\r\n",
        b"5_0\r\n",
        b"f" * 99 + b"\r\n",
        b"\r\n\r\n",
        b"5\r\nabcdefgh\r\n",
        b"5" * 5000,
    ],
)
def test_pieces_of_an_odd_size(says, body):
    with pytest.raises(ConnectionFailed, match="piece") as caught:
        says(lambda: iter([OK + b"Transfer-Encoding: chunked\r\n\r\n" + body])).request("GET", "/1.0")
    assert caught.value.permanent


@pytest.mark.parametrize(
    "text",
    [
        OK + b"Content-Length: -1\r\n\r\nx",
        OK + b"Content-Length: x\r\n\r\nx",
        OK + b"\r\nx",
        b"\xff\xfe" * 50,
        b"HTTP/9 \r\n\r\n",
        b"HTTP/1.1 " + b"9" * 99 + b" OK\r\n\r\n",
        OK + b"A: b\r\n" * 500,
        OK + b"A: " + b"x" * 99999,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab",
    ],
)
def test_what_is_no_answer(says, text):
    with pytest.raises(ConnectionFailed) as caught:
        says(lambda: iter([text])).request("GET", "/1.0")
    assert caught.value.sent


@pytest.mark.parametrize("body", [b"", b"5", b"5\r", b"5\r\nabcde", b"5\r\nabcde\r", b"0\r", b"0\r\n", b"0\r\n\r"])
def test_an_answer_that_is_cut_between_its_pieces_can_be_asked_for_again(says, body):
    """As one that is cut inside of a piece: nothing about it is odd."""
    with pytest.raises(ConnectionFailed, match="closed the connection") as caught:
        says(lambda: iter([OK + b"Transfer-Encoding: chunked\r\n\r\n" + body])).request("GET", "/1.0")
    assert not caught.value.permanent


def test_pieces_with_all_that_they_may_have(says):
    text = b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nabcde\r\nA \r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n"
    assert says(lambda: iter([OK + text])).request("GET", "/1.0").body == b"abcde0123456789"


def test_a_server_that_refuses_a_file_before_its_end_is_heard(says):
    pieces = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"]
    headers = {**HEADERS, "Content-Length": "90000000"}
    transport = says(lambda: iter(pieces))
    assert transport.request("POST", "/1.0/images", io.BytesIO(bytes(90_000_000)), headers).status == 413
    assert transport._connection is None
