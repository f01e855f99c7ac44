# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several addresses of one server: which of them gets a request, and that no write gets to two of them."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import attempts
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.addresses import Addresses, urls_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, FakeServer, error, page, sync

NAMES = ("a", "b", "c")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
TROUBLES = (DROP, sync({"n": 1})._replace(cut=90), error(503, "LXD daemon setup in progress"), page(502))


@pytest.fixture
def servers(folder):
    """Three addresses of a server, as a dictionary by name."""
    made = {name: FakeServer(os.path.join(folder, name)) for name in NAMES}
    for name, server in made.items():
        server.on("GET /1.0/x", sync(name))
    yield made
    for server in made.values():
        server.close()
        assert server.complaints == []


@pytest.fixture
def client(servers, clock):
    with contextlib.closing(made(servers).transport):
        yield made(servers)


def made(servers, **options):
    urls = [server.url for server in servers.values()]
    return connect({"url": urls, "timeout": 60, "trust_token": None, **options})


@pytest.mark.parametrize(
    ("given", "urls"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ([""], ()),
        ("unix:///a/", ("unix:///a",)),
        ("https://a, https://b/", ("https://a", "https://b")),
        (["https://b", "https://a", "https://b/"], ("https://b", "https://a")),
    ],
)
def test_how_addresses_are_written(given, urls):
    assert urls_of(given) == urls


@pytest.mark.parametrize("given", ["https://a,", ["https://a", " "]])
def test_an_empty_address_among_others(given):
    with pytest.raises(InvalidInput, match="address 2 of 2 is empty"):
        urls_of(given)


def test_an_address_that_is_none_is_found_before_one_is_used(servers):
    with pytest.raises(InvalidInput, match="url 'ftp://b' is not understood"):
        connect({"url": [servers["a"].url, "ftp://b"], "timeout": 60, "trust_token": None})


def test_the_first_address_is_used_as_long_as_it_answers(servers, client):
    assert [client.get("/1.0/x").metadata for _time in range(3)] == ["a"] * 3
    assert servers["b"].connections == servers["c"].connections == 0


def test_the_next_address_is_used_at_once_and_kept(servers, client, clock):
    servers["a"].close()
    assert [client.get("/1.0/x").metadata for _time in range(3)] == ["b"] * 3
    assert (clock.pauses, client.url, servers["c"].requests) == ([], servers["b"].url, [])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_read_that_fails_is_repeated_elsewhere(servers, client, clock, trouble):
    servers["a"].on("GET /1.0/x", trouble)
    servers["b"].on("GET /1.0/x", trouble)
    assert client.get("/1.0/x").metadata == "c"
    assert [len(server.requests) for server in servers.values()] == [1, 1, 1] and clock.pauses == []


def test_the_connection_to_an_address_that_is_left_is_closed(servers, client):
    servers["a"].on("GET /1.0/x", error(503, "LXD daemon setup in progress"))
    left = client.transport
    assert client.get("/1.0/x").metadata == "b"
    assert client.transport is not left and left._connection is None


@pytest.mark.parametrize("method", WRITES)
def test_a_write_that_was_not_sent_is_sent_elsewhere(servers, client, method):
    servers["a"].close()
    servers["b"].on(f"{method} /1.0/x", sync("done"))
    assert client.write(method, "/1.0/x", {}) == "done"
    assert [server.lines for server in servers.values()] == [[], [f"{method} /1.0/x"], []]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("method", WRITES)
def test_a_write_that_was_sent_is_sent_nowhere_else(servers, client, method, trouble):
    servers["a"].on(f"{method} /1.0/x", trouble)
    with pytest.raises(Interrupted):
        client.write(method, "/1.0/x", {})
    assert [server.lines for server in servers.values()] == [[f"{method} /1.0/x"], [], []]


@pytest.mark.parametrize("method", WRITES)
def test_an_odd_answer_to_a_write_is_final(servers, client, method):
    odd = sync(None, close=True)._replace(body=b"odd\r\n", headers={"Transfer-Encoding": "chunked"})
    servers["a"].on(f"{method} /1.0/x", odd)
    with pytest.raises(ConnectionFailed, match="pieces of an odd size"):
        client.write(method, "/1.0/x", {})
    assert servers["b"].requests == servers["c"].requests == []


def test_after_a_write_whose_answer_was_lost_another_address_is_read(servers, client):
    servers["a"].on("PUT /1.0/x", DROP)
    with pytest.raises(Interrupted):
        client.write("PUT", "/1.0/x", {})
    assert client.get("/1.0/x").metadata == "b"


def test_a_write_on_a_connection_that_the_server_has_closed_is_not_repeated(servers, client):
    """The client cannot know what the server had read."""
    servers["a"].on("GET /1.0/x", sync("a", close=True)._replace(headers={"Connection": "keep-alive"}))
    assert client.get("/1.0/x").metadata == "a"
    with pytest.raises(Interrupted):
        client.write("PUT", "/1.0/x", {})
    assert servers["b"].requests == []


@pytest.mark.parametrize("code", [400, 403, 404, 409, 500])
def test_a_refusal_is_an_answer(servers, client, code):
    servers["a"].on("GET /1.0/x", error(code, "no"))
    with pytest.raises(ServerError, match=servers["a"].url):
        client.get("/1.0/x")
    assert servers["b"].requests == []


def test_when_none_answers_the_error_names_each_and_why(servers, client, clock, folder):
    servers["a"].close()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(f"{folder}/a")
    servers["b"].on("GET /1.0/x", DROP)
    servers["c"].close()
    with pytest.raises(ConnectionFailed) as caught:
        client.get("/1.0/x")
    first, *each = str(caught.value).split("\n")
    assert first.startswith("No address in url answers (tried ") and first.endswith(" times, for GET /1.0/x):")
    for line, name, words in zip(each, NAMES, ("refused", "without an answer", "no such socket")):
        assert line.startswith(f"- {servers[name].url}: ") and words in line, line
    assert len(each) == 3 and caught.value.retryable
    assert attempts.CONNECT_GRACE < clock.passed < attempts.CONNECT_GRACE + 2
    assert len(servers["b"].requests) > 20, "each of them is tried until the end"


def test_the_time_of_the_task_ends_the_search(servers, clock):
    for server in servers.values():
        server.close()
    with pytest.raises(LXDError) as caught:
        made(servers, timeout=5).get("/1.0/x")
    assert all(server.url in str(caught.value) for server in servers.values()) and clock.passed <= 5


def test_an_address_that_waiting_does_not_help_is_left_out(servers, clock):
    nowhere = "unix:///nowhere/at/all/unix.socket"
    urls = [nowhere, servers["a"].url]
    client = connect({"url": urls, "timeout": 60, "trust_token": None})
    servers["a"].on("GET /1.0/x", DROP, DROP, sync("a"))
    assert client.get("/1.0/x").metadata == "a"
    assert client.requests == 4, "once at the first, and three times at the second"
    (doubt,) = client.addresses.doubts()
    assert nowhere in doubt and "no such socket" in doubt


def test_when_waiting_does_not_help_any_nothing_is_waited_for(clock):
    urls = ["unix:///nowhere/1/unix.socket", "unix:///nowhere/2/unix.socket"]
    client = connect({"url": urls, "timeout": 60, "trust_token": None})
    with pytest.raises(ConnectionFailed) as caught:
        client.get("/1.0/x")
    assert all(url in str(caught.value) for url in urls) and not caught.value.retryable
    assert (client.requests, clock.pauses) == (2, [])


def test_a_single_address_is_named_as_ever(clock):
    client = connect({"url": ["unix:///nowhere/1/unix.socket"], "timeout": 60, "trust_token": None})
    with pytest.raises(ConnectionFailed, match=r"^unix:///nowhere/1/unix.socket: there is no such socket"):
        client.get("/1.0/x")
    assert client.transport.patience is None


def test_what_one_connection_learns_all_of_the_task_know(servers, client):
    """Also those that were made before."""
    before = [client.another() for _worker in range(3)]
    servers["a"].close()
    assert client.get("/1.0/x").metadata == "b"
    for other in (*before, client.another()):
        assert other.get("/1.0/x").metadata == "b"
        assert other.requests == 1, "nobody else tries the first address"
        other.transport.close()


def test_an_address_that_is_back_serves_when_the_others_fail(servers, client, folder):
    servers["a"].close()
    assert client.get("/1.0/x").metadata == "b"
    back = FakeServer(os.path.join(folder, "a"))
    back.on("GET /1.0/x", sync("back"))
    servers["b"].on("GET /1.0/x", DROP)
    servers["c"].on("GET /1.0/x", DROP)
    assert client.get("/1.0/x").metadata == "back"
    assert client.get("/1.0/x").metadata == "back"
    back.close()


def test_each_member_tells_of_itself(servers, client):
    for name, server in servers.items():
        server.on("GET /1.0", sync({"environment": {"server_name": name}}))
    assert client.server["environment"]["server_name"] == "a"
    servers["a"].on("GET /1.0/x", DROP)
    client.get("/1.0/x")
    assert client.server["environment"]["server_name"] == "b"
    assert client.label.endswith(servers["b"].url)


def test_an_address_that_accepts_and_says_nothing_costs_little(servers, monkeypatch):
    """As a daemon that is stopped, or a host that drops packets."""
    monkeypatch.setattr(attempts, "CONNECT_PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [f"https://127.0.0.1:{silent.getsockname()[1]}", servers["a"].url]
        client = connect({"url": urls, "timeout": 60, "trust_token": None, "server_fingerprint": "0" * 64})
        assert client.get("/1.0/x").metadata == "a"


def test_a_slow_address_is_given_more_time_in_each_round(clock):
    urls = ["unix:///tmp/1/x", "unix:///tmp/2/x"]
    found = attempts.Attempts("GET", "/1.0/x", "x", connect({"url": urls, "timeout": 60, "trust_token": None}).deadline,
                              Addresses(urls))  # fmt: skip
    seen = []
    for url in urls * 3:
        seen.append(found.patience)
        found.unanswered(url, ConnectionFailed("late"))
    assert seen == [1, 1, 2, 2, 4, 4]
