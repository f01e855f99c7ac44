# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private cloud of the example inventory: it is what the inventory says, and a second run changes nothing."""

from __future__ import annotations

import pytest
from lab.cloud import Cloud
from lab.scenario import changed, changes


@pytest.mark.both
def test_three_members(cloud: Cloud) -> None:
    assert changes(cloud.made) > 0
    assert cloud.members("node1") == {"node1": "Online", "node2": "Online", "node3": "Online"}


def test_a_second_run_is_green(cloud: Cloud) -> None:
    done = cloud.cloud()
    assert changed(done) == 0, done.stdout
