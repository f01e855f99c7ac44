# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must not be lost: what people copied from a stack, ephemeral instances, and the truth about a write that was
refused.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
from integration.modules import ModuleFailed

MARK, BEARER = "user.cloudhost.stack", "user.cloudhost.bearer"
EMPTY = {"source": {"type": "none"}, "state": "stopped"}
ROOT = {"root": {"type": "disk", "path": "/", "pool": "default"}}


def names(api, path: str) -> set[str]:  # type: ignore[no-untyped-def]
    """But the running instance that tests share."""
    found = api.query(f"/1.0/{path}")
    return {one["name"] if "recursion" in path else one.rpartition("/")[2] for one in found} - {"shared"}


# -- B1, A7: marks ----------------------------------------------------------------------------------------------------


@pytest.fixture
def marked(api) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    """A stack of which people have made copies in every way there is, and which others have given its mark to what is
    theirs.
    """
    made = {
        "projects": [{"name": "lab", "config": {"features.images": False}}],
        "profiles": [
            {"name": "db", "config": {"limits.cpu": 1}, "devices": ROOT},
            {"name": "default", "project": "lab", "devices": ROOT},
        ],
        "instances": [{"name": name, "profiles": ["db"], **EMPTY} for name in ("db1", "db2", "db3", "db4", "db5")],
    }
    api.run("stack", name="data", definition=made)
    return made


def test_what_people_copy_from_a_stack_is_nobodys(api, marked: dict[str, Any], tmp_path: pathlib.Path) -> None:
    daemon = api.daemon
    daemon.cli("copy", "db1", "db1-backup")
    daemon.cli("copy", "db1", "db1-lab", "--target-project", "lab", "--profile", "default")
    daemon.cli("move", "db2", "db2-renamed")
    daemon.cli("profile", "copy", "db", "db-tuned")
    daemon.cli("profile", "copy", "db", "db", "--target-project", "lab")
    daemon.cli("export", "db3", str(tmp_path / "db3.tar.gz"), "--compression", "none")
    daemon.cli("import", str(tmp_path / "db3.tar.gz"), "db3-imported")
    daemon.cli("snapshot", *(["create"] if api.kind == "incus" else []), "db4", "s1")
    daemon.cli("copy", "db4/s1", "db4-earlier")
    api.run("instance", name="db1-module", source={"type": "copy", "source": "db1"}, state="stopped")
    api.run(
        "instance", name="db3-module", source={"type": "backup", "file": str(tmp_path / "db3.tar.gz")}, state="stopped"
    )
    for name in ("db1-module", "db3-module"):
        config = api.query(f"/1.0/instances/{name}")["config"]
        assert not config.get(MARK) and not config.get(BEARER), (
            "a copy made by a module carries the mark of its original"
        )
    theirs = {"db1-backup", "db2-renamed", "db3-imported", "db4-earlier", "db1-module", "db3-module"}
    less = {**marked, "instances": [entry for entry in marked["instances"] if entry["name"] in ("db1", "db3")]}
    done = api.run("stack", name="data", definition=less, prune=True)
    assert {row["name"] for row in done["plan"] if row["action"] == "delete"} == {"db4", "db5"}
    assert names(api, "instances") == theirs | {"db1", "db3"}
    assert names(api, "instances?project=lab") == {"db1-lab?project=lab"}
    assert {"db", "db-tuned"} <= names(api, "profiles")
    words = str(done["warnings"])
    assert (
        len(done["warnings"]) == 1
        and "instance db1-backup" in words
        and "instance db2-renamed" in words
        and "profile db-tuned" in words
        and "db1-module" not in words
    )
    api.run("instance", name="db1-lab", project="lab", state="absent")  # or the project could not go
    api.run("profile", name="db", project="lab", state="absent")
    for name in theirs:  # or the profile could not go
        api.run("instance", name=name, profiles=["default"], state="stopped")
    gone = api.run("stack", name="data", definition=marked, state="absent")
    assert {row["name"] for row in gone["plan"] if row["action"] == "delete"} == {"db1", "db3", "db", "lab"}
    assert names(api, "instances") == theirs


def test_a_mark_of_an_earlier_version_is_understood_and_deletes_no_copy(api) -> None:
    for name in ("old1", "old1-backup"):
        api.query("/1.0/profiles", "POST", {"name": name, "config": {MARK: "old", "limits.cpu": "1"}})
    definition = {"profiles": [{"name": "old1", "config": {"limits.cpu": 1}}]}
    with pytest.raises(ModuleFailed, match="belongs to the stack 'old'"):
        api.run("stack", name="other", definition=definition, adopt=True)
    done = api.run("stack", name="old", definition={}, prune=True)
    assert (done["changed"], len(done["warnings"])) == (False, 1) and "profile old1, profile old1-backup" in str(
        done["warnings"]
    )
    assert api.run("stack", name="old", definition=definition, prune=True)["changed"] is True
    assert api.query("/1.0/profiles/old1")["config"] == {MARK: "old", BEARER: "profile/default/old1", "limits.cpu": "1"}
    assert api.run("stack", name="old", definition=definition)["changed"] is False
    done = api.run("stack", name="old", definition={}, prune=True)
    assert [(row["action"], row["name"]) for row in done["plan"]] == [("delete", "old1")]
    assert "old1-backup" in names(api, "profiles")


@pytest.mark.parametrize("bearer", [None, "profile/default/{}"])
def test_an_odd_name_with_our_mark_stops_nobodys_run(api, bearer: str | None) -> None:
    """Of a tenant, who may call a profile what the server lets it be called; with a mark that is forged as well as can
    be it goes.
    """
    odd = ["Web Server", "*", "a'b", "\u2028", "-"]
    for name in odd:
        config = {MARK: "odd", **({BEARER: bearer.format(name)} if bearer else {})}
        api.query("/1.0/profiles", "POST", {"name": name, "config": config})
    config = {MARK: "odd", BEARER: "instance/default/odd1", "volatile.base_image": "a b/../?\n"}
    api.query(
        "/1.0/instances", "POST", {"name": "odd1", "source": {"type": "none"}, "config": config if bearer else {}}
    )
    for wish in (
        {"definition": {}, "prune": True, "check": True},
        {"definition": {}, "prune": True},
        {"state": "absent"},
    ):
        done = api.run("stack", name="odd", **wish)
        assert bearer or ("profile Web Server" in str(done["warnings"]) and done["changed"] is False)
    assert len(api.query("/1.0/profiles")) == (1 if bearer else 1 + len(odd))
    assert ("odd1" in names(api, "instances")) is not bool(bearer)


# -- B2: ephemeral instances ------------------------------------------------------------------------------------------


def _born(api, name: str) -> str:  # type: ignore[no-untyped-def]
    api.run("instance", name=name, image="busybox", ephemeral=True)
    return str(api.query(f"/1.0/instances/{name}")["created_at"])


def test_an_ephemeral_instance_is_not_lost_on_the_way_to_something_else(api) -> None:
    born = _born(api, "brief")
    api.run("project", name="away", config={"features.images": False, "features.profiles": False})
    api.run("storage_pool", name="second", driver="dir")
    refused: list[dict[str, Any]] = [
        {"new_name": "longer"},
        {"new_project": "away"},
        {"pool": "second"},
        {"state": "stopped"},
        {"state": "stopped", "force": True},
    ]
    if api.has("instances_rebuild"):
        refused.append({"state": "rebuilt", "image": "debian/12"})
    for change in refused:
        message = api.fails("instance", name="brief", restart="if_required", **change)
        assert "is ephemeral and Running" in message and "ephemeral: false" in message and "state: absent" in message, (
            message
        )
    done = api.converges(
        "instance", name="brief", config={"security.privileged": True}, restart="if_required", force=True
    )
    assert done["actions"] == ["update instance brief (config)", "restart instance brief"]
    shown = api.query("/1.0/instances/brief")
    assert (shown["created_at"], shown["status"], shown["ephemeral"]) == (born, "Running", True)
    api.run("instance", name="brief", state="restarted", force=True)
    shown = api.query("/1.0/instances/brief")
    assert (shown["created_at"], shown["status"], shown["ephemeral"]) == (born, "Running", True)
    done = api.converges(
        "instance", name="brief", ephemeral=False, new_name="longer", restart="if_required", force=True
    )
    assert done["actions"] == [
        "update instance longer (ephemeral)",
        "stop instance brief",
        "rename instance brief to longer",
        "start instance longer",
    ]
    assert api.query("/1.0/instances/longer")["created_at"] == born
    assert "is ephemeral and Running" in api.fails("instance", name="longer", ephemeral=True, state="stopped")
    assert api.query("/1.0/instances/longer")["status"] == "Running"


@pytest.mark.parametrize("force", [True, False])
def test_the_end_of_an_ephemeral_instance_is_one_step(api, force: bool) -> None:
    _born(api, "brief")
    if not force:
        api.run("instance", name="brief", state="frozen")
    done = api.converges("instance", name="brief", state="absent", force=force)
    assert done["actions"] == [
        *(["unfreeze instance brief"] if not force else []),
        "delete instance brief by stopping it, since it is ephemeral",
    ]
    api.run("instance", name="brief", ephemeral=True, **EMPTY)  # one that has never run does not end by itself
    assert api.converges("instance", name="brief", state="absent")["actions"] == ["delete instance brief"]


def test_a_stack_and_its_ephemeral_instances(api) -> None:
    definition = {"instances": [{"name": "brief", "image": "busybox", "ephemeral": True}, {"name": "still", **EMPTY}]}
    api.run("stack", name="data", definition=definition)
    renewed = {
        "instances": [
            {
                **definition["instances"][0],
                "config": {"security.privileged": True},
                "restart": "if_required",
                "force": True,
            }
        ]
    }
    done = api.run("stack", name="data", definition={"instances": [*renewed["instances"], definition["instances"][1]]})
    assert done["actions"] == ["update instance brief (config)", "restart instance brief"]
    assert "is ephemeral" in api.fails(
        "stack", name="data", definition={"instances": [{**definition["instances"][0], "state": "stopped"}]}
    )
    gone = api.run("stack", name="data", definition={}, prune=True, force=True)
    assert {row["name"] for row in gone["plan"]} == {"brief", "still"} and names(api, "instances") == set()
    assert api.run("stack", name="data", definition={}, prune=True)["changed"] is False


# -- B3: what was refused and stored ----------------------------------------------------------------------------------


def test_a_refused_address_is_not_taken_for_done_by_the_next_run(api) -> None:
    """192.0.2.10 is nobody's. LXD 5.0 stores it all the same."""
    try:
        for before in ({}, {"core.https_address": "127.0.0.1:18447"}):
            api.run("server", config={"core.https_address": before.get("core.https_address")})
            api.run("server", config={"images.auto_update_interval": 12})
            was = api.query("/1.0")["config"]
            wish = {"config": {"core.https_address": "192.0.2.10:18447", "images.auto_update_interval": 11}}
            for run in (
                api.run,
                api.run,
                lambda *args, **wish: api.run("stack", definition={"config": wish["config"]}),
            ):
                with pytest.raises(ModuleFailed, match="192.0.2.10") as caught:
                    run("server", **wish)
                assert api.query("/1.0")["config"] == was
            if api.kind == "lxd":
                # That of Debian 13 does not store the address.
                words = r"It had stored (config.core.https_address, )?config.images.auto_update_interval anyway"
                assert re.search(words + ", which is put back", str(caught.value)), caught.value
            listening = api.daemon.inside("ss", "-ltnH").stdout
            assert bool(re.search(r"127\.0\.0\.1:18447\b", listening)) is bool(before), listening
            # This shows what Incus had dropped.
            api.run("server", config={"images.auto_update_interval": 12, "core.shutdown_timeout": 6})
            assert api.query("/1.0")["config"] == {**was, "core.shutdown_timeout": "6"}
    finally:
        api.run(
            "server",
            config=dict.fromkeys(("core.https_address", "core.shutdown_timeout", "images.auto_update_interval")),
        )


def test_a_profile_that_an_instance_cannot_have_is_not_taken_for_done(api, running: str) -> None:
    """The daemons keep a profile although an instance that runs did not take it in."""
    api.run("profile", name="extra", config={"user.a": 1})
    api.run("instance", name=running, profiles=["default", "extra"])
    try:
        before = api.query("/1.0/profiles/extra")
        wish = {
            "config": {"user.a": 2},
            "devices": {"data": {"type": "disk", "source": "/no/such/folder", "path": "/mnt"}},
        }
        for _run in range(2):
            with pytest.raises(ModuleFailed, match="Failed to update profile extra"):
                api.run("profile", name="extra", **wish)
            assert api.query("/1.0/profiles/extra") == before
    finally:
        api.run("instance", name=running, profiles=["default"])


# -- D7: what is told of marks and names ------------------------------------------------------------------------------


def test_what_was_restored_from_before_it_was_the_stacks_is_told_with_what_to_do(api) -> None:
    api.run("instance", name="back", **EMPTY)
    api.run("instance_snapshot", instance="back", name="before")
    definition = {"instances": [{"name": "back", "config": {"limits.cpu": 1}, "state": "stopped"}]}
    api.run("stack", name="data", definition=definition, adopt=True)
    api.run("instance_snapshot", instance="back", name="before", state="restored")
    message = api.fails("stack", name="data", definition=definition)
    assert (
        "belongs to no stack" in message
        and "restored from a snapshot" in message
        and "adopt: true gives it back" in message
    )
    same = {"instances": [{"name": "back", "state": "stopped"}]}
    done = api.run("stack", name="data", definition=same)
    assert done["changed"] is False
    if "volatile.uuid.generation" in api.query("/1.0/instances/back")["config"]:  # LXD 5.0 does not tell
        assert "restored from a snapshot" in str(done["warnings"])
    api.run("stack", name="data", definition=same, adopt=True)
    assert not api.run("stack", name="data", definition=same).get("warnings")


def test_an_image_goes_with_all_of_its_names_and_that_is_told(api, tiny: pathlib.Path) -> None:
    definition = {
        "images": [
            {"name": "kept/one", "file": str(tiny)},
            {"name": "kept/two", "file": str(tiny), "depends_on": ["image/kept/one"]},
        ]
    }
    api.run("stack", name="data", definition=definition)
    assert api.run("stack", name="data", definition=definition, prune=True)["changed"] is False
    (fingerprint,) = {api.query(f"/1.0/images/aliases/kept%2F{name}")["target"] for name in ("one", "two")}
    api.query("/1.0/images/aliases", "POST", {"name": "kept/hand", "target": fingerprint})
    one = {"images": definition["images"][:1]}
    again = api.run("stack", name="data", definition=one, prune=True)
    assert again["changed"] is False  # the image is that of the other entry too
    for arguments in ({"check": True}, {}):
        done = api.run("stack", name="data", definition={}, prune=True, **arguments)
        assert [row["action"] for row in done["plan"]] == ["delete"]
        assert "goes with all of them: kept/hand, kept/one, kept/two" in str(done["warnings"])
