# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that no life of a resource needs, each with what it does on a real daemon. None of it needs an instance that
runs.
"""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.resource_info import COLLECTIONS
from integration.modules import ModuleFailed

EMPTY = {"source": {"type": "none"}, "state": "stopped"}


def test_the_order_of_profiles_matters(api) -> None:
    for name, cpus in (("one", 1), ("two", 2)):
        api.run("profile", name=name, config={"limits.cpu": cpus})
    profiles = ["default", "one", "two"]
    api.converges("instance", name="ordered", profiles=profiles, **EMPTY)
    assert api.query("/1.0/instances/ordered")["expanded_config"]["limits.cpu"] == "2"
    done = api.converges("instance", name="ordered", profiles=["default", "two", "one"], state="stopped")
    assert done["actions"] == ["update instance ordered (profiles)"]
    assert api.query("/1.0/instances/ordered")["expanded_config"]["limits.cpu"] == "1"


def test_an_ephemeral_instance(api) -> None:
    assert api.converges("instance", name="brief", ephemeral=True, **EMPTY)["instance"]["ephemeral"] is True
    api.converges("instance", name="brief", ephemeral=False, state="stopped")
    assert api.query("/1.0/instances/brief")["ephemeral"] is False


def test_copies(api) -> None:
    """Of an instance with its snapshots or without, of a snapshot, and of one in another project; with the profiles of
    the original.
    """
    api.run("profile", name="more", config={"limits.cpu": 1})
    api.run("project", name="away", config={"features.images": False, "features.profiles": False})
    for project in ("default", "away"):
        api.run(
            "instance", name="original", project=project, config={"user.at": "first", "user.project": project}, **EMPTY
        )
    api.run("instance_snapshot", instance="original", name="s1")
    api.run("instance", name="original", config={"user.at": "later"}, profiles=["default", "more"], state="stopped")
    for name, source, at, project, snapshots in (
        ("whole", {"source": "original"}, "later", "default", 1),
        ("alone", {"source": "original", "instance_only": True}, "later", "default", 0),
        ("earlier", {"source": "original/s1"}, "first", "default", 0),
        ("abroad", {"source": "original", "project": "away"}, "first", "away", 0),
    ):
        done = api.converges("instance", name=name, source={"type": "copy", **source}, state="stopped")
        assert done["actions"] == [f"create instance {name} as a copy of {source['source']}"]
        shown = api.query(f"/1.0/instances/{name}?recursion=1")
        assert (shown["config"]["user.at"], shown["config"]["user.project"], len(shown["snapshots"] or [])) == (
            at,
            project,
            snapshots,
        )
        if name != "earlier":  # LXD keeps no profiles with a snapshot, and shows those that the instance has now
            assert shown["profiles"] == (["default", "more"] if at == "later" else ["default"])
    done = api.converges(
        "instance", name="other", source={"type": "copy", "source": "original"}, profiles=["default"], state="stopped"
    )
    assert done["instance"]["profiles"] == ["default"]


def test_a_virtual_machine_where_there_can_be_none(api) -> None:
    """Said before anything is changed: what would be recreated as one is still there."""
    if "qemu" in api.query("/1.0")["environment"]["driver"]:
        pytest.skip("virtual machines run here")
    wanted = {"type": "virtual-machine", **EMPTY}
    words = ("type: ", "runs no virtual machines", "drivers: lxc")
    api.run("instance", name="c1", **EMPTY)
    for task in ({"name": "vm1", **wanted}, {"name": "c1", **wanted, "recreate": True}):
        message = api.fails("instance", **task)
        assert [word for word in words if word not in message] == [], message
    assert api.query("/1.0/instances/c1")["type"] == "container"


def test_a_snapshot_that_is_stateful(api) -> None:
    """The state of what does not run cannot be kept: the daemon says so. A snapshot without it is not made one with it,
    unless it may be taken anew.
    """
    api.run("instance", name="still", **EMPTY)
    with pytest.raises(ModuleFailed, match="Failed to create instance_snapshot s1"):
        api.run("instance_snapshot", instance="still", name="s1", stateful=True)
    assert api.query("/1.0/instances/still/snapshots") == []
    api.run("instance_snapshot", instance="still", name="s1")
    task = {"instance": "still", "name": "s1", "stateful": True}
    message = api.fails("instance_snapshot", **task)
    assert "stateful is 'False' and 'True' is wanted" in message and "recreate: true" in message
    planned = api.run("instance_snapshot", check=True, recreate=True, **task)
    assert planned["actions"] == ["delete instance_snapshot s1", "create instance_snapshot s1"]
    api.run("instance_snapshot", instance="still", name="s1", stateful=False, recreate=True)
    assert api.run("instance_snapshot", instance="still", name="s1", stateful=False)["changed"] is False


def test_a_secret_of_the_server_is_written_when_asked_to(api) -> None:
    key = "core.trust_password" if api.kind == "lxd" else "loki.auth.password"
    try:
        first = {"config": {key: "first"}}
        assert api.run("server", **first)["changed"] is True
        hidden = api.query("/1.0")["config"][key] != "first"
        api.unchanged("server", **first)
        api.proxy.forget()
        again = api.run("server", update_secrets="always", **first)
        assert (again["changed"], again.get("warnings", [])) == (hidden, [])
        assert api.proxy.writes == (["PATCH /1.0"] if hidden else []), "once, although what came of it is hidden"
        second = {"config": {key: "second"}}
        assert api.run("server", **second)["changed"] is not hidden
        assert "second" not in str(api.run("server", update_secrets="always", **second))
    finally:
        api.run("server", config={key: None})


def test_what_can_be_chosen_of_instances(api) -> None:
    for number in range(3):
        api.run("instance", name=f"chosen{number}", config={"user.role": "web" if number else "db"}, **EMPTY)
    api.proxy.forget()
    found = api.run("instance_info", filter="config.user.role eq web", state_details=False)["instances"]
    assert sorted(one["name"] for one in found) == ["chosen1", "chosen2"]
    assert all("state" not in one and "snapshots" not in one for one in found)
    assert [request.split("recursion=")[1][0] for request in api.proxy.requests] == ["1"]
    (one,) = api.run("instance_info", filter="config.user.role eq db")["instances"]
    assert (one["name"], one["state"]["status"], one["addresses"]) == ("chosen0", "Stopped", [])


@pytest.fixture
def things(api) -> Iterator[dict[str, tuple[str, str]]]:  # type: ignore[no-untyped-def]
    """One of everything that can be read and has no module, made past the modules."""
    for path, body in (*BEFORE, *((path, body) for path, body, *_found in THINGS.values())):
        api.query(path, "POST", body)
    yield {kind: found for kind, (_path, _body, *found) in THINGS.items() if kind not in KINDS}


#: What the following belong to.
BEFORE: list[tuple[str, dict[str, Any]]] = [
    ("/1.0/instances", {"name": "things", "source": {"type": "none"}}),
]
#: How one is made that has no kind, what it belongs to, and its name. Those with a kind are in `test_conformance.py`.
THINGS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "instance_backup": (
        "/1.0/instances/things/backups", {"name": "b1", "compression_algorithm": "none"}, "things", "b1",
    ),
}  # fmt: skip
#: Those of which there is none here, with what they belong to.
NONE = {"operation": "", "warning": ""}


def test_what_has_no_module_can_be_read(api, things: dict[str, tuple[str, str]]) -> None:
    by_hand = set(COLLECTIONS) - set(KINDS)
    assert set(things) | set(NONE) == by_hand, "a collection is not in this test"
    for kind, (parent, name) in things.items():
        given = {"kind": kind, "parent": parent or None}
        (one,) = api.run("resource_info", name=name, **given)["resources"]
        assert name in json.dumps(one), kind
        assert api.run("resource_info", name="nobody-has-it", **given)["resources"] == []
        assert one in api.run("resource_info", **given)["resources"]
    for kind in by_hand & set(NONE):
        given = {"kind": kind, "parent": NONE[kind] or None}
        assert api.run("resource_info", name="nobody-has-it", **given)["resources"] == []
    for kind in ("cluster_group", "cluster_member"):
        with pytest.raises(ModuleFailed, match="not clustered"):
            api.run("resource_info", kind=kind)


def test_a_filter_of_resources(api) -> None:
    """The server applies it, or is said not to: what it does not know it would pass over in silence."""
    for number in range(2):
        api.run("profile", name=f"filtered{number}")
    task = {"kind": "profile", "filter": "name eq filtered1"}
    if api.has("api_filtering_extended"):
        assert [one["name"] for one in api.run("resource_info", **task)["resources"]] == ["filtered1"]
    else:
        with pytest.raises(
            ModuleFailed, match="filter for kind 'profile' needs the extension 'api_filtering_extended'"
        ):
            api.run("resource_info", **task)
    fingerprint = api.query("/1.0/images/aliases/debian%2F12")["target"]
    assert len(api.run("resource_info", kind="image", filter=f"fingerprint eq {fingerprint}")["resources"]) == 1
    assert api.run("resource_info", kind="image", filter="fingerprint eq 0")["resources"] == []
