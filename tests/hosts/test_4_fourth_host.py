# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that an edited inventory adds: its join is killed, then it joins; it dies and is replaced; at last it leaves.
Each test needs the one before it.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator

import pytest
from lab.scenario import Scenario, changed

EMPTY: dict[str, Any] = {"source": {"type": "none"}, "type": "container", "state": "present"}
pytestmark = pytest.mark.usefixtures("nothing_is_lost")


@pytest.fixture(scope="module", autouse=True)
def fourth(scenario: Scenario) -> Iterator[None]:
    scenario.fourth()
    yield
    scenario.hosts.pop("node4", None)


def operations(scenario: Scenario) -> list[Any]:
    groups = scenario.query("node1", "/1.0/operations?recursion=1") or {}
    return [operation for group in groups.values() for operation in group]


@pytest.mark.both
def test_a_join_that_is_killed_half_way(scenario: Scenario) -> None:
    """Before the cluster knows the new member, and in the run after that as soon as it does. Then it joins, and has its
    own pool and networks.
    """
    moments: dict[str, Callable[[], bool]] = {
        "the cluster to have made a token": lambda: any(
            "token" in json.dumps(operation).lower() for operation in operations(scenario)
        ),
        "the cluster to know the new member": lambda: "node4" in scenario.members("node1"),
    }
    for what, moment in moments.items():
        running = scenario.background("role")
        scenario.wait(lambda process=running, moment=moment: process.poll() is not None or moment(), what)  # type: ignore[misc]
        assert running.poll() is None, "the playbook ended before the fault, so this proves nothing"
        scenario.inside("node4", "systemctl", "kill", "--signal=KILL", scenario.kind)
        running.communicate(timeout=300)
    assert changed(scenario.play("converge")) > 0
    again = scenario.play("converge")
    assert changed(again) == 0 and "Install by package" not in again.stdout, (
        "of hosts that are as they shall be, install asks nothing but its one look"
    )
    assert scenario.members("node1")["node4"] == "Online"
    assert scenario.query("node1", "/1.0/storage-pools/local?target=node4")["config"]["source"] == "/srv/pool-node4"
    assert (
        scenario.query("node1", "/1.0/networks/bridge0?target=node4")["config"]["bridge.external_interfaces"]
        == "port-node4"
    )
    web = scenario.query("node1", "/1.0/instances/web-node4?recursion=1")
    assert (web["status"], web["location"]) == ("Running", "node4")


def test_a_dead_member_is_replaced(scenario: Scenario) -> None:
    """A member that lives is not removed; one that is dead is, by force, and a new host joins under its name."""
    lives = scenario.play("cloudhost.lxd.replace_member", replace_member="node4")
    assert lives.returncode != 0 and "node4 is Online, not dead" in lives.stdout, lives.stdout
    scenario.run("node1", "instance", name="doomed", target="node4", **EMPTY)
    scenario.power("node4", "stop")
    scenario.wait(lambda: scenario.members("node1")["node4"] == "Offline", "node4 to be offline")
    dead = scenario.hosts.pop("node4")
    refused = scenario.play("cloudhost.lxd.replace_member", replace_member="node4", replace_member_patience=5)
    assert refused.returncode != 0 and "would forget doomed" in refused.stdout, refused.stdout
    scenario.outer.cli("delete", "node4")
    assert scenario.play("create").returncode == 0
    scenario.hosts["node4"] = dead
    scenario.fourth()
    done = scenario.play(
        "cloudhost.lxd.replace_member",
        replace_member="node4",
        replace_member_patience=5,
        replace_member_lose_instances=True,
    )
    assert done.returncode == 0, done.stdout
    assert scenario.members("node1")["node4"] == "Online"
    assert "/1.0/instances/doomed" not in scenario.query("node1", "/1.0/instances")
    assert scenario.query("node1", "/1.0/storage-pools/local?target=node4")["config"]["source"] == "/srv/pool-node4"
    assert changed(scenario.play("cloudhost.lxd.replace_member", replace_member="another that is gone already")) == 0


def test_one_host_less(scenario: Scenario) -> None:
    """Its container is moved, not lost. The daemon of a member that has left rests, and the run after that leaves it
    so.
    """
    scenario.run("node1", "instance", name="web-node4", image="debian/12", target="node4", wait_for=["ipv4"])
    scenario.hosts["node4"]["cluster_member_state"] = "absent"
    assert changed(scenario.play("role")) > 0
    assert changed(scenario.play("cloudhost.lxd.cluster")) == 0
    assert "node4" not in scenario.members("node1")
    web = scenario.query("node1", "/1.0/instances/web-node4?recursion=1")
    assert web["status"] == "Running" and web["location"] != "node4"
