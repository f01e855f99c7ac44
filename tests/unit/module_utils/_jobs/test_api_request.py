# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that users write: what is refused, what is sent, and what becomes of each answer."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import api_request
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, error, operation, page, sync, task

pytestmark = pytest.mark.usefixtures("clock")

GIVEN = {
    "method": "GET",
    "query": None,
    "body": None,
    "etag": None,
    "wait": True,
    "status": [],
    "show_secrets": False,
    "project": None,
    "target": None,
}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def run(client, check=False, **params):
    return api_request.ApiRequest.run(client, {**GIVEN, "path": "/1.0/x", **params}, check)


@pytest.mark.parametrize("path", ["/1.0", "/1.0/", "/1.0/images/aliases/debian%2F12", "/1.0/instances/a..b", "/1.0/x~"])
def test_paths(path):
    api_request.check_path(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("https://other:8443/1.0", "no path of the API"),
        ("//other/1.0", "no path of the API"),
        ("1.0/x", "no path of the API"),
        ("/1.0x", "no path of the API"),
        ("/1.1", "no path of the API"),
        ("/internal/x", "no path of the API"),
        ("", "no path of the API"),
        ("/1.0/../internal", "one of dots"),
        ("/1.0/%2e%2E/internal", "one of dots"),
        ("/1.0/.", "one of dots"),
        ("/1.0//internal", "an empty segment"),
        ("/1.0/x?recursion=1", "write it into the option query"),
        ("/1.0?recursion=1", "write it into the option query"),
        ("/1.0/a b", "urlencode"),
        ("/1.0/x\r\nHost: y", "urlencode"),
        ("/1.0/ä", "urlencode"),
        ("/1.0/x#y", "urlencode"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_path(server, client, path, words, method):
    with pytest.raises(InvalidInput, match=words):
        run(client, method=method, path=path)
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({}, {}),
        ({"project": "shop", "target": "m1"}, {"project": "shop", "target": "m1"}),
        ({"query": {"recursion": 1, "public": True, "filter": None}}, {"recursion": "1", "public": "true"}),
        ({"query": {"project": "web"}, "project": "shop"}, {"project": "web"}),
        ({"query": {"all-projects": True}, "project": "shop"}, {"all-projects": "true"}),
    ],
)
def test_queries(server, client, given, query):
    server.on("GET /1.0/x", sync("there"))
    run(client, **given)
    assert server.requests[0].query == query


def test_what_is_no_query_and_no_body(server, client):
    with pytest.raises(InvalidInput, match=r"query.filter: a parameter is a text"):
        run(client, query={"filter": ["a"]})
    with pytest.raises(InvalidInput, match="body: a GET has none"):
        run(client, body={})
    assert server.requests == []


def test_a_read(server, client):
    server.on("GET /1.0/x", sync({"name": "x"}, etag="e1"))
    assert run(client) == {
        "changed": False,
        "status_code": 200,
        "metadata": {"name": "x"},
        "content": None,
        "etag": "e1",
        "operation": None,
    }


def test_objects_of_any_shape(server, client):
    """No kind reads them, so nothing has to have the type that kinds count on."""
    found = {"config": {"a": {"b": 1}}, "devices": [], "used_by": "x", "members": 3}
    server.on("GET /1.0/x", sync(found))
    assert run(client)["metadata"] == found
    with pytest.raises(LXDError, match="config is odd|devices is odd"):
        client.get("/1.0/x")


@pytest.mark.parametrize("trouble", [DROP, page(502), error(500, "database is locked")])
def test_a_read_is_repeated_and_a_write_is_not(server, client, trouble):
    server.on("GET /1.0/x", trouble, sync("there"))
    assert run(client)["metadata"] == "there"
    for method in WRITES:
        server.on(f"{method} /1.0/x", trouble, sync("done"))
        with pytest.raises(LXDError, match="it is not known whether it was done: .* It is not repeated") as caught:
            run(client, method=method)
        assert caught.value.result["changed"] is True and not isinstance(caught.value, ServerError)
    assert server.lines == ["GET /1.0/x"] * 2 + [f"{method} /1.0/x" for method in WRITES]


def test_a_write(server, client):
    server.on("PUT /1.0/x", sync(None)._replace(status=201))
    done = run(client, method="PUT", body={"a": None, "n": 1}, etag="e1")
    assert (done["changed"], done["status_code"]) == (True, 201)
    assert (server.requests[0].data, server.requests[0].headers["If-Match"]) == ({"a": None, "n": 1}, "e1")


@pytest.mark.parametrize("method", WRITES)
def test_check_mode_sends_no_write(server, client, method):
    assert run(client, check=True, method=method) == {
        "changed": True,
        "status_code": None,
        "metadata": None,
        "content": None,
        "etag": None,
        "operation": None,
    }
    assert server.requests == []


def test_check_mode_reads(server, client):
    server.on("GET /1.0/x", sync("there"))
    assert run(client, check=True)["metadata"] == "there"


@pytest.mark.parametrize("code", [400, 404, 409, 412])
def test_a_refusal_fails_unless_it_is_accepted(server, client, code):
    server.on("DELETE /1.0/x", error(code, "no"))
    with pytest.raises(LXDError) as caught:
        run(client, method="DELETE", status=[200, 202])
    assert caught.value.refusal.code == code and not caught.value.result.get("changed")
    done = run(client, method="DELETE", status=[200, code])
    assert (done["changed"], done["status_code"], len(server.lines)) == (False, code, 2)


def test_success_that_is_not_accepted(server, client):
    server.on("DELETE /1.0/x", sync(None))
    with pytest.raises(LXDError, match=r"with 200, and 'status' accepts 404. What the request changed stays") as caught:
        run(client, method="DELETE", status=[404])
    assert caught.value.result["changed"] is True


def test_an_operation_is_waited_for(server, client):
    server.on("POST /1.0/x", task()._replace(body=task().body.replace(b'"metadata": {}', b'"metadata": {"id": "1"}')))
    server.on("GET /1.0/operations/1/wait", operation(200, metadata={"return": 0}))
    done = run(client, method="POST", status=[202])
    assert (done["status_code"], done["metadata"], done["operation"]["status"]) == (202, {"return": 0}, "Success")
    assert run(client, method="POST", wait=False)["operation"] == {"id": "1"}
    assert server.lines == ["POST /1.0/x", "GET /1.0/operations/1/wait", "POST /1.0/x"]


@pytest.mark.parametrize("sort", ["token", "websocket"])
def test_what_only_a_client_ends_is_not_waited_for(server, client, sort):
    found = f'"metadata": {{"id": "1", "class": "{sort}", "metadata": {{"secret": "hunter2", "fds": 1}}}}'.encode()
    server.on("POST /1.0/x", task()._replace(body=task().body.replace(b'"metadata": {}', found)))
    assert run(client, method="POST")["metadata"] == {"secret": "********", "fds": 1}
    assert run(client, method="POST", show_secrets=True)["metadata"]["secret"] == "hunter2"


def test_an_operation_that_fails(server, client):
    server.on("POST /1.0/x", task()._replace(body=task().body.replace(b'"metadata": {}', b'"metadata": {"id": "1"}')))
    server.on("GET /1.0/operations/1/wait", operation(400, "No space left"))
    with pytest.raises(ServerError, match=r"^POST /1.0/x on .* has failed: No space left") as caught:
        run(client, method="POST")
    assert caught.value.result["changed"] is True


def test_an_operation_that_vanished(server, client):
    server.on("POST /1.0/x", task()._replace(body=task().body.replace(b'"metadata": {}', b'"metadata": {"id": "1"}')))
    server.on("GET /1.0/operations/1/wait", error(404, "Operation not found"))
    server.on("GET /1.0/operations/1", error(404, "Operation not found"))
    with pytest.raises(LXDError, match="it is not known whether it was done: .* vanished"):
        run(client, method="POST")


def test_a_file_comes_as_text(server, client):
    server.on("GET /1.0/x", page(200, "a line\n"))
    done = run(client)
    assert (done["content"], done["metadata"], done["status_code"]) == ("a line\n", None, 200)
