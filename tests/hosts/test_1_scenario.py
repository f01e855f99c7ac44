# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios, step by step."""

from __future__ import annotations

import re
import subprocess

from lab.scenario import Scenario


def changes(text: str) -> int:
    found = re.findall(r"changed=(\d+) .*failed=0", text)
    assert found, text
    return sum(map(int, found))


def changed(done: subprocess.CompletedProcess[str]) -> int:
    """What a playbook that did not fail has changed."""
    assert done.returncode == 0, done.stdout
    return changes(done.stdout)


def test_from_nothing(scenario: Scenario) -> None:
    assert changes(scenario.made) > 0
    assert scenario.members("node1") == {"node1": "Online", "node2": "Online", "node3": "Online"}


def test_it_is_what_the_inventory_says(scenario: Scenario) -> None:
    scenario.molecule("idempotence")
    scenario.molecule("verify")


def test_evacuate_restore_move_and_upgrade(scenario: Scenario) -> None:
    scenario.molecule("side-effect")
    scenario.molecule("verify")


def test_a_rolling_upgrade_without_a_newer_version_touches_nobody(scenario: Scenario) -> None:
    assert changed(scenario.play("cloudhost.lxd.rolling_upgrade")) == 0
