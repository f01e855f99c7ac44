# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Written values: all that is wrong at once, how to write it instead, and what a NIC keeps of another."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import values


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"limits": {}}, "config.limits: .*; pass it through the to_nice_yaml or to_json filter"),
        ({"limits": {"cpu": 1}}, "config.limits: .*; the dots are part of a key, so write limits.cpu as one word"),
        ({"limits.cpu": {"nodes": 1}}, "config.limits.cpu: .*; .*, so write cpu.nodes as one word"),
        ({"user.x": {"a": 1}}, "config.user.x: .*; pass it through the to_nice_yaml or to_json filter"),
    ],
)
def test_a_dictionary_where_a_value_is_needed_is_told_how_to_be_written(value, hint):
    with pytest.raises(InvalidInput, match=f"^{hint}"):
        values.wire_map("config", value)


def test_true_is_no_number():
    assert values.wire_map("config", {"mode": True}) == {"mode": "true"}


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidInput) as caught:
        values.wire_devices({"a": {"x": [], "mode": 1, "y": "1"}, "b": 5, "c": {"z": {}}, "d": None})
    assert [words.partition(":")[0] for words in caught.value.each] == [
        "devices.a.x",
        "devices.a.mode",
        "devices.b",
        "devices.c.z",
    ]


NIC = {"type": "nic", "name": "n", "hwaddr": "x", "boot.priority": "1"}
OF_NETWORK = {
    "nictype": "bridged",
    "parent": "p",
    "mtu": "9",
    "gvrp": "true",
    "maas.subnet.ipv4": "m4",
    "maas.subnet.ipv6": "m6",
}


def test_a_nic_that_turns_to_a_network_has_nothing_that_comes_from_networks():
    kept = {"ipv4.address": "10.0.0.2"}
    assert values.overriding({**NIC, **OF_NETWORK, **kept}, {"network": "b"}) == {**NIC, **kept, "network": "b"}


def test_a_nic_that_turns_from_a_network_keeps_what_any_nic_can_have():
    written = {"nictype": "macvlan", "parent": "p"}
    assert values.overriding({**NIC, "network": "a", "ipv4.address": "10.0.0.2"}, written) == {**NIC, **written}


def test_what_is_written_on_servers_is_found_there_by_later_versions():
    assert values.MARKS == ("user.cloudhost.stack", "user.cloudhost.bearer", "user.cloudhost.copy")
    assert (values.MOVING, values.MOVED) == ("user.cloudhost.moving", "user.cloudhost.moved")
    assert all(values.same(mark, "1GiB", "1GiB") and not values.same(mark, "yes", "true") for mark in values.MARKS)
