# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables: how values are written on the wire, when they mean the same, and what is shown of them."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import values

UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (True, "true"),
        (False, "false"),
        (2, "2"),
        (0, "0"),
        (-1, "-1"),
        (1.5, "1.5"),
        ("1GiB", "1GiB"),
        (" padded ", " padded "),
        ("True", "True"),
    ],
)
def test_wire(value, expected):
    assert values.wire("config.key", value) == expected


@pytest.mark.parametrize(("value", "hint"), [({"a": 1}, "write key.a as one word"), ([1], "join it")])
def test_wire_refuses_what_is_no_scalar(value, hint):
    with pytest.raises(InvalidInput, match=rf"config\.key: .*{type(value).__name__}.*{hint}"):
        values.wire("config.key", value)


@pytest.mark.parametrize("key", ["user.meta-data", "cloud-init.user-data", "environment.X"])
def test_wire_tells_how_text_is_made(key):
    with pytest.raises(InvalidInput, match="to_json filter, or write it as text"):
        values.wire(f"config.{key}", {"a": 1})


def test_a_key_without_a_value_has_a_colon_in_it():
    with pytest.raises(InvalidInput, match="'limits.cpu:2' has no value; put a space after the colon"):
        values.wire_map("config", {"limits.cpu:2": None})
    assert values.wire_map("config", {"user.a:b": None, "limits.cpu": None}) == {"user.a:b": None, "limits.cpu": None}


def test_wire_map():
    assert values.wire_map("config", {"limits.cpu": 2, "limits.memory": "1GiB", "user.a": None}) == {
        "limits.cpu": "2",
        "limits.memory": "1GiB",
        "user.a": None,
    }


@pytest.mark.parametrize("key", [1, True, None, ""])
def test_wire_map_refuses_keys_that_are_no_text(key):
    with pytest.raises(InvalidInput, match="write it in quotes"):
        values.wire_map("config", {key: "x"})


def test_wire_map_names_the_whole_option():
    with pytest.raises(InvalidInput, match=r"^config\.limits\.memory: 'much' is not a size"):
        values.wire_map("config", {"limits.memory": "much"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1073741824", 2**30),
        ("5B", 5),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("1MiB", 2**20),
        ("1GB", 10**9),
        ("1TB", 10**12),
        ("1PB", 10**15),
        ("1EB", 10**18),
        ("1PiB", 2**50),
        (" 7 ", 7),
        ("500MB", 500 * 10**6),
        ("1GiB", 2**30),
        ("1gib", 2**30),
        ("1 GiB", 2**30),
        ("2TiB", 2**41),
        ("1EiB", 2**60),
        ("1.5GiB", None),
        ("-1GiB", None),
        ("GiB", None),
        ("10G", None),
        ("10%", None),
        ("", None),
    ],
)
def test_parse_size(text, expected):
    assert values.parse_size(text) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", "10GiB"),
        ("limits.memory", "50%"),
        ("limits.memory.swap", "false"),
        ("limits.disk", "1TB"),
        ("volume.size", None),
        ("limits.cpu", "0-3"),
        ("limits.memory", "100%"),
        ("limits.memory.swap", "on"),
        ("limits.memory", "5%"),
        ("user.size", "large"),
    ],
)
def test_check_size_lets_pass(key, value):
    assert values.check_size("option", key, value) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", "10G"), ("size", "50%"), ("limits.memory", "1000%"), ("size.state", "1.5GiB"),
        ("volume.size", "large"), ("limits.disk", "lots"),
        ("x.limits.disk", "lots"), ("limits.memory.swap", "lots"), ("snapshots.size", "lots"), ("limits.memory", "%"),
        ("size", "true"), ("size.state", "50%"),
    ],
)  # fmt: skip
def test_check_size_refuses(key, value):
    with pytest.raises(InvalidInput, match=f"option: '{value}' is not a size"):
        values.check_size("option", key, value)


@pytest.mark.parametrize(
    ("key", "want", "have", "expected"),
    [
        ("limits.memory", "1GiB", "1024MiB", True),
        ("limits.memory", "1073741824", "1GiB", True),
        ("limits.memory", "1GB", "1GiB", False),
        ("limits.cpu", "2", "2", True),
        ("limits.cpu", "02", "2", False),
        ("security.nesting", "true", "True", True),
        ("security.nesting", "yes", "1", True),
        ("security.nesting", "on", "false", False),
        ("security.nesting", "0", "false", True),
        ("limits.cpu", "1", "0", False),
        ("dns.domains", "a, b", "a,b", True),
        ("dns.domains", "a,b", "b,a", False),
        ("any", None, None, True),
        ("any", None, "", True),
        ("any", "", None, True),
        ("any", "x", None, False),
        ("any", None, "x", False),
        ("user.size", "1GiB", "1024MiB", False),
        ("user.flag", "yes", "true", False),
        ("cloud-init.user-data", "a, b", "a,b", False),
        ("environment.DEBUG", "1", "true", False),
        ("raw.lxc", "yes", "true", False),
        ("image.serial", "on", "1", False),
        ("volatile.x", "1GiB", "1024MiB", False),
        ("placement.scriptlet", "no", "off", False),
        ("security.nesting", "Yes", "ON", True),
        ("security.nesting", "off", "FALSE", True),
        ("security.nesting", "no", "0", True),
        ("dns.domain", "a", " a", False),
        ("limits.memory", "1GiB", "lots", False),
        ("limits.memory", "lots", "many", False),
    ],
)
def test_same(key, want, have, expected):
    assert values.same(key, want, have) is expected
    assert values.same(key, have, want) is expected


@pytest.mark.parametrize(
    ("current", "wanted", "kwargs", "expected"),
    [
        ({"a": "1"}, None, {}, {"a": "1"}),
        ({"a": "1"}, None, {"purge": True}, {}),
        ({"a": "1"}, {}, {}, {"a": "1"}),
        ({"a": "1"}, {"b": "2"}, {}, {"a": "1", "b": "2"}),
        ({"a": "1"}, {"a": "2"}, {}, {"a": "2"}),
        ({"a": "1"}, {"a": None}, {}, {}),
        ({}, {"a": None}, {}, {}),
        ({"m": "1024MiB"}, {"m": "1GiB"}, {}, {"m": "1024MiB"}),
        ({"a": "1", "b": "2"}, {"a": "1"}, {"purge": True}, {"a": "1"}),
        ({"a": "1", "volatile.x": "2"}, {}, {"purge": True, "server_keys": ("volatile.*",)}, {"volatile.x": "2"}),
        ({"volatile.x": "2"}, {"volatile.x": None}, {"purge": True, "server_keys": ("volatile.*",)}, {}),
        ({"a": "1"}, {"a": "2"}, {"equal": lambda key, want, current: True}, {"a": "1"}),
    ],
)
def test_merge(current, wanted, kwargs, expected):
    before = dict(current)
    assert values.merge(current, wanted, **kwargs) == expected
    assert current == before


BRIDGED = {"type": "nic", "nictype": "bridged", "parent": "br0", "name": "eth0"}


@pytest.mark.parametrize(
    ("current", "wanted", "purge", "expected"),
    [
        ({"eth0": BRIDGED}, None, False, {"eth0": BRIDGED}),
        ({"eth0": BRIDGED}, {"eth0": None}, False, {}),
        ({"eth0": BRIDGED}, {"eth0": {"parent": "br1"}}, False, {"eth0": {**BRIDGED, "parent": "br1"}}),
        (
            {"eth0": BRIDGED},
            {"eth0": {"name": None}},
            False,
            {"eth0": {"type": "nic", "nictype": "bridged", "parent": "br0"}},
        ),
        (
            {"eth0": BRIDGED},
            {"eth0": {"type": "nic", "network": "lxdbr0"}},
            False,
            {"eth0": {"type": "nic", "network": "lxdbr0"}},
        ),
        (
            {"a": BRIDGED},
            {"a": {"type": "disk", "path": "/", "pool": "p"}},
            False,
            {"a": {"type": "disk", "path": "/", "pool": "p"}},
        ),
        ({"a": BRIDGED}, {"b": {"type": "none"}}, True, {"b": {"type": "none"}}),
        ({"a": BRIDGED}, {"a": {"type": "nic", "parent": "br0"}}, True, {"a": {"type": "nic", "parent": "br0"}}),
        ({}, {"gone": {}}, False, {}),
        ({"a": {"path": "/x"}}, {"a": {"path": None}}, False, {"a": {}}),
        (
            {"a": BRIDGED},
            {"a": {"nictype": "macvlan", "parent": "eth1"}},
            False,
            {"a": {"type": "nic", "nictype": "macvlan", "parent": "eth1"}},
        ),
        (
            {"a": {"type": "nic", "network": "n", "mtu": "9000"}},
            {"a": {"nictype": "p2p"}},
            False,
            {"a": {"type": "nic", "nictype": "p2p"}},
        ),
        (
            {"a": {"type": "nic", "network": "n"}},
            {"a": {"nictype": "p2p", "network": "n"}},
            False,
            {"a": {"type": "nic", "network": "n", "nictype": "p2p"}},
        ),
        (
            {"a": {"network": "n", "mtu": "9"}},
            {"a": {"nictype": "p2p", "network": "n"}},
            False,
            {"a": {"network": "n", "mtu": "9", "nictype": "p2p"}},
        ),
        ({"a": {"nictype": "p2p"}}, {"a": {"network": "n"}}, False, {"a": {"network": "n"}}),
        ({"a": BRIDGED}, {"a": {"nictype": "bridged", "mtu": 1}}, False, {"a": {**BRIDGED, "mtu": 1}}),
        (
            {"a": BRIDGED},
            {"a": {"type": None, "name": "eth1"}},
            False,
            {"a": {"nictype": "bridged", "parent": "br0", "name": "eth1"}},
        ),
    ],
)
def test_merge_devices(current, wanted, purge, expected):
    assert values.merge_devices(current, wanted, purge) == expected


def test_a_nic_that_turns_from_nictype_to_network_stays_a_nic():
    merged = values.merge_devices({"eth0": BRIDGED}, {"eth0": {"network": "lxdbr0"}})
    assert merged == {"eth0": {"type": "nic", "network": "lxdbr0"}}


@pytest.mark.parametrize("device", ["eth0", 1, ["nic"]])
def test_wire_devices_refuses_what_is_no_dictionary(device):
    with pytest.raises(InvalidInput, match=r"devices\.eth0: a device is a dictionary"):
        values.wire_devices({"eth0": device})


def test_the_mark_stays_what_it_is():
    """Or no stack knows any more what it has made."""
    assert values.MARK == "user.cloudhost.stack" and values.check_size("config", values.MARK, "any name") == "any name"


def test_without_unset():
    assert values.without_unset({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}


def test_wire_devices():
    assert values.wire_devices(None) is None
    assert values.wire_devices({"a": None, "b": {"mtu": 1500}}) == {"a": None, "b": {"mtu": "1500"}}


NOON = datetime.datetime(2026, 12, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2026-12-31T12:00:00Z", NOON),
        ("2026-12-31T12:00:00z", NOON),
        ("2026-12-31T14:00:00+02:00", NOON),
        ("2026-12-31 12:00:00+00:00", NOON),
        ("2026-12-31 12:00:00", NOON),
        ("2026-12-31", NOON.replace(hour=0)),
        (" 2026-12-31T12:00:00Z\n", NOON),
        ("0001-01-01T00:00:00+00:00", None),
        ("1970-01-01T00:00:01Z", datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("2026-12-31T12:00:00.12345+00:00", NOON.replace(microsecond=123450)),
        ("2026-12-31T10:00:00.5-02:00", NOON.replace(microsecond=500000)),
        ("2026-12-31T12:00:00.5Z", NOON.replace(microsecond=500000)),
        ("2026-12-31T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
    ],
)
def test_instant(text, expected):
    assert values.instant("expires_at", text) == expected


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "31.12.2026", "12:00"])
def test_instant_refuses(text):
    with pytest.raises(InvalidInput, match=f"expires_at: '{text}' is not a point in time"):
        values.instant("expires_at", text)


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        ("2026-12-31T12:00:00Z", "2026-12-31T14:00:00.3+02:00", True),
        ("2026-12-31T12:00:00Z", "2026-12-31T12:00:01Z", False),
        ("2026-12-31T12:00:00Z", "2026-12-31T12:00:00.999Z", True),
        ("2026-12-31T12:00:02Z", "2026-12-31T12:00:00Z", False),
        ("", "0001-01-01T00:00:00Z", True),
        (None, "2026-12-31T12:00:00Z", False),
        ("2026-12-31T12:00:00Z", None, False),
    ],
)
def test_same_instant(want, have, expected):
    assert values.same_instant("expires_at", want, have) is expected


@pytest.mark.parametrize(
    ("inherited", "written", "expected"),
    [
        ({"type": "nic", "network": "a"}, {"hwaddr": "x"}, {"type": "nic", "network": "a", "hwaddr": "x"}),
        ({"type": "nic", "network": "a", "mtu": "9"}, {"network": "b"}, {"type": "nic", "network": "b", "mtu": "9"}),
        (
            {"type": "nic", "nictype": "bridged", "parent": "p", "mtu": "9", "name": "n", "hwaddr": "x"},
            {"network": "b"},
            {"type": "nic", "name": "n", "hwaddr": "x", "network": "b"},
        ),
        (
            {"type": "nic", "network": "a", "name": "n", "security.acls": "c"},
            {"nictype": "bridged", "parent": "p"},
            {"type": "nic", "name": "n", "nictype": "bridged", "parent": "p"},
        ),
        (
            {"type": "disk", "path": "/", "pool": "p", "size": "1GiB"},
            {"size": None},
            {"type": "disk", "path": "/", "pool": "p"},
        ),
    ],
)
def test_a_device_that_overrides_another(inherited, written, expected):
    before = dict(inherited)
    assert values.overriding(inherited, written) == expected and inherited == before


@pytest.mark.parametrize("value", [True, "true", "True", "yes", "ON", "1"])
def test_what_the_daemons_take_for_true(value):
    assert values.is_true(str(value)) is True


@pytest.mark.parametrize("value", [None, "", "false", "no", "0", "2", "maybe"])
def test_what_the_daemons_do_not_take_for_true(value):
    assert values.is_true(value) is False


@pytest.mark.parametrize(
    ("key", "value"), [("mode", 432), ("mode", 0), ("hwaddr", 7999), ("volatile.eth0.hwaddr", 7999), ("mode", 6.0)]
)
def test_a_number_that_was_not_written_as_one_is_refused(key, value):
    with pytest.raises(InvalidInput, match=f"^devices.d.{key}: {value} is a number.*quote it"):
        values.wire_map("devices.d", {key: value})
    assert values.wire_map("devices.d", {key: "0660", "size": 5, "required": True}) == {
        key: "0660",
        "size": "5",
        "required": "true",
    }
