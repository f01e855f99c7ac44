# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task or an entry refers to: all that is not there is told at once, before anything is changed, and moves find
what they need.
"""

from __future__ import annotations

from typing import Any

EMPTY = {"source": {"type": "none"}, "state": "stopped"}
NIC = {"type": "nic", "network": "lxdbr0"}


def _lines(message: str) -> list[str]:
    first, *rest = message.splitlines()
    assert first == f"{len(rest)} errors, and nothing was changed:", message
    return [line.removeprefix("- ") for line in rest]


def test_c3_a_project_that_nobody_makes(api) -> None:
    """Its profile `default` would come with it, and so does nothing."""
    entries = {
        "profiles": [{"name": "default", "project": "nowhere", "description": "x"}],
        "instances": [{"name": "w1", "project": "nowhere", **EMPTY}],
        "instance_snapshots": [{"name": "s1", "instance": "w2", "project": "nowhere"}],
    }
    lines = _lines(api.fails("stack", definition=entries))
    assert [line.partition(": there is no")[0] for line in lines] == [
        "profiles[0] 'default': project", "instances[0] 'w1': project", "instance_snapshots[0] 'w2/s1': project",
    ], lines  # fmt: skip
    assert all("'nowhere'" in line for line in lines)
    made = {**entries, "projects": [{"name": "nowhere"}], "instance_snapshots": []}
    made["profiles"] = [{**made["profiles"][0], "devices": {"root": {"type": "disk", "path": "/", "pool": "default"}}}]
    assert api.run("stack", check=True, definition=made)["summary"].startswith("2 to create, 1 to update")
    for module, arguments in (
        ("instance", {"name": "w1", "new_name": "w2", "image": "busybox", "state": "present"}),
        ("instance_snapshot", {"name": "s1", "instance": "w1"}),
        ("image", {"name": "i1", "instance": "w1"}),
        ("profile", {"name": "default", "description": "x"}),
        ("network", {"name": "net9"}),
    ):
        assert api.fails(module, project="nowhere", **arguments).startswith("project: there is no 'nowhere'"), module
    assert api.run("instance", name="w1", project="nowhere", state="absent")["changed"] is False


WRONG: dict[str, Any] = {
    "image": "debian/21",
    "profiles": ["defaultt", "default", "wbe"],
    "pool": "slow",
    "devices": {
        "eth0": {**NIC, "network": "lxdbr1"},
        "data": {"type": "disk", "pool": "fast", "path": "/srv", "source": "data"},
        "eth1": {"mtu": 1400},
    },
}
TOLD = [
    ("devices.data.pool", "'fast'"),
    ("devices.eth0.network", "'lxdbr1'"),
    ("image", "'debian/21'"),
    ("profiles", "'defaultt'"),
    ("profiles", "'wbe'"),
]


def _told(lines: list[str]) -> list[tuple[str, str]]:
    return sorted((line.partition(":")[0], f"'{line.split(chr(39))[1]}'") for line in lines)


def test_c3_all_wrong_references_are_told_at_once(api) -> None:
    lines = _lines(api.fails("instance", name="x", state="present", **WRONG))
    # Not that no profile has the device eth1: that is not known.
    assert sorted([*TOLD, ("devices.root.pool", "'slow'")]) == _told(lines)
    lines = _lines(
        api.fails(
            "instance",
            name="x",
            image="debian/21",
            state="present",
            devices={"eth1": {"mtu": 1400}, "eth2": {"mtu": 1400}},
        )
    )
    assert _told(lines) == [("devices.eth1", "'type'"), ("devices.eth2", "'type'"), ("image", "'debian/21'")]

    definition = {
        "instances": [
            {"name": "x", **WRONG},
            {"name": "y", "image": "busybox", "pool": "slow", "profiles": ["nobody"], "state": "present"},
        ]
    }
    lines = _lines(api.fails("stack", definition=definition))
    assert len([line for line in lines if line.startswith("instances[0] 'x': ")]) == 6, lines
    assert _told([line.removeprefix("instances[1] 'y': ") for line in lines[6:]]) == [
        ("devices.root.pool", "'slow'"),
        ("profiles", "'nobody'"),
    ]

    api.run("instance", name="there", **{**EMPTY, "state": "present"})
    change = {key: WRONG[key] for key in ("profiles", "pool")}
    devices = {key: WRONG["devices"][key] for key in ("eth0", "data")}
    lines = _lines(
        api.fails(
            "instance",
            name="there",
            devices=devices,
            new_project="nowhere",
            target="nobody",
            type="virtual-machine",
            **change,
        )
    )
    assert [line for line in lines if "'virtual-machine' is wanted" in line] and [
        line for line in lines if line.startswith("target: ")
    ], lines
    told = _told([line for line in lines if not line.startswith(("instance ", "target"))])
    assert (
        ("pool", "'slow'") in told and ("new_project", "'nowhere'") in told and ("devices.data.pool", "'fast'") in told
    ), lines

    lines = _lines(api.fails("profile", name="p", devices=devices))
    assert _told(lines) == [("devices.data.pool", "'fast'"), ("devices.eth0.network", "'lxdbr1'")]
    lines = _lines(api.fails("image", name="i", instance="nobody", profiles=["wbe", "default"]))
    assert _told(lines) == [("instance", "'nobody'"), ("profiles", "'wbe'")]


def _moved(api, name: str, **options: Any) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    done = api.converges("instance", name=name, new_project="away", state="present", **options)
    assert [f"move instance {name} from project default to project away"] == done["actions"]
    return api.query(f"/1.0/instances/{name}?project=away")


def test_c3_profiles_go_along_with_a_move(api) -> None:
    """A project that lacks the present profile. What LXD 5.0 cannot take along is told with what to do."""
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    api.run("project", name="away")
    api.run("profile", name="default", project="away", devices=root)
    api.run("profile", name="there", project="away", devices={**root, "eth0": NIC}, config={"user.where": "away"})
    api.run("profile", name="web", devices=root)
    api.run("instance", name="mover", image="busybox", profiles=["web"], state="present")
    api.run("instance", name="snapped", image="busybox", profiles=["web"], state="present")
    api.run("instance_snapshot", name="s1", instance="snapped")

    # looked up in the project that it comes to
    message = api.fails("instance", name="mover", new_project="away", profiles=["web"])
    assert message.startswith("profiles: there is no 'web'") and "project 'away'" in message
    message = api.fails("instance", name="mover", new_project="away")
    taken = api.has("instance_move_config")
    assert message.startswith("new_project: ") and "'web'" in message and ("choose with profiles:" in message) is taken
    message = api.fails("instance", name="snapped", new_project="away", profiles=["there"])
    assert "'web'" in message and ("its snapshots s1" in message) is taken

    if not taken:
        message = api.fails("instance", name="mover", new_project="away", profiles=["there"])
        assert "'web'" in message and "move" in message and "cloudhost.lxd.profile" in message, message
        api.run("profile", name="web", project="away", devices=root)
        api.converges("instance", name="mover", new_project="away", profiles=["there"], state="present")
    else:
        shown = _moved(
            api, "mover", profiles=["there"], config={"user.k": "v"}, devices={"eth0": {"host_name": "vethmover"}}
        )
        assert shown["expanded_config"]["user.k"] == "v"
        assert shown["expanded_devices"]["eth0"] == {**NIC, "host_name": "vethmover"}
    shown = api.query("/1.0/instances/mover?project=away")
    assert shown["profiles"] == ["there"] and shown["expanded_config"]["user.where"] == "away"
