# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types of the tables: whatever the text, an answer; whatever is right by its making, accepted."""

from __future__ import annotations

import ipaddress

import hypothesis
import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import (
    devices,
    inspection,
    instances,
    networks,
    pools,
    servers,
    types,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known.tables import Table
from hypothesis import strategies

FAMILIES = (devices, instances, networks, pools, servers)
LINES = [
    line
    for family in FAMILIES
    for name, text in vars(family).items()
    if name.isupper()
    for line in text.strip().split("\n")
]
UNITS = ("", "B", "kB", "MB", "GB", "TB", "PB", "EB", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def test_each_line_of_the_tables_has_a_key_a_type_and_perhaps_a_product():
    for line in LINES:
        parts = line.split(" ")
        assert len(parts) in (2, 3) and parts[2:] in ([], ["lxd"], ["incus"]), line
    assert len(LINES) > 700


@pytest.mark.parametrize("name", types.TYPES)
def test_each_type_is_used_and_has_words(name):
    notations = {line.split(" ")[1] for line in LINES}
    assert any(name in [one.rstrip("*") for one in notation.split("|")] for notation in notations)
    assert types.words_of(name)


@hypothesis.given(strategies.text(max_size=40))
def test_any_text_gets_an_answer(text):
    for name in types.TYPES:
        assert types.is_of(name, text) in (True, False)
        assert types.is_of(f"{name}*", text) in (True, False)


@hypothesis.given(strategies.integers(1, 10**12), strategies.sampled_from(UNITS))
def test_a_number_with_a_unit_is_a_size(number, unit):
    assert types.is_of("size", f"{number}{unit}") and types.is_of("memory", f"{number}{unit}")


@hypothesis.given(strategies.ip_addresses(), strategies.integers(1, 30))
def test_addresses_and_networks(address, bits):
    version, network = address.version, ipaddress.ip_network(f"{address}/{bits}", strict=False)
    assert types.is_of(f"ip{version}", str(address)) and types.is_of("ip", str(address))
    assert types.is_of(f"net{version}", str(network)) and not types.is_of(f"cidr{version}", str(network))
    inside = network.network_address + 1
    assert types.is_of(f"cidr{version}", f"{inside}/{bits}") and not types.is_of(f"net{version}", f"{inside}/{bits}")
    assert not types.is_of(f"cidr{version}", str(inside))
    assert types.is_of(f"range{version}", f"{network.network_address}-{inside}")


@hypothesis.given(
    strategies.lists(strategies.tuples(strategies.integers(0, 99), strategies.integers(0, 99)), min_size=1)
)
def test_a_set_of_cpus(ranges):
    assert types.is_of("cpus", ",".join(f"{low}-{high}" if low < high else str(low) for low, high in ranges))


def test_an_empty_value_unsets_and_fits_all():
    assert all(types.is_of(name, "") for name in types.TYPES)


def test_a_table_has_the_keys_of_its_product():
    text = "\na.b bool lxd\na.b text incus\nc.* int\nc.d text\n"
    lxd, incus = Table("lxd", (text,)), Table("incus", (text,))
    assert (lxd.notation("a.b"), incus.notation("a.b")) == ("bool", "text")
    assert (lxd.notation("c.x.y"), lxd.notation("c.d"), lxd.notation("c")) == ("int", "text", None)


def test_the_keys_that_a_server_lists():
    configs = {
        "instance": {"boot": {"keys": [{"boot.autostart": {"type": "bool"}}, {"environment.*": {}}]}},
        "network": {"common": {"keys": [{"tunnel.NAME.port": {}, "initial.nvram.<GUID>.<name>": {}}]}},
    }
    assert inspection.keys_in(configs) == {"boot.autostart", "environment.*", "tunnel.*.port", "initial.nvram.*.*"}
    for odd in (None, [], {"a": 1}, {"a": {"b": {"c": 1}}}, {"a": {"b": {"keys": 1}}}, {"a": {"b": {"keys": [1]}}}):
        assert inspection.keys_in(odd) == frozenset()
