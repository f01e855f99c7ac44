# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has no kind, on real daemons: any request, warnings, operations, and what networks have given to whom."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from integration.modules import ModuleFailed

SECRET = "hunter22-hunter22"


def test_a_life_by_requests(api) -> None:  # type: ignore[no-untyped-def]
    """A profile with nothing but requests: created, read, changed with its ETag, and deleted twice."""

    def request(method: str = "GET", path: str = "/1.0/profiles/raw", **given: Any) -> dict[str, Any]:
        return dict(api.run("api_request", method=method, path=path, **given))

    api.proxy.forget()
    body = {"name": "raw", "config": {"user.password": SECRET}}
    assert api.run("api_request", check=True, method="POST", path="/1.0/profiles", body=body)["changed"] is True
    assert api.proxy.requests == [], "check mode asked"
    made = request("POST", "/1.0/profiles", body=body)
    assert (made["changed"], made["status_code"]) == (True, 201) and SECRET not in str(made)
    found = request()
    assert (found["changed"], found["status_code"], found["metadata"]["config"]) == (
        False,
        200,
        {"user.password": "********"},
    )
    assert request(show_secrets=True)["metadata"]["config"] == {"user.password": SECRET}
    wish = {"description": "Raw", "config": {}, "devices": {}}
    assert request("PUT", body=wish, etag=found["etag"])["changed"] is True
    with pytest.raises(ModuleFailed) as caught:
        request("PUT", body={**wish, "description": "Late"}, etag=found["etag"])
    assert caught.value.result["code"] == 412
    late = request("PUT", body={**wish, "description": "Late"}, etag=found["etag"], status=[200, 412])
    assert (late["changed"], late["status_code"]) == (False, 412)
    assert api.query("/1.0/profiles/raw")["description"] == "Raw"
    gone = [request("DELETE", status=[200, 404]) for _time in range(2)]
    assert [(one["changed"], one["status_code"]) for one in gone] == [(True, 200), (False, 404)]


def test_an_operation_of_a_request(api, running: str) -> None:  # type: ignore[no-untyped-def]
    path = f"/1.0/instances/{running}/exec"
    body = {"command": ["sh", "-c", "echo out; exit 3"], "record-output": True, "environment": {}}
    done = api.run("api_request", method="POST", path=path, body=body)
    assert (done["status_code"], done["metadata"]["return"], done["operation"]["status"]) == (202, 3, "Success")
    output = done["metadata"]["output"]["1"]
    assert api.run("api_request", path=output)["content"] == "out\n"
    wrong = {**body, "command": ["/bin/nothing"]}
    with pytest.raises(ModuleFailed, match=f"POST {path} .*has failed"):
        api.run("api_request", method="POST", path=path, body=wrong)


def test_what_works_on_an_instance(api, running: str) -> None:  # type: ignore[no-untyped-def]
    script = "while [ ! -e /end ]; do sleep 0.1; done; rm /end"
    body = {"command": ["sh", "-c", script], "wait-for-websocket": False, "environment": {}}
    path = f"/1.0/instances/{running}/exec"
    begun = api.run("api_request", method="POST", path=path, body=body, wait=False)["operation"]
    about = {"resource": f"/1.0/instances/{running}", "class": "task", "status": "running"}
    for everywhere in (False, True):
        found = api.run("operation_info", all_projects=everywhere, **about)
        assert begun["id"] in [one["id"] for one in found["operations"]] and found["changed"] is False
    api.run("project", name="works")
    assert begun["id"] not in [one["id"] for one in api.run("operation_info", project="works")["operations"]]
    assert api.run("operation_info", id=begun["id"])["operations"][0]["resources"] == begun["resources"]
    assert api.run("operation_info", **{**about, "resource": "/1.0/instances/other"})["operations"] == []
    api.run("api_request", method="POST", path=path, body={**body, "command": ["sh", "-c", "echo >/end"]})
    ended = api.run("api_request", path=f"/1.0/operations/{begun['id']}/wait", query={"timeout": 60})
    assert ended["metadata"]["status"] != "Running"


def test_requests_are_of_a_project(api) -> None:  # type: ignore[no-untyped-def]
    api.run("project", name="raw", config={"features.profiles": True})
    shown = api.run("api_request", path="/1.0/profiles", project="raw")
    assert shown["metadata"] == ["/1.0/profiles/default?project=raw"]
    assert "path of the API" in api.fails("api_request", path="https://other:8443/1.0")
    assert "one of dots" in api.fails("api_request", method="DELETE", path="/1.0/../1.0/profiles/x")


def test_warnings(api) -> None:  # type: ignore[no-untyped-def]
    """A warning of a kind that the daemons know, which is not met on this machine."""
    identity = str(uuid.uuid4())
    values = f"1, -1, -1, '{identity}', 3, 1, '2026-01-01', '2026-01-01', '2026-01-01', 'none', 1"
    columns = "node_id, entity_type_code, entity_id, uuid, type_code, status, first_seen_date, last_seen_date, "
    sql = ("lxd", "sql") if api.kind == "lxd" else ("incus", "admin", "sql")
    command = f"INSERT INTO warnings ({columns}updated_date, last_message, count) VALUES ({values})"
    done = api.daemon.inside(*sql, "global", command)
    assert done.returncode == 0, done.stderr
    (made,) = [one for one in api.query("/1.0/warnings?recursion=1") if one["uuid"] == identity]
    about = {"type": made["type"], "location": made["location"]}

    def status() -> str | None:
        found = [one["status"] for one in api.query("/1.0/warnings?recursion=1") if one["uuid"] == identity]
        return found[0] if found else None

    for state, after in (("acknowledged", "acknowledged"), ("new", "new"), ("absent", None)):
        before = status()
        predicted = api.run("warning", check=True, state=state, **about)
        assert status() == before, "check mode wrote"
        done = api.run("warning", state=state, **about)
        assert done["changed"] is True and done["actions"] == predicted["actions"] and done["diff"] == predicted["diff"]
        assert [one["uuid"] for one in done["resources"]] == ([identity] if after else [])
        assert status() == after
        again = api.run("warning", state=state, **about)
        assert (again["changed"], again["diff"]["before"]) == (False, "")
    assert "one of them is needed" in api.fails("warning", state="absent")


def test_what_a_network_has_given(api, running: str) -> None:  # type: ignore[no-untyped-def]
    (bridge,) = api.run("network_info", name="lxdbr0", details=["leases", "state"])["networks"]
    addresses = [one["address"] for one in api.run("instance_info", name=running)["instances"][0]["state"]["network"][
        "eth0"]["addresses"] if one["family"] == "inet"]  # fmt: skip
    assert addresses[0] in [lease["address"] for lease in bridge["leases"] if lease["hostname"] == running]
    assert "10.158.1.1" in [one["address"] for one in bridge["state"]["addresses"]]
    plain = api.run("network_info")["networks"]
    assert {"lxdbr0", "lo"} <= {network["name"] for network in plain} and not any("state" in one for one in plain)
    if not api.has("networks_all_projects"):
        assert "all_projects needs the extension" in api.fails("network_info", all_projects=True)
    everything = api.run("network_info", details=["leases", "state"])["networks"]
    assert all(one["leases"] == [] for one in everything if not one["managed"])
    if not api.has("network_allocations"):
        assert "needs the extension 'network_allocations'" in api.fails("network_info", details=["allocations"])
        return
    allocations = api.run("network_info", name="lxdbr0", details=["allocations"])["networks"][0]["allocations"]
    assert any(one["used_by"].startswith(f"/1.0/instances/{running}") for one in allocations)
