# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster refuses is told by the check as by the run, and a member that has just joined shows what the cluster has. In the order of its life."""

from __future__ import annotations

from typing import Iterator

import pytest
from integration.conftest import KINDS
from lab.cluster import Hosts

#: What the cluster has before the second member joins, and what that one had for itself.
SHARED = {"cluster.offline_threshold": 31, "images.auto_update_interval": 7}
OWN = {"images.auto_update_interval": 12, "user.old": "1"}


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab) -> Iterator[Hosts]:  # type: ignore[no-untyped-def]
    hosts = Hosts(request.param, lab / f"targets-{request.param}", 2)
    try:
        hosts.start()
        first = hosts.nodes[0]
        first.run("cluster", server_name="node1", server_address=first.address)
        first.run("storage_pool", name="local", driver="dir")
        yield hosts
    finally:
        hosts.stop()


def test_what_a_member_shows_that_has_just_joined(hosts: Hosts) -> None:
    """LXD 5.0 goes on with the configuration that it had before, until the next write. One that had something was joined with C(force)."""
    first, second = hosts.nodes
    first.run("server", config=SHARED)
    second.run("server", config=OWN)
    hosts.join(second, force=True)
    for check in (True, False):
        assert second.run("server", check=check, config=SHARED)["changed"] is False
    shown = second.query("/1.0")["config"]
    assert shown["cluster.offline_threshold"] == "31" and "user.old" not in shown
    assert first.run("server", config=SHARED)["changed"] is False
