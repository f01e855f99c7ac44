# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection: what breaks, whether it may have been seen, and whether waiting can help."""

from __future__ import annotations

import io
import os
import select
import socket

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import transport as _transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ConnectionFailed, InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Exactly, Transport, default_url
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, sync


@pytest.fixture
def transport(server):
    transport = Transport(server.url)
    yield transport
    transport.close()


def test_the_answer_as_it_is(server, transport):
    server.on("GET /1.0", sync({"a": 1}, etag="e"))
    answer = transport.request("GET", "/1.0?project=p")
    assert (answer.status, answer.headers["etag"], answer.body) == (200, "e", sync({"a": 1}).body)
    assert server.requests[0].query == {"project": "p"}


def test_one_connection_is_kept(server, transport):
    server.on("GET /1.0", sync({}))
    transport.request("GET", "/1.0")
    kept = transport._connection.sock
    transport.request("GET", "/1.0")
    assert transport._connection.sock is kept


def test_an_answer_that_says_close_is_followed_by_a_new_connection(server, transport):
    server.on("GET /1.0", sync({}, close=True)._replace(headers={"Connection": "close"}), sync({}))
    transport.request("GET", "/1.0")
    assert transport._connection is None
    assert transport.request("GET", "/1.0").status == 200


def test_a_read_on_a_kept_connection_that_the_server_closed_is_repeated(server, transport):
    server.on("GET /1.0", sync({}, close=True), sync({"second": True}))
    transport.request("GET", "/1.0")
    assert b"second" in transport.request("GET", "/1.0").body


def test_a_write_on_a_kept_connection_that_the_server_closed_is_not_repeated(server, transport):
    server.on("GET /1.0", sync({}, close=True))
    transport.request("GET", "/1.0")
    assert select.select([transport._connection.sock], [], [], 5)[0]  # its end has arrived
    with pytest.raises(ConnectionFailed) as caught:
        transport.request("POST", "/1.0/profiles", b"{}", {"Content-Type": "application/json"})
    assert caught.value.sent and not caught.value.permanent
    assert server.lines == ["GET /1.0"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_connection_cut_before_the_answer_may_have_been_seen(server, transport, method):
    server.on(f"{method} /1.0", DROP)
    with pytest.raises(ConnectionFailed, match="the server closed the connection without an answer") as caught:
        transport.request(method, "/1.0")
    assert caught.value.sent and not caught.value.permanent
    assert len(server.requests) == 1


def _length_of_answer():
    answer = sync({"name": "x"}, etag="e")
    return len(
        f"HTTP/1.1 200 Words\r\nContent-Type: application/json\r\nContent-Length: {len(answer.body)}\r\nETag: e\r\n\r\n"
    ) + len(answer.body)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_cut_at_any_byte_is_no_answer(server, method):
    for cut in range(_length_of_answer()):
        server.on(f"{method} /1.0", sync({"name": "x"}, etag="e")._replace(cut=cut))
        transport = Transport(server.url)
        with pytest.raises(ConnectionFailed) as caught:
            transport.request(method, "/1.0")
            pytest.fail(f"cut at byte {cut}")
        assert caught.value.sent, f"cut at byte {cut}"
        transport.close()


def test_no_answer_in_time(server, transport):
    server.on("GET /1.0", sync({}, silent=True))
    with pytest.raises(ConnectionFailed, match="no answer in time") as caught:
        transport.request("GET", "/1.0", timeout=0.05)
    assert caught.value.sent and not caught.value.permanent


@pytest.mark.parametrize(("there", "permanent"), [(False, True), (True, False)])
def test_no_socket(folder, there, permanent):
    path = os.path.join(folder, "unix.socket") if there else os.path.join(folder, "lxd", "unix.socket")
    with pytest.raises(ConnectionFailed, match=f"unix://{path}: there is no such socket") as caught:
        Transport("unix://" + path).request("GET", "/1.0")
    assert (caught.value.sent, caught.value.permanent) == (False, permanent)


def test_a_socket_that_nobody_listens_on(folder):
    path = os.path.join(folder, "unix.socket")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with pytest.raises(ConnectionFailed, match="connection refused. The daemon is not running there") as caught:
        Transport("unix://" + path).request("GET", "/1.0")
    assert (caught.value.sent, caught.value.permanent) == (False, False)


def test_permission_denied(monkeypatch, folder):
    class Closed(socket.socket):
        def connect(self, _address):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_transport.socket, "socket", Closed)
    with pytest.raises(ConnectionFailed, match=r"permission denied. Run the task as root \(become: true\)") as caught:
        Transport(f"unix://{folder}/unix.socket").request("GET", "/1.0")
    assert (caught.value.sent, caught.value.permanent) == (False, True)


def test_a_path_too_long_for_a_socket_is_refused():
    with pytest.raises(InvalidInput, match="the path of a socket has at most 107 bytes"):
        Transport("unix:///" + "x" * 120)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lxd",
        "/var/lib/lxd/unix.socket",
        "http://host:8443",
        "unix://relative",
        "https://",
        "ftp://host",
        "https://host:99999",
        "https://host:port",
        "https://[::1",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(InvalidInput, match="url '"):
        Transport(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://host", "host", 8443),
        ("https://host:443", "host", 443),
        ("https://[::1]:8443", "::1", 8443),
        ("https://192.0.2.1/", "192.0.2.1", 8443),
    ],
)
def test_https_urls(url, host, port):
    transport = Transport(url)
    assert (transport.host, transport.port) == (host, port)


# -- which socket -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sockets(folder, monkeypatch):
    """Where the daemons would have their sockets, all in one folder; none is there until `touch`ed."""
    monkeypatch.setattr(_transport, "SOCKETS", tuple(os.path.join(folder, name) for name in ("snap", "lxd", "incus")))

    def touch(*names):
        for name in names:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii"):
                pass
        return folder

    return touch


@pytest.mark.parametrize(
    ("there", "environ", "expected"),
    [
        (("snap", "lxd", "incus"), {}, "snap"),
        (("lxd", "incus"), {}, "lxd"),
        (("incus",), {}, "incus"),
        (("snap", "my"), {"INCUS_SOCKET": "my"}, "my"),
        (("one", "two"), {"LXD_SOCKET": "one", "INCUS_SOCKET": "two"}, "one"),
        (("two",), {"LXD_SOCKET": "one", "INCUS_SOCKET": "two"}, "two"),
        (("one", "d/unix.socket"), {"LXD_SOCKET": "one", "LXD_DIR": "d"}, "one"),
        (("d/unix.socket", "i/unix.socket"), {"INCUS_DIR": "i", "LXD_DIR": "d"}, "d/unix.socket"),
        (("snap",), {"LXD_SOCKET": "coming"}, "coming"),
        (("snap",), {"LXD_SOCKET": ""}, "snap"),
    ],
)
def test_default_url(sockets, there, environ, expected):
    folder = sockets(*there)
    environ = {key: value and os.path.join(folder, value) for key, value in environ.items()}
    assert default_url(environ) == f"unix://{folder}/{expected}"


def test_no_default_url(sockets):
    folder = sockets()
    with pytest.raises(ConnectionFailed, match=f"looked at {folder}/snap, .*cloudhost.lxd.install.*'url'") as caught:
        default_url({})
    assert caught.value.permanent


def test_a_file_is_poured_where_the_sink_says(server, transport):
    server.on("GET /1.0/file", sync({"long": "x" * 600000}))
    place = io.BytesIO(b"what was there")
    answer = transport.request("GET", "/1.0/file", sink=lambda status, headers: place)
    assert (answer.body, place.getvalue()) == (b"", sync({"long": "x" * 600000}).body)
    server.on("GET /1.0/other", sync({}))
    assert transport.request("GET", "/1.0/other", sink=lambda status, headers: None).body == sync({}).body


def test_a_file_whose_end_is_missing_is_no_file(server, transport):
    whole = sync({"long": "x" * 600000})
    server.on("GET /1.0/file", whole._replace(cut=len(whole.body) // 2))
    with pytest.raises(ConnectionFailed):
        transport.request("GET", "/1.0/file", sink=lambda status, headers: io.BytesIO())


def test_a_socket_of_its_own(server, transport):
    server.on("GET /1.0", sync({}))
    transport.request("GET", "/1.0")
    own = transport.socket(60)
    assert own is not transport._connection.sock
    own.close()
    with pytest.raises(ConnectionFailed, match="no such socket"):
        Transport(server.url + ".gone").socket(5)


# -- what is sent is what was announced -------------------------------------------------------------------------------

HEADERS = {"Content-Type": "application/octet-stream", "Content-Length": "5"}


def test_a_stream_has_the_length_that_was_announced(server, transport):
    server.on("POST /1.0/images", sync({}))
    server.on("GET /1.0", sync({}))
    transport.request("POST", "/1.0/images", io.BytesIO(b"12345POST /1.0/x HTTP/1.1\r\n\r\n"), HEADERS)
    transport.request("GET", "/1.0")
    assert server.lines == ["POST /1.0/images", "GET /1.0"]
    assert server.requests[0].body == b"12345"


def test_a_stream_that_is_shorter_is_an_error_and_the_end_of_the_connection(server, transport):
    server.on("POST /1.0/images", sync({}))
    server.on("GET /1.0", sync({"a": 1}))
    with pytest.raises(LXDError, match="5 bytes were announced, and 1 of them are missing") as caught:
        transport.request("POST", "/1.0/images", io.BytesIO(b"1234"), HEADERS)
    assert not isinstance(caught.value, ConnectionFailed)
    assert transport.request("GET", "/1.0").body == sync({"a": 1}).body


def test_a_file_that_cannot_be_read_is_no_matter_of_the_connection(server, transport):
    class Broken(io.BytesIO):
        name = "broken"

        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    server.on("POST /1.0/images", sync({}))
    with pytest.raises(LXDError, match="broken cannot be read to its end: Input/output error") as caught:
        transport.request("POST", "/1.0/images", Broken(), HEADERS)
    assert not isinstance(caught.value, ConnectionFailed)


def test_exactly():
    before = []
    some = Exactly(io.BytesIO(b"123456789"), 7, lambda: before.append(1))
    assert [some.read(3), some.read(), some.read(), some.read(3)] == [b"123", b"4567", b"", b""]
    assert len(before) == 4


def test_a_full_disk_is_no_matter_of_the_connection(server, transport):
    server.on("GET /1.0/file", sync({"long": "x" * 600000}))
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(
        LXDError, match="cannot be written on this side: No space left"
    ) as caught:
        transport.request("GET", "/1.0/file", sink=lambda status, headers: full)
    assert not isinstance(caught.value, ConnectionFailed)
