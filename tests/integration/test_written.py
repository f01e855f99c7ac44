# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was written is what is meant: dumps, names, copies with what their original has, devices that override those of
profiles.
"""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml
from integration.modules import ModuleFailed

EMPTY = {"source": {"type": "none"}, "state": "stopped"}


def own_init(api, *arguments: str, text: str | None = None) -> str:  # type: ignore[no-untyped-def]
    """The daemon's own initialisation."""
    program = ["lxd", "init"] if api.kind == "lxd" else ["incus", "admin", "init"]
    command = ["nsenter", "--net", f"--target={api.daemon.keeper.pid}", *program, *arguments]
    return subprocess.run(
        command, env=api.daemon.environ(), input=text, capture_output=True, text=True, check=True, timeout=60
    ).stdout


# -- D3: dumps --------------------------------------------------------------------------------------------------------


def test_a_dump_of_the_daemon_changes_nothing(api) -> None:
    description = "Not to be emptied"
    api.run("profile", name="default", description=description)
    dumped = yaml.safe_load(own_init(api, "--dump"))
    dumped["storage_pools"][0]["config"]["volatile.initial_source"] = "/dev/sdz"  # as pools on a disk have it
    for entry in dumped["profiles"]:
        entry["description"] = ""  # as the questions of the daemons' own init leave it
    empties = {"storage_volumes": [], "certificates": [], "cluster_groups": [], "cluster": None}
    for more in (empties, dict.fromkeys(empties)):
        done = api.run("stack", definition={**dumped, **more})
        assert done["changed"] is False, done["plan_text"]
    assert api.query("/1.0/profiles/default")["description"] == description


# -- D4: names --------------------------------------------------------------------------------------------------------

#: What people and other tools call things.
NAMES = [
    ".", "Web Server", "Debian 12", "1web", "123", "a/b", "...", "*", "ü", "a_b", "a.b", "a'b", 'a"b', "a:b", "a?b",
    "a&b", "a+b", "a,b", "-a", "a-", " a", "a" * 63, "a" * 64, "a" * 65, "a\tb",
]  # fmt: skip


def _made(api, collection: str, body: dict[str, Any]) -> bool:  # type: ignore[no-untyped-def]
    try:
        api.query(f"/1.0/{collection}", "POST", body)
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("kind", ["profile", "project", "instance", "image_alias", "instance_snapshot"])
def test_names_are_refused_as_the_server_refuses_them(api, kind: str) -> None:
    image = api.query("/1.0/images/aliases/busybox")["target"]
    if kind == "instance_snapshot":
        api.run("instance", name="named", **EMPTY)
    collection, body, options = {
        "profile": ("profiles", {}, {}),
        "project": ("projects", {}, {}),
        "instance": ("instances", {"source": {"type": "none"}}, EMPTY),
        "image_alias": ("images/aliases", {"target": image}, {"fingerprint": image}),
        "instance_snapshot": ("instances/named/snapshots", {}, {"instance": "named"}),
    }[kind]
    wrong = []
    # The first name is a full stop, to which no path leads: such a snapshot is half made.
    first = 1 if kind in ("image_alias", "instance_snapshot") else 0
    for name in NAMES[first:]:
        try:
            allowed = api.run(kind, check=True, name=name, **options)["changed"]
        except ModuleFailed as exc:
            assert "is not a valid name" in str(exc), exc
            allowed = False
        if _made(api, collection, {"name": name, **body}) is not allowed:
            wrong.append((name, allowed))
        elif allowed:
            api.run(
                kind,
                name=name,
                state="absent",
                **{option: value for option, value in options.items() if option == "instance"},
            )
    assert wrong == []


def test_an_export_of_odd_names_is_a_document(api) -> None:
    image = api.query("/1.0/images/aliases/busybox")["target"]
    api.query("/1.0/profiles", "POST", {"name": "Web Server", "devices": {"a/b": {"type": "none"}}})
    api.query("/1.0/images/aliases", "POST", {"name": "Busy Box", "target": image, "description": "with a space"})
    definition = api.run("stack_export")["definition"]
    assert "Web Server" in str(definition) and "Busy Box" in str(definition)
    done = api.run("stack", definition=yaml.safe_load(yaml.safe_dump(definition)))
    assert done["changed"] is False, done["plan_text"]
    api.query("/1.0/profiles/Web%20Server", "DELETE")
    assert [row["name"] for row in api.run("stack", definition=definition)["plan"]] == ["Web Server"]
    assert api.query("/1.0/profiles/Web%20Server")["devices"] == {"a/b": {"type": "none"}}


# -- D5: copies and images --------------------------------------------------------------------------------------------


@pytest.fixture
def dmz(api) -> None:  # type: ignore[no-untyped-def]
    """A bridge, and a profile with it and with a root disk of a size."""
    api.run("network", name="dmz0", config={"ipv4.address": "none", "ipv6.address": "none"})
    devices = {
        "eth0": {"type": "nic", "network": "dmz0", "name": "eth0"},
        "disk0": {"type": "disk", "path": "/", "pool": "default", "size": "2GiB"},
    }
    api.run("profile", name="dmz", devices=devices)


def test_a_copy_has_what_its_original_has(api, dmz: None) -> None:
    api.run("storage_pool", name="second", driver="dir")
    own = {"data": {"type": "none"}, "disk0": {"size": "3GiB"}}
    api.run(
        "instance", name="w1", profiles=["dmz"], description="the first", devices=own, config={"user.a": 1}, **EMPTY
    )
    override = {"eth0": {"hwaddr": "10:66:6a:00:00:01"}}
    for name, options in (
        ("w2", {}),
        ("w3", {"devices": override}),
        ("w4", {"pool": "second"}),
        ("w5", {"pool": "second", "devices": {"disk0": {"size": "4GiB"}}}),
    ):
        api.converges("instance", name=name, source={"type": "copy", "source": "w1"}, state="stopped", **options)
        shown = api.query(f"/1.0/instances/{name}")
        assert (shown["profiles"], shown["description"], shown["config"]["user.a"]) == (["dmz"], "the first", "1"), name
        nic, root = shown["expanded_devices"]["eth0"], shown["expanded_devices"]["disk0"]
        assert (nic["network"], nic.get("hwaddr")) == ("dmz0", "10:66:6a:00:00:01" if name == "w3" else None), nic
        assert (root["size"], root["pool"]) == ("4GiB" if name == "w5" else "3GiB", options.get("pool", "default")), (
            root
        )
        assert "root" not in shown["expanded_devices"] and "data" in shown["devices"]


def test_an_instance_has_the_profiles_of_its_image(api, dmz: None, tiny) -> None:  # type: ignore[no-untyped-def]
    api.run("image", name="dmz/tiny", file=str(tiny), profiles=["dmz"])
    api.converges(
        "instance", name="w1", image="dmz/tiny", devices={"eth0": {"hwaddr": "10:66:6a:00:00:02"}}, state="stopped"
    )
    shown = api.query("/1.0/instances/w1")
    assert (shown["profiles"], shown["devices"]["eth0"]["network"], shown["devices"]["eth0"]["hwaddr"]) == (
        ["dmz"],
        "dmz0",
        "10:66:6a:00:00:02",
    )


# -- D6: overrides ----------------------------------------------------------------------------------------------------


def test_devices_that_override_those_of_profiles(api, dmz: None) -> None:
    api.run("storage_pool", name="second", driver="dir")
    bridged = {"eth0": {"type": "nic", "nictype": "bridged", "parent": "lxdbr0", "name": "eth0", "mtu": "1400"}}
    api.run("profile", name="bridged", devices={**bridged, "root": {"type": "disk", "path": "/", "pool": "default"}})
    api.run("profile", name="bare")
    api.converges("instance", name="o1", profiles=["bridged"], devices={"eth0": {"network": "dmz0"}}, **EMPTY)
    assert api.query("/1.0/instances/o1")["devices"] == {"eth0": {"type": "nic", "network": "dmz0", "name": "eth0"}}
    api.run("instance", name="o2", profiles=["bridged"], **EMPTY)
    api.converges("instance", name="o2", devices={"eth0": {"network": "dmz0"}}, state="stopped")
    assert api.query("/1.0/instances/o2")["devices"] == {"eth0": {"type": "nic", "network": "dmz0", "name": "eth0"}}
    api.converges(
        "instance", name="o3", profiles=["dmz"], devices={"eth0": {"nictype": "bridged", "parent": "lxdbr0"}}, **EMPTY
    )
    assert api.query("/1.0/instances/o3")["devices"] == {
        "eth0": {"type": "nic", "nictype": "bridged", "parent": "lxdbr0", "name": "eth0"}
    }
    for name, profile, devices, expected in (
        ("p1", "dmz", {}, {"disk0": {"path": "/", "pool": "second", "size": "2GiB", "type": "disk"}}),
        (
            "p2",
            "dmz",
            {"disk0": {"size": "4GiB"}},
            {"disk0": {"path": "/", "pool": "second", "size": "4GiB", "type": "disk"}},
        ),
        ("p3", "bare", {}, {"root": {"path": "/", "pool": "second", "type": "disk"}}),
        (
            "p4",
            "bare",
            {"root": {"size": "4GiB"}},
            {"root": {"path": "/", "pool": "second", "size": "4GiB", "type": "disk"}},
        ),
        (
            "p5",
            "bare",
            {"c": {"type": "disk", "path": "/", "size": "4GiB"}},
            {"c": {"path": "/", "pool": "second", "size": "4GiB", "type": "disk"}},
        ),
    ):
        api.converges("instance", name=name, profiles=[profile], devices=devices, pool="second", **EMPTY)
        assert api.query(f"/1.0/instances/{name}")["devices"] == expected, name


def test_a_null_that_changes_nothing_is_told(api, dmz: None) -> None:
    api.run("profile", name="dmz", config={"limits.cpu": 1})
    api.run("profile", name="bare")
    task: dict[str, Any] = {
        "name": "n1",
        "profiles": ["dmz", "bare"],
        "devices": {"eth0": None},
        "config": {"limits.cpu": None, "user.nothing": None},
    }
    for check in (True, False, False):
        warnings = sorted(map(str, api.run("instance", check=check, **task, **EMPTY)["warnings"]))
        assert len(warnings) == 2 and all("the profile 'dmz' gives it" in words for words in warnings), warnings
        assert "config.limits.cpu" in warnings[0] and "devices.eth0" in warnings[1] and "{type: none}" in warnings[1]
    api.converges("instance", name="n1", devices={"eth0": {"type": "none"}}, state="stopped")
    assert api.run("stack", definition={"instances": [{**task, "state": "stopped"}]})["warnings"]
