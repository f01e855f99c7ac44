# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guards a cluster: addresses of members, and which members have to remain."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters._address import covers, fault, same
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters._leaving import answers


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1:8443",
        "[fd00::1]:8443",
        "[fe80::1%eth0]:8443",
        "node1:8443",
        "a-b.example.net.:1",
        "_x.test:65535",
        "3com.net:9",
    ],
)
def test_an_address_that_others_can_use(address: str) -> None:
    assert fault(address) == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        *(
            (address, "not a host and a port")
            for address in (
                "10.0.0.1",
                "fd00::1:8443",
                "fd00::1",
                "https://a:1",
                "a:",
                "a:http",
                " a:1",
                "a b:1",
                "[a]b:1",
                "a/b:1",
            )
        ),
        *(
            (address, "stands for all addresses")
            for address in (":8443", "*:1", "0.0.0.0:1", "[::]:1", "[0:0::0]:1", "[::ffff:0.0.0.0]:1", "[::%eth0]:1")
        ),
        *(
            (address, "neither an address nor a name")
            for address in ("0:8443", "10.0.0.256:1", "10.0.1:1", "[node1]:1", "-a:1", "a-:1")
        ),
        *((address, "ports are 1 to 65535") for address in ("a:0", "10.0.0.1:65536", "[fd00::1]:99999")),
    ],
)
def test_an_address_that_others_cannot_use(address: str, words: str) -> None:
    assert words in fault(address)


def test_spellings_of_one_address() -> None:
    assert (
        same("[fd00:0::1]:8443", "[fd00::1]:8443")
        and same("Node1.Example:1", "node1.example.:1")
        and same("10.0.0.1", "10.0.0.1:8443")
    )
    assert not same("10.0.0.1:8443", "10.0.0.1:8444") and not same("10.0.0.1:1", "10.0.0.2:1")


@pytest.mark.parametrize(
    ("members", "go_on"),
    [
        ("v", True),
        ("V", False),
        ("", False),
        ("s", True),  # the server has it vote before the last that does is gone
        ("S", False),
        ("vV", False),
        ("vVs", False),
        ("vvV", True),
        ("vVVs", False),
        ("Vss", False),
    ],
)
def test_who_has_to_be_left(members: str, go_on: bool) -> None:
    """`v` keeps the database and votes, `s` does not; those in capitals are offline."""
    roles = {"v": ["database"], "s": ["database-standby"]}
    listed = [
        {"server_name": str(number), "status": "Offline" if one.isupper() else "Online", "roles": roles[one.lower()]}
        for number, one in enumerate(members)
    ]
    assert answers(listed) is go_on


def test_what_is_reached_where_a_server_listens() -> None:
    for listening, address in (
        (":8443", "10.0.0.1:8443"),
        ("[::]:8443", "[fd00::1]:8443"),
        ("0.0.0.0:8443", "10.0.0.1:8443"),
        ("10.0.0.1", "10.0.0.1:8443"),
    ):
        assert covers(listening, address), listening
    for listening, address in (
        (":8444", "10.0.0.1:8443"),
        ("0.0.0.0:8443", "[fd00::1]:8443"),
        ("10.0.0.2:8443", "10.0.0.1:8443"),
    ):
        assert not covers(listening, address), listening
