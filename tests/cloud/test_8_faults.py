# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a private cloud is made of breaks in the middle of a run: the error is clear, if there is one, and the next run
converges.
"""

from __future__ import annotations

from typing import Iterator

import pytest
from lab.cloud import Cloud
from lab.scenario import changed

#: The task of the role tenants before the one that changes something.
BEFORE = "See whom it trusts"


@pytest.fixture
def a_third_tenant(cloud: Cloud) -> Iterator[dict[str, object]]:
    """With a network and an image that the run has to create; taken away after the test."""
    tenants = cloud.vars["tenants_list"]
    third = {"name": "third", "subnet": "10.63.0.0/24"}
    cloud.vars["tenants_list"] = [*tenants, third]
    yield third
    cloud.vars["tenants_list"] = [*tenants, {"name": "third", "state": "absent", "force": True}]
    assert changed(cloud.cloud("--tags", "tenants")) > 0
    cloud.vars["tenants_list"] = tenants


def test_the_image_server_is_stopped(cloud: Cloud, a_third_tenant: dict[str, object]) -> None:
    """No image is in the project of the new tenant yet, and the daemon asks for the index again."""
    stop = lambda: cloud.inside("node1", "systemctl", "stop", "nginx")  # noqa: E731
    status, said = cloud.broken_off(BEFORE, stop, "--tags", "tenants")
    assert status != 0 and "image debian/12" in said and "https://10.0.0.1" in said and "refused" in said, said[-5000:]
    assert "network third" in said  # what does not need the image is done
    assert changed(cloud.cloud("--tags", "images,tenants")) > 0
    assert cloud.query("node1", "/1.0/images/aliases/debian%2F12?project=third")["name"] == "debian/12"
    assert changed(cloud.cloud("--tags", "images,tenants")) == 0


def test_a_database_of_ovn_is_killed(cloud: Cloud, a_third_tenant: dict[str, object]) -> None:
    """The one that the daemon uses first. The two others elect a leader."""
    units = ("ovn-ovsdb-server-nb", "ovn-ovsdb-server-sb")

    def kill() -> None:
        cloud.inside("node1", "systemctl", "mask", "--runtime", *units)
        cloud.inside("node1", "systemctl", "kill", "--signal=KILL", *units)

    status, said = cloud.broken_off(BEFORE, kill, "--tags", "tenants")
    cloud.inside("node1", "systemctl", "unmask", "--runtime", *units)
    assert status == 0 or "network third" in said, said[-5000:]
    assert changed(cloud.cloud("--tags", "install,ovn,tenants")) > 0
    assert cloud.query("node1", "/1.0/networks/third?project=third")["status"] == "Created"
    for unit in units:
        assert cloud.inside("node1", "systemctl", "is-active", unit).strip() == "active"


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
