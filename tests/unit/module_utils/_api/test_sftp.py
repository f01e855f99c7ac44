# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SFTP against a server that says what a test wants. What real ones say is in tests/integration/test_instance_files."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import sftp
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    DeadlineExceeded,
    Interrupted,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.upgrade import Upgraded

VERSION = b"\x02\x00\x00\x00\x03"


def packet(body):
    return struct.pack(">I", len(body)) + body


def status(number, code, words=b"words"):
    return packet(struct.pack(">BIII", 101, number, code, len(words)) + words + b"\0\0\0\0")


class Server:
    """Answers each request with what `answer` makes of its type, number and body; None hangs up."""

    def __init__(self, answer, first=b"\0\0\0\5" + VERSION):
        self.ours, self.theirs = socket.socketpair()
        self.answer, self.first, self.seen = answer, first, []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.theirs.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _serve(self):
        try:
            self._exactly(9)
            self.theirs.sendall(self.first)
            while True:
                (length,) = struct.unpack(">I", self._exactly(4))
                body = self._exactly(length)
                kind, number = body[0], struct.unpack(">I", body[1:5])[0]
                self.seen.append((kind, body[5:]))
                answer = self.answer(kind, number, body[5:])
                if answer is None:
                    break
                self.theirs.sendall(answer)
        except (EOFError, OSError):
            pass
        self.theirs.close()

    def talk(self, read_only=False):
        return sftp.Sftp(Upgraded(self.ours, b"", {}), "lxd at x", Deadline(60.0), read_only)


@pytest.fixture
def server():
    made = []

    def make(*args, **kwargs):
        made.append(Server(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.ours.close()
        one.thread.join(5)


def test_what_is_not_there(server):
    files = server(lambda kind, number, body: status(number, 2)).talk()
    assert files.lstat("/a") is None
    with pytest.raises(ServerError, match="words") as refused:
        files.remove("/a")
    assert refused.value.code == 404


def test_attributes(server):
    about = struct.pack(">IQIIIII", 15, 5, 1000, 100, 0o100640, 1, 2)
    made = server(lambda kind, number, body: packet(struct.pack(">BI", 105, number) + about))
    found = made.talk().lstat("/\udcff")
    assert found == sftp.Attributes(5, 1000, 100, 0o100640, 2) and found.permissions == 0o640
    assert made.seen == [(7, b"\0\0\0\2/\xff")]


@pytest.mark.parametrize(("size", "there"), [(0, 9), (5, 9), (100_000, 100_000), (100_000, 40_000), (3_000_000, 10)])
def test_no_more_is_read_than_asked_for(server, size, there):
    """However much a file has by now; and one that became shorter ends."""
    content = bytes(number % 253 for number in range(there))

    def answer(kind, number, body):
        handle = struct.unpack(">I", body[:4])[0]
        offset, length = struct.unpack(">QI", body[4 + handle : 16 + handle])
        piece = content[offset : offset + length]
        return packet(struct.pack(">BII", 103, number, len(piece)) + piece) if piece else status(number, 1)

    files = server(answer).talk()
    assert b"".join(files.read(b"h", size)) == content[:size]


def test_a_file_is_written_in_pieces(server):
    made = server(lambda kind, number, body: status(number, 0))
    made.talk().write(b"h", [b"a" * 70_000, b"", b"bc"])
    written = sorted((struct.unpack(">Q", body[5:13])[0], body[17:]) for kind, body in made.seen)
    assert b"".join(piece for _offset, piece in written) == b"a" * 70_000 + b"bc"
    assert [offset for offset, _piece in written] == [0, 32768, 65536, 70000]


def test_a_write_that_fails(server):
    made = server(lambda kind, number, body: status(number, 4, b"no space left"))
    with pytest.raises(ServerError, match="no space left"):
        made.talk().write(b"h", [b"a" * 1_000_000])


def test_check_mode_changes_nothing(server):
    made = server(lambda kind, number, body: status(number, 0))
    files = made.talk(read_only=True)
    for work in (
        lambda: files.write(b"h", [b"x"]),
        lambda: files.own(b"h", 0, 0),
        lambda: files.permit(b"h", 0),
        lambda: files.mkdir("/a"),
        lambda: files.symlink("a", "/b"),
        lambda: files.rename("/a", "/b"),
        lambda: files.remove("/a"),
        lambda: files.open("/a", sftp.NEW),
    ):
        with pytest.raises(LXDError, match="Check mode must not write"):
            work()
    assert made.seen == []


@pytest.mark.parametrize(
    "odd",
    [
        packet(b"\x69\0\0\0\1\0\0\0\1"),
        packet(b"\x69\0\0\0\1"),
        packet(b"\x65\0\0\0\1\0"),
        packet(b"\x65"),
        b"\xff\xff\xff\xff",
        packet(b""),
    ],
)
def test_answers_that_are_none(server, odd):
    with pytest.raises(LXDError, match="SFTP"):
        server(lambda kind, number, body: odd).talk().lstat("/a")
    with pytest.raises(LXDError, match="SFTP"):
        server(None, first=b"\0\0\0\1\5").talk()


def test_a_connection_that_breaks(server):
    files = server(lambda kind, number, body: None).talk()
    with pytest.raises(Interrupted):
        files.lstat("/a")
    assert files.broken is True


def test_a_server_that_does_not_answer(server):
    files = server(lambda kind, number, body: b"").talk()
    files.deadline = Deadline(0.2)
    with pytest.raises(DeadlineExceeded, match=r"0\.2 s"):
        files.open("/pipe")
