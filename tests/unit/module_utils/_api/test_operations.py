# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for operations, as LXD and as Incus answer the wait; and first contact with a token."""

from __future__ import annotations

import json
import socket

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.messages import UNREACHED
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Response, Transport
from ansible_collections.cloudhost.lxd.tests.unit.clock import Hasty
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, error, operation, page, sync, task

pytestmark = pytest.mark.usefixtures("clock")

LOOK, WAIT = "GET /1.0/operations/1", "GET /1.0/operations/1/wait"
TIMED_OUT = error(500, "context deadline exceeded")
GONE = error(404, "Operation not found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_each_verb_may_answer_either_way(server, client, method):
    server.on(f"{method} /1.0/x", sync({"at": "once"}), task())
    server.on(WAIT, operation(200, metadata={"at": "length"}))
    assert client.write(method, "/1.0/x", {}) == {"at": "once"}
    assert client.write(method, "/1.0/x", {}) == {"at": "length"}


@pytest.mark.parametrize(
    "waits",
    [
        [operation(200)],
        [operation(103), operation(103), operation(200)],  # LXD: a wait that ran out
        [DROP, operation(200)],
        [page(504), operation(200)],
    ],
)
def test_a_wait_that_ends_well(server, client, waits):
    server.on(WAIT, *waits)
    assert client.wait("/1.0/operations/1?project=p")["status_code"] == 200
    assert server.lines == [WAIT] * len(waits)


def test_incus_a_wait_that_ran_out(server, client):
    server.on(WAIT, TIMED_OUT, operation(200))
    server.on(LOOK, operation(103))
    assert client.wait("/1.0/operations/1")["status_code"] == 200
    assert server.lines == [WAIT, LOOK, WAIT]


@pytest.mark.parametrize(
    ("wait", "look"),
    [
        (error(400, "Failed creating: no space"), operation(400, "Failed creating: no space")),
        (operation(400, "Failed creating: no space"), None),
    ],
    ids=["incus", "lxd"],  # as `Client.wait` and the test of both daemons in test_claims.py have it
)
def test_an_operation_that_failed(server, client, wait, look):
    server.on("POST /1.0/x", task())
    server.on(WAIT, wait)
    if look:
        server.on(LOOK, look)
    with pytest.raises(ServerError) as caught:
        client.write("POST", "/1.0/x", {})
    assert caught.value.text == "Failed creating: no space"


@pytest.mark.parametrize(("code", "err", "words"), [(401, "", "Cancelled"), (400, "", "Failure")])
def test_an_operation_that_failed_without_words(server, client, code, err, words):
    server.on(WAIT, operation(code, err))
    with pytest.raises(ServerError, match=words):
        client.wait("/1.0/operations/1")


@pytest.mark.parametrize(
    "words",
    ["Failed to begin transaction: no available dqlite leader server found", f"Migration API failure: {UNREACHED}"],
)
def test_an_operation_that_failed_for_a_passing_reason(server, client, words):
    server.on(WAIT, operation(400, words))
    with pytest.raises(Interrupted):
        client.wait("/1.0/operations/1")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_operation_that_vanished(server, client, method):
    server.on(f"{method} /1.0/x", task())
    server.on(WAIT, GONE)
    server.on(LOOK, GONE)
    with pytest.raises(Interrupted, match="/1.0/operations/1 vanished before its end was seen"):
        client.write(method, "/1.0/x", {})
    assert server.lines.count(f"{method} /1.0/x") == 1


def test_an_operation_that_does_not_end(server, clock):
    server.on(WAIT, operation(103))
    server.hooks[WAIT] = lambda: clock.sleep(0.25)
    with pytest.raises(DeadlineExceeded, match="is over while waiting for /1.0/operations/1"):
        Client(Hasty(server, clock), 0.7).wait("/1.0/operations/1")
    assert clock.passed == 0.75


def test_a_server_that_falls_silent_while_it_is_waited_for(server, clock):
    server.on(WAIT, operation(200)._replace(silent=True))
    with pytest.raises((DeadlineExceeded, ConnectionFailed)):
        Client(Hasty(server, clock), 2.1).wait("/1.0/operations/1")
    assert clock.passed < 3.3


def test_a_wait_is_asked_for_in_slices_of_a_minute(server, clock):
    """Shorter than the idle time-outs of proxies; the last as long as there is time, and the connection a little longer
    than the server.
    """
    server.on(WAIT, operation(103), operation(103), operation(103), operation(200))
    server.hooks[WAIT] = lambda: clock.sleep(float(server.requests[-1].query["timeout"]))
    transport = Hasty(server, clock)
    client = Client(transport, 130.9)
    assert client.wait("/1.0/operations/1")["status_code"] == 200
    assert [request.query["timeout"] for request in server.requests] == ["60", "60", "10", "1"]
    assert transport.timeouts == pytest.approx([131.9, 71.9, 11.9, 1.9])


def test_a_server_that_has_hours_is_not_listened_to_for_hours(server, clock):
    server.on(WAIT, operation(200))
    server.on("GET /1.0", sync({}))
    transport = Hasty(server, clock)
    client = Client(transport, 7200)
    client.wait("/1.0/operations/1")
    client.get("/1.0")
    assert transport.timeouts == [180.0, 120.0]


def test_an_operation_that_cannot_be_looked_at(server, client):
    server.on(WAIT, TIMED_OUT)
    server.on(LOOK, error(403, "not authorized"))
    with pytest.raises(ServerError, match="not authorized"):
        client.wait("/1.0/operations/1")


@pytest.mark.parametrize("code", [101, 103, 104, 105, 106, 107, 109])
def test_an_operation_that_still_runs(server, client, code):
    server.on(WAIT, sync({"status_code": code}), operation(200))
    assert client.wait("/1.0/operations/1")["status_code"] == 200
    assert server.lines == [WAIT] * 2


def test_an_operation_that_says_nothing(server, client):
    server.on(WAIT, sync({"err_code": 7}))
    with pytest.raises(ServerError, match="^it failed without a word$") as caught:
        client.wait("/1.0/operations/1")
    assert (caught.value.code, caught.value.text) == (7, "it failed without a word")


def test_a_token_is_not_waited_for(server, client):
    server.on("POST /1.0/certificates", task())
    assert client.write("POST", "/1.0/certificates", {}, wait=False) == {}
    assert server.lines == ["POST /1.0/certificates"]


# -- first contact ----------------------------------------------------------------------------------------------------


class Wire:
    """A transport to an https server that trusts us once our certificate was posted."""

    scheme, url = "https", "https://host:8443"

    def __init__(self, client_pem="PEM", extensions=("explicit_trust_token",), auth=None, post=None):
        self.auth, self.post = auth, post
        self.tls = type("Tls", (), {"client_pem": client_pem})
        self.sent, self.trusted, self.extensions = [], False, extensions

    def request(self, method, path, body=None, headers=None, timeout=60.0, sink=None):
        self.sent.append((method, path, body))
        if method == "POST" and self.post:
            answer = self.post
            return Response(answer.status, {}, answer.body)
        if method == "POST":
            self.trusted = True
        if path == "/1.0":
            told = {"auth": self.auth} if self.auth else {}
            answer = sync(
                {
                    "api_extensions": list(self.extensions),
                    "environment": {"server": "incus"} if self.trusted else {},
                    **told,
                }
            )
        else:
            answer = sync("content") if self.trusted or method == "POST" else error(403, "not authorized")
        return Response(answer.status, {}, answer.body)


@pytest.mark.parametrize(
    ("extensions", "key"), [(("explicit_trust_token",), "trust_token"), (("incusos",), "trust_token"), ((), "password")]
)
def test_the_token_gains_trust_once(extensions, key):
    wire = Wire(extensions=extensions)
    client = Client(wire, 5, trust_token=" the-token\n")
    assert client.get("/1.0/profiles").metadata == "content"
    posts = [sent for sent in wire.sent if sent[0] == "POST"]
    assert len(posts) == 1 and f'"{key}": "the-token"'.encode() in posts[0][2]
    assert client.implementation == "incus"  # what the untrusted client was shown is not kept


def test_without_a_token_the_refusal_says_what_to_do():
    with pytest.raises(ServerError, match="give client_cert and client_key of a trusted certificate, or a trust_token"):
        Client(Wire(), 5).get("/1.0/profiles")


def test_check_mode_does_not_use_the_token():
    wire = Wire()
    with pytest.raises(LXDError, match="check mode must not"):
        Client(wire, 5, read_only=True, trust_token="the-token").get("/1.0/profiles")
    assert {sent[0] for sent in wire.sent} == {"GET"}


def test_a_token_without_a_certificate():
    with pytest.raises(InvalidInput, match="trust_token needs client_cert and client_key"):
        Client(Wire(client_pem=None), 5, trust_token="the-token").get("/1.0/profiles")


def test_what_is_posted_with_the_token():
    wire = Wire()
    Client(wire, 5, trust_token="the-token").get("/1.0/profiles")
    (method, path, body) = next(sent for sent in wire.sent if sent[0] == "POST")
    assert path == "/1.0/certificates"
    assert json.loads(body) == {"type": "client", "name": socket.gethostname(), "trust_token": "the-token"}


def test_a_token_that_the_server_does_not_take():
    wire = Wire(post=error(400, "Invalid token"))
    with pytest.raises(
        ServerError, match="does not take the trust_token: Invalid token. A token is good for one client and one time"
    ) as caught:
        Client(wire, 5, trust_token="the-token").get("/1.0/profiles")
    assert (caught.value.code, caught.value.text) == (400, "Invalid token")
    assert "the-token" not in str(caught.value)


def test_a_token_is_kept_where_the_server_knows_us():
    """What it forbids then is not a matter of trust."""
    wire = Wire(auth="trusted")
    with pytest.raises(ServerError, match="not authorized.*limited to some projects") as caught:
        Client(wire, 5, trust_token="the-token").get("/1.0/profiles")
    assert "trust_token" not in str(caught.value)
    assert {sent[0] for sent in wire.sent} == {"GET"}


def test_other_errors_are_no_matter_of_trust():
    wire = Wire()
    original, gone = wire.request, error(404, "Not Found")
    wire.request = lambda method, path, *args, **kwargs: (
        Response(404, {}, gone.body) if path == "/1.0/gone" else original(method, path, *args, **kwargs)
    )
    with pytest.raises(ServerError, match="Not Found") as caught:
        Client(wire, 5, trust_token="the-token").get("/1.0/gone")
    assert "client_cert" not in str(caught.value) and "POST" not in {sent[0] for sent in wire.sent}


def test_a_socket_has_no_use_for_a_token(server):
    server.on("GET /1.0/profiles", error(403, "not authorized"))
    with pytest.raises(ServerError, match="not authorized") as caught:
        Client(Transport(server.url), 5, trust_token="the-token").get("/1.0/profiles")
    assert "client_cert" not in str(caught.value) and server.lines == ["GET /1.0/profiles"]


def test_a_server_that_refuses_to_say_who_we_are_does_not_know_us():
    wire = Wire()
    original = wire.request

    def refusing(method, path, *args, **kwargs):
        if path == "/1.0":
            answer = error(403, "no")
            return Response(answer.status, {}, answer.body)
        return original(method, path, *args, **kwargs)

    wire.request = refusing
    for path in ("/1.0/profiles", "/1.0"):
        with pytest.raises(ServerError, match="give client_cert and client_key of a trusted certificate"):
            Client(wire, 5).get(path)


def test_while_somebody_watches_each_answer_says_how_far_the_server_is(server, client):
    told, report = [], "create_instance_from_image_unpack_progress"
    client.on_wait = lambda words, detail: told.append((words, detail))
    server.on(WAIT, operation(103, metadata={report: "Unpack: 45% (9MB/s)"}), operation(103), operation(200))
    client.waiting_for("create")
    client.wait("/1.0/operations/1")
    assert told == [("create", ""), ("", "unpack 45%"), ("", "")]
    assert {request.query["timeout"] for request in server.requests} == {"2"}
    client.on_wait = None
    server.on(WAIT, operation(103), operation(200))
    client.wait("/1.0/operations/1")
    assert server.requests[-1].query["timeout"] != "2"
