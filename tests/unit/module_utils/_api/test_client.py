# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as both implementations speak it: envelopes, what is repeated, and what never is."""

from __future__ import annotations

import io
import re

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client, quote
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
    did_you_mean,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.messages import UNREACHED
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.tests.unit.clock import Hasty
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, error, page, sync
from ansible_collections.cloudhost.lxd.tests.unit.odd import ODD

EOF = "Failed to begin transaction: call begin (budget 0s): receive: header: EOF"
pytestmark = pytest.mark.usefixtures("clock")

WRITES = ("POST", "PUT", "PATCH", "DELETE")
SERVER = {"api_extensions": ["network_peer"], "environment": {"server": "incus", "server_version": "6.0.4"}}


def impatient(server, timeout=0.6, **kwargs):
    return Client(Hasty(server), timeout, **kwargs)


# -- envelopes --------------------------------------------------------------------------------------------------------


def test_get(server, client):
    server.on("GET /1.0/profiles/x", sync({"name": "x"}, etag="e"))
    assert client.get("/1.0/profiles/x", project="p", target=None, filter="") == ({"name": "x"}, "e", None)
    assert server.requests[0].query == {"project": "p"}
    assert client.requests == 1


def test_find_is_none_only_for_404(server, client):
    server.on("GET /1.0/profiles/x", error(404, "Profile not found"), error(403, "not authorized"))
    assert client.find("/1.0/profiles/x", project="p") is None
    assert server.requests[0].query == {"project": "p"}
    with pytest.raises(ServerError) as caught:
        client.find("/1.0/profiles/x")
    assert caught.value.code == 403


def test_an_error_has_the_servers_own_words_and_code(server, client):
    server.on("GET /1.0/x", error(400, "Bad thing"))
    with pytest.raises(
        ServerError, match=rf"^{server.url} answered GET /1.0/x with: Bad thing \(error 400\)$"
    ) as caught:
        client.get("/1.0/x")
    assert (caught.value.code, caught.value.text) == (400, "Bad thing")


def test_of_two_codes_that_of_the_envelope_counts(server, client):
    server.on("GET /1.0/x", error(404, "Not Found")._replace(status=400))
    assert client.find("/1.0/x") is None


def test_an_error_without_words(server, client):
    server.on("GET /1.0/x", error(0, "")._replace(status=418))
    with pytest.raises(ServerError, match="HTTP 418") as caught:
        client.get("/1.0/x")
    assert caught.value.code == 418


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_odd_answer_is_an_error_of_ours(server, client, body):
    server.on("GET /1.0/x", page(200)._replace(body=body.encode()))
    with pytest.raises(LXDError, match="not the LXD API") as caught:
        client.get("/1.0/x")
    assert len(str(caught.value)) < 600 and len(server.requests) == 1


@pytest.mark.parametrize(
    ("found", "recursion"),
    [(None, None), ("a", None), ([], None), (7, None), ("a", 1), ([None], 1), (["a"], 1), ([[]], 2)],
)
def test_what_is_not_an_object_or_a_list_of_them(server, client, found, recursion):
    server.on("GET /1.0/profiles/x", sync(found))
    with pytest.raises(LXDError, match="not the LXD API"):
        client.find("/1.0/profiles/x", recursion=recursion)


@pytest.mark.parametrize(
    "found", [None, "a", 7, ["a"], [["a"]], {"api_extensions": "x"}, {"environment": []}, [None], [7]]
)
def test_what_is_not_the_server_or_a_list_of_names(server, client, found):
    server.on("GET /1.0", sync(found))
    server.on("GET /1.0/profiles", sync(found if found != ["a"] else [{}]))
    server.on("GET /1.0/operations/1/wait", sync(found))
    with pytest.raises(LXDError, match="not the LXD API"):
        client.has("x")
    if found is not None:
        with pytest.raises(LXDError, match="not the LXD API"):
            client.names("/1.0/profiles")
    if not isinstance(found, dict):
        with pytest.raises(LXDError, match="not the LXD API"):
            client.wait("/1.0/operations/1")


@pytest.mark.parametrize("body", ["<html>welcome</html>", "", "[]", "3", "null", '{"metadata": {}}', "{", "\udcff"])
def test_what_is_not_the_api(server, client, body):
    server.on("GET /1.0", page(200)._replace(body=body.encode("utf-8", "surrogateescape")))
    with pytest.raises(
        LXDError, match=r"answered GET /1.0 with HTTP 200 and something that is not the LXD API.*Is 'url' right\?"
    ) as caught:
        client.get("/1.0")
    assert not isinstance(caught.value, (ServerError, ConnectionFailed))
    assert len(server.requests) == 1


def test_names_come_from_urls(server, client):
    server.on("GET /1.0/images/aliases", sync(["/1.0/images/aliases/debian%2F12?project=p", "/1.0/images/aliases/x"]))
    assert client.names("/1.0/images/aliases") == ["debian/12", "x"]
    server.on("GET /1.0/profiles", sync(None))
    assert client.names("/1.0/profiles") == []


def test_names_of_aliases_that_lxd_5_0_quotes_twice(server, client):
    server.on("GET /1.0/images/aliases", sync(["/1.0/images/aliases/debian%252F12%253Fx"]))
    assert client.names("/1.0/images/aliases") == ["debian/12?x"]


def test_a_collection_that_is_named_with_a_slash_at_its_end(server, client):
    server.on("GET /1.0/profiles/", sync(["/1.0/profiles/a"]))
    assert client.names("/1.0/profiles/", project="p") == ["a"]
    assert server.requests[0].query == {"project": "p"}


def test_a_file_is_fetched_as_it_is(server, client):
    server.on("GET /1.0/x/log", page(200, "a line"))
    assert client.fetch("/1.0/x/log", project="p", target=None, filter="") == b"a line"
    assert (client.requests, server.requests[0].query) == (1, {"project": "p"})


def test_a_sink_takes_files_and_leaves_the_api_its_own(server, client):
    place = io.BytesIO()
    server.on("GET /1.0/file", page(200, "content"), page(502), error(404, "Not Found"), sync(["a"]))
    answer = client.request(
        "GET", "/1.0/file", sink=lambda status, headers: place if "html" in headers["Content-Type"] else None
    )
    assert (place.getvalue(), answer.metadata.status, answer.etag, answer.operation) == (b"content", 200, None, None)
    with pytest.raises(ServerError):
        client.request("GET", "/1.0/file", sink=lambda status, headers: None)
    assert client.request("GET", "/1.0/file", sink=lambda status, headers: None).metadata == ["a"]


def test_a_file_has_no_more_time_than_the_task(server):
    server.on("GET /1.0/x/log", page(200, "a line"))
    client = impatient(server, 5)
    client.fetch("/1.0/x/log")
    assert client.transport.timeouts == [pytest.approx(5)]


def test_a_server_that_says_little_of_itself(server, client):
    server.on("GET /1.0", sync({}))
    assert (client.implementation, client.clustered, client.has("x"), client.tokens_by_name) == (
        "lxd",
        False,
        False,
        False,
    )
    assert client.label == f"server ? at {server.url}"
    with pytest.raises(InvalidInput, match=r"this server \(lxd \?, unix:"):
        client.require("x", "x")


@pytest.mark.parametrize(
    ("environment", "clustered"), [({"server_clustered": True}, True), ({"server_clustered": False}, False)]
)
def test_whether_a_server_is_clustered(server, client, environment, clustered):
    server.on("GET /1.0", sync({"environment": environment}))
    assert client.clustered is clustered


def test_another_conversation_has_its_own_connection_and_the_same_time(server):
    server.on("GET /1.0", sync(SERVER))
    first = Client(Transport(server.url), 60, read_only=True, trust_token="t")
    assert first.server
    other = first.another()
    assert other.transport is not first.transport and other.transport.url == server.url
    assert other.deadline is first.deadline and other.server is first.server and other.read_only
    assert other.trust_token is None and len(server.requests) == 1


def test_quote():
    assert quote("debian/12 x?&") == "debian%2F12%20x%3F%26"


def test_the_server_is_read_once(server, client):
    server.on("GET /1.0", sync(SERVER))
    assert client.label == server.url
    assert (client.implementation, client.has("network_peer"), client.has("other")) == ("incus", True, False)
    assert client.label == f"incus 6.0.4 at {server.url}"
    assert client.requests == 1


def test_require(server, client):
    server.on("GET /1.0", sync(SERVER))
    client.require("network_peer", "network_peer")
    with pytest.raises(InvalidInput) as caught:
        client.require("network_load_balancer", "network_load_balancer")
    assert str(caught.value) == (
        f"network_load_balancer needs the extension 'network_load_balancer'; this server (incus 6.0.4, {server.url}) "
        "does not have it."
    )


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("defualt", ["default", "other"], "Did you mean 'default'?"),
        ("x", ["b", "a"], "Known: a, b."),
        ("x", [], "There is none."),
        (
            "zzz",
            [f"n{number:02}" for number in range(20)],
            "Known: " + ", ".join(f"n{number:02}" for number in range(12)) + ", ….",
        ),
    ],
)
def test_did_you_mean(name, known, words):
    assert did_you_mean(name, known) == words


# -- what is repeated, and what never is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        DROP,
        sync({"n": 1})._replace(cut=90),
        error(500, EOF),
        page(500),
        page(502),
        error(503, "LXD daemon setup in progress"),
    ],
)
def test_a_read_is_repeated(server, client, trouble):
    server.on("GET /1.0/x", trouble, trouble, sync("there"))
    assert client.get("/1.0/x").metadata == "there"
    assert client.requests == len(server.requests) == 3


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "trouble", [DROP, sync({"n": 1})._replace(cut=90), error(500, EOF), page(502), error(412, "ETag doesn't match")]
)
def test_a_write_is_never_repeated(server, client, method, trouble):
    server.on(f"{method} /1.0/x", trouble, sync("done"))
    with pytest.raises(Interrupted):
        client.write(method, "/1.0/x", {"a": 1})
    assert server.lines == [f"{method} /1.0/x"]


@pytest.mark.parametrize(
    "words",
    [
        "Failed to begin transaction: context deadline exceeded",
        "driver: receive: header: EOF",
        "no available dqlite leader server found",
        "call configuration: no known leader",
        "database is locked",
        "driver: bad connection",
        "checkpoint in progress",
        "disk I/O error: not leader",
        "LXD daemon setup in progress",
        "Daemon is starting",
        "The server is starting up",
        "Storage pool not ready yet",
        "The instance isn't ready yet",
        'Instance is busy running a "start" operation',
        "Unable to connect to any cluster member",
        "context canceled",
        "LXD server is shutting down",
        'Invalid PID "-1"',
        "Failed to connect to forkfile.sock: connection refused",
        "dial unix /run/forkfile.sock: connect: no such file",
        "connection lost",
        "EOF",
        "Failed to delete bridge children interfaces: x",
    ],
)
def test_words_that_pass_by_themselves(server, client, words):
    server.on("GET /1.0/x", error(400, words), sync("there"))
    server.on("PUT /1.0/x", error(400, words))
    assert client.get("/1.0/x").metadata == "there"
    with pytest.raises(Interrupted, match=re.escape(words)):
        client.write("PUT", "/1.0/x", {})
    assert len(server.lines) == 3


@pytest.mark.parametrize(
    "words", ["EOF in the header", "the connection lost its way", "forkfile.sock is busy", "The instance is busy"]
)
def test_words_that_only_look_so(server, client, words):
    server.on("GET /1.0/x", error(400, words))
    with pytest.raises(ServerError):
        client.get("/1.0/x")
    assert len(server.lines) == 1


@pytest.mark.parametrize("method", ["GET", *WRITES])
@pytest.mark.parametrize("code", [500, 503])
def test_a_request_that_a_member_could_not_pass_on_is_repeated(server, client, method, code):
    server.on(f"{method} /1.0/x", error(code, UNREACHED), error(code, UNREACHED), sync("done"))
    assert client.request(method, "/1.0/x").metadata == "done"
    assert server.lines == [f"{method} /1.0/x"] * 3


def test_a_stream_that_a_member_could_not_pass_on_is_not_repeated(server, client):
    server.on("POST /1.0/x", error(500, UNREACHED), sync("done"))
    with pytest.raises(Interrupted, match=UNREACHED):
        client.request("POST", "/1.0/x", stream=io.BytesIO(b"data"))
    assert server.lines == ["POST /1.0/x"]


def test_a_member_that_stays_away_is_waited_for_once(server, client, monkeypatch):
    monkeypatch.setattr("ansible_collections.cloudhost.lxd.plugins.module_utils._api.attempts.CONNECT_GRACE", 0.3)
    server.on("PUT /1.0/x", *[error(500, UNREACHED)] * 9)
    with pytest.raises(
        ConnectionFailed, match=rf"{UNREACHED}.*which one is away \(tried [345] times, for PUT /1.0/x\)"
    ):
        client.write("PUT", "/1.0/x", {})
    asked = client.requests
    with pytest.raises(ConnectionFailed, match=f"{UNREACHED}.*which one is away$"):
        client.write("PUT", "/1.0/x", {})
    assert client.requests == asked + 1


@pytest.mark.parametrize("code", [400, 404, 409, 500])
@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_an_error_that_does_not_pass_is_final(server, client, method, code):
    server.on(f"{method} /1.0/x", error(code, "No such thing"))
    with pytest.raises(ServerError):
        client.request(method, "/1.0/x")
    assert client.requests == 1


def test_a_write_carries_the_etag_and_json(server, client):
    server.on("PUT /1.0/x", sync(None))
    client.write("PUT", "/1.0/x", {"a": None}, etag="abc", project="p")
    request = server.requests[0]
    assert (request.headers["If-Match"], request.headers["Content-Type"], request.data, request.query) == (
        "abc",
        "application/json",
        {"a": None},
        {"project": "p"},
    )


def test_a_stream_is_sent_as_it_is(server, client, tmp_path):
    (tmp_path / "image").write_bytes(b"\x00" * 70000)
    server.on("POST /1.0/images", sync({"fingerprint": "f"}))
    with open(tmp_path / "image", "rb") as stream:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": "70000"}
        assert client.write("POST", "/1.0/images", headers=headers, stream=stream) == {"fingerprint": "f"}
    assert server.requests[0].body == b"\x00" * 70000


def test_a_stream_ends_with_the_time_of_the_task(server, client, clock):
    class Slow(io.BytesIO):
        def read(self, size=-1):
            clock.sleep(50)
            return super().read(min(size, 10))

    server.on("POST /1.0/images", sync({}))
    with pytest.raises(DeadlineExceeded, match="is over while sending POST /1.0/images"):
        client.write(
            "POST", "/1.0/images", stream=Slow(bytes(1000)), headers={"Content-Type": "x/y", "Content-Length": "1000"}
        )


@pytest.mark.parametrize("method", WRITES)
def test_check_mode_refuses_writes(server, method):
    for send in (Client.write, Client.request):
        with pytest.raises(LXDError, match=f"Check mode must not write, and {method} /1.0/x would"):
            send(impatient(server, read_only=True), method, "/1.0/x", {})
    assert server.requests == []


def test_only_a_client_that_connect_made_reaches_another_server(client):
    with pytest.raises(AssertionError, match="reaches no other server"):
        client.beside({"url": "https://other"})
