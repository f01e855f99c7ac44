# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios, step by step, and then an inventory that people edit."""

from __future__ import annotations

import re

from lab.scenario import Scenario


def changes(text: str) -> int:
    found = re.findall(r"changed=(\d+) .*failed=0", text)
    assert found, text
    return sum(map(int, found))


def test_from_nothing(scenario: Scenario) -> None:
    scenario.molecule("create")
    scenario.molecule("converge")


def test_it_is_what_the_inventory_says(scenario: Scenario) -> None:
    scenario.molecule("idempotence")
    scenario.molecule("verify")


def test_evacuate_restore_move_and_upgrade(scenario: Scenario) -> None:
    scenario.molecule("side-effect")
    scenario.molecule("verify")


def test_a_rolling_upgrade_without_a_newer_version_touches_nobody(scenario: Scenario) -> None:
    done = scenario.play("cloudhost.lxd.rolling_upgrade")
    assert done.returncode == 0 and changes(done.stdout) == 0, done.stdout


def test_a_fourth_host_and_one_less(scenario: Scenario) -> None:
    """By editing the inventory: it joins with its own pool and networks, has a container with an address, and leaves again."""
    scenario.fourth()
    for expected in (True, False):
        grown = scenario.play("converge")
        assert grown.returncode == 0 and bool(changes(grown.stdout)) is expected, grown.stdout
        # of hosts that are as they shall be, with systemd, the role install asks nothing but its one look
        assert ("Install by package" in grown.stdout) is expected, grown.stdout
    assert scenario.members("node1")["node4"] == "Online"
    assert scenario.query("node1", "/1.0/storage-pools/local?target=node4")["config"]["source"] == "/srv/pool-node4"
    assert scenario.query("node1", "/1.0/networks/bridge0?target=node4")["config"]["bridge.external_interfaces"] == "port-node4"
    web = scenario.query("node1", "/1.0/instances/web-node4?recursion=1")
    assert (web["status"], web["location"]) == ("Running", "node4")

    scenario.hosts["node4"]["cluster_member_state"] = "absent"
    for expected in (True, False):
        shrunk = scenario.play("cloudhost.lxd.cluster")
        assert shrunk.returncode == 0 and bool(changes(shrunk.stdout)) is expected, shrunk.stdout
    assert "node4" not in scenario.members("node1")
    web = scenario.query("node1", "/1.0/instances/web-node4?recursion=1")
    assert web["status"] == "Running" and web["location"] != "node4", "its container was moved, not lost"
    scenario.run("node1", "instance", name="web-node4", state="absent", force=True)
    del scenario.hosts["node4"]
