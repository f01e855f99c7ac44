# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of networks."""

from __future__ import annotations

from .entry import EMPTY, Entry

SILENT = {"ipv4.address": "none", "ipv6.address": "none"}
NETWORK = {"name": "suite0", "config": {"ipv4.address": "10.158.45.1/24", "ipv6.address": "none"}}
ALLOW = {"action": "allow", "state": "enabled"}
NO_VALUE = ({"a": []}, ("config.a", "not a list"))

ENTRIES = {
    "network": Entry(
        key={"name": "suite"},
        new={"config": SILENT},
        changes={"description": "of the suite", "config": {"ipv4.dhcp": False}},
        bad={
            "name": ("a-name-that-is-too-long", ("name", "2 to 15")),
            "type": ("brdge", ("type", "'brdge'", "Did you mean 'bridge'?")),
            "config": ({"ipv4.nat": "maybe"}, ("config.ipv4.nat", "'maybe'", "a boolean")),
            "members": ({"nobody": {"parent": "eth0"}}, ("members", "not clustered")),
        },
        renamed="suite9",
        fixed={"type": "macvlan"},
        anew={"type": "macvlan", "config": {"parent": "lo", **dict.fromkeys(SILENT)}},
        users=(("profile", {"name": "user", "devices": {"eth0": {"type": "nic", "network": "suite"}}}),),
    ),
    "network_acl": Entry(
        key={"name": "suite"},
        new={"ingress": [ALLOW]},
        changes={
            "description": "of the suite",
            "ingress": [ALLOW, {**ALLOW, "action": "drop", "source": "FD00::1, 10.0.0.1-10.0.0.9"}],
            "egress": [{**ALLOW, "state": "logged", "protocol": "tcp", "destination_port": "80, 8000-8010"}],
            "config": {"user.a": 1},
        },
        unset={"ingress": [ALLOW]},
        bad={
            "name": ("10.0.0.1", ("name", "'10.0.0.1'", "letters, digits and dashes")),
            "ingress": ([{**ALLOW, "protocol": "tcp", "source_port": "http"}], ("ingress[0].source_port", "'http'")),
            "egress": ([ALLOW, {**ALLOW, "destination_port": "80"}], ("egress[1].destination_port", "tcp or udp")),
            "config": NO_VALUE,
        },
        renamed="suite9",
        users=(("network", {"name": "user0", "config": {**SILENT, "security.acls": "suite"}}),),
    ),
    "network_address_set": Entry(
        key={"name": "suite"},
        changes={"description": "of the suite", "addresses": ["10.0.0.0/8", "FD00::1"], "config": {"user.a": 1}},
        bad={
            "name": ("a b", ("name", "'a b'", "letters, digits and dashes")),
            "addresses": (["10.0.0.1", "office"], ("addresses", "'office'")),
            "config": NO_VALUE,
        },
        renamed="suite9",
        users=(("network_acl", {"name": "user", "ingress": [{**ALLOW, "source": "$suite"}]}),),
    ),
    "network_forward": Entry(
        key={"network": "suite0", "listen_address": "192.0.2.45"},
        changes={
            "description": "of the suite",
            "ports": [{"protocol": "tcp", "listen_port": "80, 443", "target_address": "10.158.45.9"}],
            "config": {"target_address": "10.158.45.8", "user.a": 1},
        },
        bad={
            "listen_address": ("10.0.0.1/24", ("listen_address", "'10.0.0.1/24'")),
            "ports": (
                [{"protocol": "tcp", "listen_port": "80", "target_address": "10.9.9.9"}],
                ("ports[0].target_address", "'10.9.9.9'", "10.158.45.0/24"),
            ),
            "config": NO_VALUE,
        },
        needs=(("network", NETWORK),),
        etag=(),
    ),
    "network_integration": Entry(
        key={"name": "suite"},
        new={"type": "ovn", "config": {"ovn.northbound_connection": "tcp:192.0.2.1:6641"}},
        changes={"description": "of the suite", "config": {"ovn.southbound_connection": "tcp:192.0.2.1:6642"}},
        bad={
            "name": ("a/b", ("name", "'a/b'", "no slash")),
            "type": ("ovs", ("type", "'ovs'", "Did you mean 'ovn'?")),
            "config": NO_VALUE,
        },
        renamed="suite9",
        fixed={"type": "ovs"},
        anew=None,
        lonely="only peers between the OVN of two servers use it",
    ),
    "network_load_balancer_pool": Entry(
        key={"network": "suite0", "name": "suite"},
        new={"config": {"target_port": "80"}},
        changes={
            "description": "of the suite",
            "instances": [{"name": "suite", "target_port": "8080"}],
            "config": {"protocol": "udp"},
        },
        bad={
            "name": ("a:b", ("name", "'a:b'", "colon")),
            "instances": ([{"name": "nobody"}], ("instances", "'nobody'")),
            "config": NO_VALUE,
        },
        needs=(("network", NETWORK), ("instance", {"name": "suite", **EMPTY})),
        lonely="only load balancers of OVN networks use it",
        etag=(),
    ),
    "network_zone": Entry(
        key={"name": "suite.test"},
        changes={"description": "of the suite", "config": {"dns.nameservers": "ns1.suite.test", "user.a": 1}},
        bad={"name": ("a/b", ("name", "'a/b'", "no slash")), "config": NO_VALUE},
        users=(("network", {"name": "user0", "config": {**SILENT, "dns.zone.forward": "suite.test"}}),),
    ),
    "network_zone_record": Entry(
        key={"zone": "suite.test", "name": "@"},
        new={"entries": [{"type": "A", "value": "192.0.2.45"}]},
        changes={
            "description": "of the suite",
            "entries": [{"type": "A", "value": "192.0.2.46", "ttl": 60}, {"type": "TXT", "value": "a"}],
            "config": {"user.a": 1},
        },
        unset={"entries": [{"type": "A", "value": "192.0.2.45"}]},
        bad={
            "name": ("a b", ("name", "'a b'", "no space")),
            "entries": ([{"type": "A", "value": ""}], ("entries[0].value", "is empty")),
            "config": NO_VALUE,
        },
        needs=(("network_zone", {"name": "suite.test"}),),
    ),
}
