# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of bridges, and of NICs on them. tests/integration/test_known.py asks the daemons the same."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import subnets

BRIDGE = {"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"}


def test_bridges_that_share_a_subnet():
    others = {"lxdbr0": BRIDGE}
    ((error,), none) = subnets.shared_subnets({"ipv4.address": "10.158.1.1/16"}, others)
    assert "network 'lxdbr0' (10.158.1.1/24)" in error and none == []
    (none, (warning,)) = subnets.shared_subnets({"ipv4.address": "10.158.1.9/24"}, others)
    assert "config.ipv4.address: 10.158.1.9/24" in warning and none == []
    (none, (_warning,)) = subnets.shared_subnets({"ipv4.address": "10.158.1.1/24", "dns.mode": "none"}, others)
    assert none == []
    assert subnets.shared_subnets({"ipv4.address": "10.159.1.1/24", "ipv6.address": "auto"}, others) == ([], [])


def test_ranges_outside_of_the_subnet():
    ranges = "10.158.1.5-10.158.1.9, 10.158.2.5-10.158.2.9"
    (warning,) = subnets.stray_ranges({**BRIDGE, "ipv4.dhcp.ranges": ranges})
    assert "config.ipv4.dhcp.ranges: 10.158.2.5-10.158.2.9 is outside of the subnet 10.158.1.0/24" in warning
    assert subnets.stray_ranges({**BRIDGE, "ipv4.dhcp.ranges": "10.158.1.2-10.158.1.254"}) == []
    assert subnets.stray_ranges({"ipv4.address": "auto", "ipv4.dhcp.ranges": ranges}) == []
    assert subnets.stray_ranges({"ipv6.address": "fd42::1/64", "ipv6.dhcp.ranges": "fd42::5-fd43::9"}) != []


def stray(device, config, **network):
    shown = {"type": "bridge", "managed": True, "name": "lxdbr0", "status": "Created", "config": config, **network}
    return subnets.stray_addresses("devices.eth0", {"type": "nic", **device}, shown)


@pytest.mark.parametrize(
    ("device", "config", "words"),
    [
        ({"ipv4.address": "10.158.2.9"}, BRIDGE, "'10.158.2.9' is not in the subnet 10.158.1.0/24 of the network"),
        ({"ipv4.address": "10.158.1.1"}, BRIDGE, "'10.158.1.1' is the address of the network 'lxdbr0' itself"),
        ({"ipv4.address": "10.158.1.9"}, {"ipv4.address": "none"}, "gives no such addresses: set ipv4.address"),
        ({"ipv4.address": "10.158.1.9"}, {**BRIDGE, "ipv4.dhcp": "false"}, "and ipv4.dhcp: true there"),
        ({"ipv6.address": "fd42::9"}, {"ipv6.address": "fd42::1/64"}, "and ipv6.dhcp.stateful: true there"),
        ({"ipv4.address": "10.158.2.9", "security.ipv4_filtering": "true"}, BRIDGE, "not in the subnet"),
        (
            {"ipv6.address": "fd43::9"},
            {"ipv6.address": "fd42::1/64", "ipv6.dhcp.stateful": "true"},
            "not in the subnet",
        ),
    ],
)
def test_addresses_that_a_bridge_does_not_give(device, config, words):
    ((_option, error),) = [error.split(": ", 1) for error in stray(device, config)]
    assert words in error


@pytest.mark.parametrize(
    ("device", "config", "network"),
    [
        ({"ipv4.address": "10.158.1.9"}, BRIDGE, {}),
        ({"ipv4.address": "10.158.1.9"}, {**BRIDGE, "ipv4.dhcp": "true"}, {}),
        ({"ipv4.address": "none"}, BRIDGE, {}),
        ({"ipv6.address": "fd42::9"}, {"ipv6.address": "fd42::1/64", "ipv6.dhcp.stateful": "true"}, {}),
        ({"ipv4.address": "10.9.9.9", "security.ipv4_filtering": "true"}, {"ipv4.address": "none"}, {}),
        ({"ipv4.address": "10.9.9.9"}, BRIDGE, {"type": "ovn"}),
        ({"ipv4.address": "10.9.9.9"}, {}, {"managed": False}),
        ({"ipv4.address": "10.9.9.9"}, {"ipv4.address": "auto"}, {}),
        ({"ipv4.address": "10.9.9.9"}, {}, {}),
    ],
)
def test_addresses_that_it_gives_or_that_only_the_server_knows(device, config, network):
    assert stray(device, config, **network) == []
