# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two resources would have at once, and only one can."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused, run

WEB = {"web": {"type": "proxy", "listen": "tcp:0.0.0.0:80", "connect": "tcp:127.0.0.1:80"}}


def nic(last, **more):
    return {"eth0": {"type": "nic", "network": "br0", "ipv4.address": f"10.0.0.{last}", **more}}


def stack(state="stopped", **devices):
    instances = [{"name": name, "source": EMPTY, "state": state, "devices": mine} for name, mine in devices.items()]
    return {"networks": [{"name": "br0", "config": {"ipv4.address": "10.0.0.1/24"}}], "instances": instances}


@pytest.mark.parametrize(
    ("state", "devices", "words"),
    [
        ("started", nic(5), "devices.eth0.ipv4.address: the address on br0 10.0.0.5 is that of instance 'a' too"),
        ("started", WEB, "devices.web.listen: the port tcp:0.0.0.0:80 is that of instance 'a' too"),
    ],
)
def test_two_new_ones(world, state, devices, words):
    assert f"instances[1] 'b': {words}. Choose another." in refused(world, stack(state, a=devices, b=devices))


def test_one_that_is_there(world):
    run(world, stack(a=nic(5), b=nic(6)))
    world.writes.clear()
    assert "instances[0] 'b': devices.eth0.ipv4.address" in refused(world, stack(b=nic(5)))
    assert run(world, stack(a=nic(6), b=nic(5)))["changed"] is True  # they swap


def test_a_mac_address(world):
    mac = {"hwaddr": "00:16:3e:00:00:0a"}
    assert "devices.eth0.hwaddr: the MAC address" in refused(world, stack("started", a=nic(5, **mac), b=nic(6, **mac)))


def test_new_ones_that_do_not_start(world):
    """The servers create them, and refuse to start the second."""
    both = stack(a=nic(5), b=nic(5))
    (warning,) = run(world, both)["warnings"]
    assert warning.startswith("instances[1] 'b': devices.eth0.ipv4.address: ")
    assert "Only one of them can start" in warning
    both["instances"][1]["description"] = "of no account"
    assert run(world, both)["warnings"] == []
    both["instances"][1]["state"] = "started"
    world.writes.clear()
    assert "instances[1] 'b': devices.eth0.ipv4.address" in refused(world, both)


def test_what_both_can_have(world):
    run(world, stack(a=WEB, b=WEB))  # they do not run
    passed_on = {"web": {**WEB["web"], "nat": "true"}}
    run(world, stack("started", c=passed_on, d=passed_on))
    world.server["environment"]["server_clustered"] = True
    assert run(world, stack(e=nic(5), f=nic(5)), check=True)["warnings"] == []
