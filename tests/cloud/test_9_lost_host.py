# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of the private cloud is lost for good, and installed anew under its name. It is the last test: Ceph is left
without one of its disks.
"""

from __future__ import annotations

import pytest
from integration.modules import ModuleFailed
from lab.cloud import HERE, Cloud
from lab.scenario import changed

LOST = "node3"
NETWORK = {
    "name": "lost",
    "type": "ovn",
    "config": {"network": "uplink", "ipv4.address": "10.64.0.1/24", "ipv4.nat": True, "ipv6.address": "none"},
}


def lose(cloud: Cloud, host: str) -> None:
    """Without a word to the others, and with its disks."""
    cloud.inside(host, "ip", "link", "set", "eth0", "down")
    cloud.power(host, "stop")
    cloud.outer.query(f"/1.0/instances/{host}", "DELETE")


def test_a_host_is_lost_and_installed_again(cloud: Cloud) -> None:
    """The cluster forgets it, networks are made without it, and the playbook makes it a member, a database server and a
    chassis again.
    """
    before = cloud.chassis()["Chassis"]
    lose(cloud, LOST)
    cloud.wait(lambda: cloud.members("node1")[LOST] == "Offline", f"{LOST} to be offline")
    address = cloud.hosts[LOST]["ansible_host"]
    with pytest.raises(ModuleFailed, match=f"{address}.* is down|{LOST}"):  # the words of the daemons
        cloud.run("node1", "network", **NETWORK)
    options = {"replace_member": LOST, "replace_member_patience": 1, "replace_member_join": False}
    options["replace_member_lose_instances"] = True  # those of tenants
    assert changed(cloud.play("cloudhost.lxd.replace_member", **options)) > 0
    assert cloud.run("node1", "network", **NETWORK)["changed"]

    assert cloud.play(str(HERE / "cloud_hosts.yml")).returncode == 0
    tags = ("--tags", "ceph,install,ovn,cluster")
    assert changed(cloud.cloud(*tags)) > 0
    cloud.online("node1", LOST)
    cloud.unchanged(LOST, "network", **NETWORK)
    after = cloud.chassis()
    assert len(after["Chassis"]) == 3 and len(before - after["Chassis"]) == 1, (before, after)
    assert after["HA_Chassis"] <= after["Chassis"], after
    status = ("ovs-appctl", "-t", "/run/ovn/ovnnb_db.ctl", "cluster/status", "OVN_Northbound")
    assert cloud.inside(LOST, *status).count(" at ssl:") == 3
    cloud.run("node1", "network", name=NETWORK["name"], state="absent")
