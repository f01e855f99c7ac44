# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of records: what they take, how they compare and merge, what they show and refer to."""

from __future__ import annotations

import random

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.records import (
    Address,
    AddressSet,
    Choice,
    Key,
    Number,
    Ports,
    Records,
    Several,
    Subjects,
)
from hypothesis import given
from hypothesis import strategies as st

RULES = Records(
    "rules",
    Key("action", required=True, choices=["allow", "drop", "new"], extensions={"new": "newer"}),
    Key("state", default="enabled", choices=["enabled", "logged"]),
    Subjects("source"),
    Key("protocol", choices=["tcp", "udp", "icmp4"]),
    Ports("port", only_with=("protocol", ("tcp", "udp"))),
)
PORTS = Records(
    "ports",
    Ports("listen", required=True),
    Ports("there", like="listen"),
    Address("target"),
    Number("ttl"),
    Choice("snat", extension="snatting"),
    Several("backends"),
    unique=("listen",),
)
RULE = {"action": "allow", "state": "enabled"}


def cleaned(field, *records):
    return field.clean({field.name: list(records)})


def test_arguments():
    (name,), (spec,) = zip(*RULES.arguments().items())
    assert (name, spec["type"], spec["elements"]) == ("rules", "list", "dict")
    assert spec["options"]["action"] == {"type": "str", "required": True, "choices": ["allow", "drop", "new"]}
    inner = PORTS.arguments()["ports"]["options"]
    assert {key: entry["type"] for key, entry in inner.items()} == {
        "listen": "str",
        "there": "str",
        "target": "str",
        "ttl": "int",
        "snat": "bool",
        "backends": "list",
    }
    assert inner["backends"]["elements"] == "str"


def test_what_is_not_written_is_not_wanted():
    assert RULES.clean({"rules": None}) is None
    assert cleaned(RULES) == []


def test_records_have_the_form_of_the_server():
    """Spaces go, addresses get one spelling, and what is empty is left out. The order is that of the keys."""
    (rule,) = cleaned(
        RULES,
        {
            "port": " 80, 443 ,90-99",
            "protocol": "tcp",
            "source": "2001:DB8::1, web ,10.0.0.0/8",
            "state": "logged",
            "action": "drop",
        },
    )
    assert list(rule.items()) == [
        ("action", "drop"),
        ("state", "logged"),
        ("source", "2001:db8::1,web,10.0.0.0/8"),
        ("protocol", "tcp"),
        ("port", "80,443,90-99"),
    ]
    given = {"listen": "80", "target": "FD00::1", "ttl": 0, "snat": False, "backends": ["b", "a", "b"]}
    assert cleaned(PORTS, given) == [{"listen": "80", "target": "fd00::1", "backends": ["a", "b"]}]


@pytest.mark.parametrize(
    ("field", "records", "expected"),
    [
        (RULES, [{"action": ""}], ["rules[0].action: it is empty, and a value is needed."]),
        (
            RULES,
            [{**RULE, "protocol": "tcp", "port": "http"}],
            ["rules[0].port: 'http' is no port and no range of ports; write it as in 80,8000-8010."],
        ),
        (RULES, [{**RULE, "port": "80"}], ["rules[0].port: it needs protocol: tcp or udp."]),
        (RULES, [{**RULE, "protocol": "icmp4", "port": "80"}], ["rules[0].port: it needs protocol: tcp or udp."]),
        (
            RULES,
            [RULE, {"action": "drop"}, RULE],
            ["rules[2]: rules[0] has the same action allow, state enabled: write it once."],
        ),
        (
            PORTS,
            [{"listen": "80"}, {"listen": "80 ", "ttl": 5}],
            ["ports[1]: ports[0] has the same listen 80: write it once."],
        ),
        (
            PORTS,
            [{"listen": "80-90"}, {"listen": "1,85-95"}],
            ["ports[1]: ports[0] has the same listen 85: write it once."],
        ),
        (
            PORTS,
            [{"listen": "80-82", "there": "1,2"}],
            ["ports[0].there: '1,2' is 2 ports for 3 in listen: write one, or 3."],
        ),
        (PORTS, [{"listen": "80", "target": "010.0.0.1"}], ["ports[0].target: '010.0.0.1' is not an IP address."]),
        (
            PORTS,
            [{"listen": "99-80,65536"}],
            [
                "ports[0].listen: '99-80' is no port and no range of ports; write it as in 80,8000-8010.",
            ],
        ),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(field, records, expected):
    with pytest.raises(InvalidInput) as caught:
        cleaned(field, *records)
    assert list(caught.value.each) == expected


@pytest.mark.parametrize("port", ["0", "65535", "1-2", "80,90"])
def test_ports(port):
    assert cleaned(PORTS, {"listen": port, "there": "9"}) == [{"listen": port, "there": "9"}]
    count = {"1-2": 2, "80,90": 2}.get(port, 1)
    there = "8-9" if count == 2 else "8"
    assert cleaned(PORTS, {"listen": port, "there": there}) == [{"listen": port, "there": there}]


def test_everything_wrong_is_reported_at_once():
    with pytest.raises(InvalidInput) as caught:
        cleaned(PORTS, {"listen": "x"}, {"listen": ""}, {"listen": "1", "target": "y"})
    assert [words.partition(":")[0] for words in caught.value.each] == [
        "ports[0].listen",
        "ports[1].listen",
        "ports[2].target",
    ]


def test_the_order_means_nothing_and_empty_is_the_same_as_none():
    one, other = {**RULE, "source": "FD00::1"}, {"action": "drop", "state": "enabled"}
    want = cleaned(RULES, one, other)
    assert RULES.equal([other, {**one, "protocol": "", "description": "unknown to us"}], want)
    assert not RULES.equal([other], want) and not RULES.equal([other, other], want)
    assert RULES.equal(None, []) and not RULES.equal(None, want)


def test_what_stays_keeps_what_only_the_server_knows():
    stays = {**RULE, "later": "7"}
    new = {"action": "drop"}
    assert RULES.merged([stays, {"action": "drop", "source": "x"}], [new, RULE], None) == [new, stays]
    have = [new, stays]
    assert RULES.merged(have, [RULE, new], None) is have
    assert RULES.merged(None, [], None) == []
    assert RULES.merged(have, [], None) == []


def test_what_is_shown_and_exported():
    have = [{**RULE, "source": "", "later": "7"}]
    assert (RULES.shown(have, None), RULES.shown([], None), RULES.shown(None, None)) == ([RULE], None, None)
    assert RULES.exported(have, None) == [{"action": "allow"}]
    assert RULES.exported(None, None) == []


def test_what_rules_name():
    rules = cleaned(RULES, RULE, {**RULE, "source": "web-1,@internal,@net1/lab,$office,10.0.0.1-10.0.0.9,fd00::/8"})
    assert RULES.named(rules) == [
        ("rules[1].source", "network_acl", "web-1"),
        ("rules[1].source", "network_peer", "net1/lab"),
        ("rules[1].source", "network_address_set", "office"),
    ]
    assert RULES.references(rules) == [found[1:] for found in RULES.named(rules)]
    assert RULES.references(None) == []


def test_what_values_need():
    rules = cleaned(RULES, {**RULE, "source": "$office"}, {"action": "new"})
    assert RULES.needed(rules) == [("network_address_set", "rules[0].source"), ("newer", "rules[1].action")]
    assert PORTS.needed(cleaned(PORTS, {"listen": "1"}, {"listen": "2", "snat": True})) == [
        ("snatting", "ports[1].snat")
    ]
    assert Records("x", Key("a"), extension="y").needed([]) == [("y", "x")]


def test_names_that_must_be_there():
    known = ["web1", "web2"]
    assert PORTS.unknown([{"backends": ["web1"]}, {"backends": ["wbe2"]}], "backends", known) == [
        "ports[1].backends: there is no 'wbe2'. Did you mean 'web2'?"
    ]


def test_a_set_of_addresses():
    field = AddressSet("addresses")
    assert field.clean({"addresses": None}) is None
    want = field.clean({"addresses": ["FD00::1", "fd00:0::1", "10.0.0.0/8"]})
    assert want == ["fd00::1", "10.0.0.0/8"]
    assert field.equal(["10.0.0.0/8", "FD00::1"], want) and not field.equal(["10.0.0.0/8"], want)
    assert field.merged(["10.0.0.0/8", "FD00::1"], want, None) == ["10.0.0.0/8", "FD00::1"]
    with pytest.raises(InvalidInput) as caught:
        field.clean({"addresses": ["10.0.0.1", "web", "1.2.3"]})
    assert [words.partition(" is no")[0] for words in caught.value.each] == ["addresses: 'web'", "addresses: '1.2.3'"]


# -- what holds for all -----------------------------------------------------------------------------------------------

subjects = st.lists(
    st.one_of(st.ip_addresses().map(str), st.ip_addresses(v=6).map(lambda ip: ip.exploded.upper()), st.just("web")),
    max_size=3,
).map(", ".join)
rules = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from(("allow", "drop", "new")), "state": st.sampled_from(("enabled", "logged"))},
        optional={
            "source": st.one_of(st.none(), subjects),
            "protocol": st.sampled_from((None, "", "tcp", "udp")),
            "later": st.text(max_size=3),
        },
    ),
    max_size=4,
    unique_by=lambda rule: str(RULES.normal(rule)),
)


@given(rules)
def test_the_form_of_the_server_is_kept(records):
    once = [RULES.normal(record) for record in records]
    assert [RULES.normal(record) for record in once] == once
    assert RULES.equal(records, once) and RULES.equal(once, records)
    assert cleaned(RULES, *records) == once


@given(rules, rules)
def test_merging_gives_exactly_what_is_written_and_once(have, written):
    want = cleaned(RULES, *written)
    merged = RULES.merged(have, want, None)
    assert RULES.equal(merged, want)
    assert RULES.merged(merged, want, None) is merged
    kept = [record for record in merged if record in have]
    assert len(kept) >= sum(RULES.normal(record) in want for record in have)


@given(rules, st.randoms())
def test_the_order_never_means_anything(records, chance):
    mixed = list(records)
    random.Random(chance.random()).shuffle(mixed)
    assert RULES.equal(mixed, cleaned(RULES, *records))
