# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios, step by step."""

from __future__ import annotations

from lab.scenario import Scenario, changed, changes


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
