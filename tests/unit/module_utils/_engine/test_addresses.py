# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses in the spelling of the daemons, which is that of Go: what its `net.ParseIP` and `net.ParseCIDR` take."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import addresses, values
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.claims import address
from hypothesis import example, given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2001:DB8::1", "2001:db8::1"),
        (" 2001:0db8:0:0:0:0:0:1 ", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  # one group of zeros stays
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  # of two runs, the first
        ("::FFFF:10.0.0.1", "10.0.0.1"),  # as Go writes it
        ("10.0.0.10", "10.0.0.10"),
        ("010.0.0.1", ""),  # Python 3.8 takes it
        ("::ffff:10.0.0.01", ""),
        ("fe80::1%eth0", ""),  # Python 3.9 takes it
        ("1.2.3", ""),
        ("", ""),
        ("web-1", ""),
        ("FD42::1/064", ""),
        ("FD42:0::1/64", "fd42::1/64"),
        ("10.0.0.0/33", ""),
        ("10.0.0.0/32", "10.0.0.0/32"),
        ("10.0.0.0/", ""),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("FD42::1 - fd42:0::9", "fd42::1-fd42::9"),
        ("10.0.0.1-9", ""),
    ],
)
def test_canonical(written, expected):
    assert addresses.canonical(written) == expected
    assert addresses.canonical(expected) == expected


ips = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(ips, st.booleans(), st.booleans())
@example(ipaddress.IPv6Address("::ffff:0.0.0.0"), True, False)
def test_all_spellings_of_an_address_are_one(ip, exploded, upper):
    text = ip.exploded if exploded else str(ip)
    text = text.upper() if upper else text
    assert addresses.parsed(text) == (getattr(ip, "ipv4_mapped", None) or ip)
    assert addresses.canonical(text) == str(addresses.parsed(text)) == address(text)
    assert values.same("config", text, str(ip))


@given(ips, ips)
@example(ipaddress.IPv4Address("0.0.0.0"), ipaddress.IPv6Address("::ffff:0:0"))
@example(ipaddress.IPv6Address("::ffff:0:0"), ipaddress.IPv4Address("0.0.0.0"))
def test_two_addresses_are_not_the_same(one, other):
    assert values.same("x", str(one), str(other)) == (addresses.parsed(str(one)) == addresses.parsed(str(other)))


@given(ips, st.integers(0, 128))
def test_the_subnet_of_an_address(ip, length):
    ip = getattr(ip, "ipv4_mapped", None) or ip
    length = min(length, ip.max_prefixlen)
    assert addresses.subnet(f"{ip}/{length}") == ipaddress.ip_network(f"{ip}/{length}", strict=False)
    assert addresses.subnet(str(ip)) is None


@pytest.mark.parametrize(("one", "other"), [("00:16:3E:00:00:01", "00:16:3e:00:00:01"), ("a:1", "A:1")])
def test_what_is_no_address_is_compared_letter_for_letter(one, other):
    assert not values.same("hwaddr", one, other)
