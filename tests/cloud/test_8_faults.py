# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a private cloud is made of breaks in the middle of a run: the error is clear, if there is one, and the next run
converges.
"""

from __future__ import annotations

from lab.cloud import Cloud
from lab.scenario import changed


def test_a_monitor_of_ceph_is_killed(cloud: Cloud) -> None:
    """While a pool is created. The two others have a majority."""
    cloud.vars["ceph_pools"] = [{"name": "lxd"}, {"name": "more"}]
    kill = lambda: cloud.inside("node2", "systemctl", "kill", "--signal=KILL", "ceph-mon@node2")  # noqa: E731
    status, said = cloud.broken_off("Have the pools", kill, "--tags", "ceph")
    assert status == 0 or "node2" in said, said[-5000:]
    assert cloud.cloud("--tags", "ceph").returncode == 0
    assert cloud.inside("node2", "systemctl", "is-active", "ceph-mon@node2").strip() == "active"
    assert "more" in cloud.inside("node1", "ceph", "osd", "pool", "ls").split()
    assert changed(cloud.cloud("--tags", "ceph")) == 0
