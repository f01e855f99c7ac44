# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenario made is taken back."""

from __future__ import annotations

from lab.scenario import Scenario


def test_nothing_is_left(scenario: Scenario) -> None:
    scenario.molecule("destroy")
    for kind in ("instances", "images", "storage-pools"):
        assert not scenario.outer.query(f"/1.0/{kind}")  # Incus lists no pools as null
    assert [
        network["name"] for network in scenario.outer.query("/1.0/networks?recursion=1") if network["managed"]
    ] == []
