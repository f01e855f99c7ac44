# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables: what each sort of field takes, how it compares and merges, what it shows, and what it refers to."""

from __future__ import annotations

import types

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import (
    Devices,
    Field,
    Flag,
    Map,
    Moment,
    Names,
    NameSet,
    Text,
    taken_back,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK, same_in

NEVER = "0001-01-01T00:00:00Z"


def resource(field, params=None, warned=None, **wanted):
    """What a field uses of its resource."""
    return types.SimpleNamespace(
        server_keys=("volatile.*",),
        hidden_keys=("volatile.*",),
        params={"purge_config": False, "purge_devices": False, **(params or {})},
        desired=wanted,
        same_config=same_in,
        kept_keys=lambda config: ("volatile.*",),
        kind="thing",
        name="t",
        warn=lambda *words: (warned if warned is not None else []).extend(words),
    )


KIND = types.SimpleNamespace(hidden_keys=("volatile.*",))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("size", key="length", choices=["a"]), {"size": {"type": "str", "choices": ["a"]}}),
        (Flag("public"), {"public": {"type": "bool"}}),
        (Names("profiles", aliases=["p"]), {"profiles": {"type": "list", "elements": "str", "aliases": ["p"]}}),
        (Moment("expires_at"), {"expires_at": {"type": "str"}}),
        (Map("config"), {"config": {"type": "dict"}, "purge_config": {"type": "bool", "default": False}}),
        (Map("config", purgeable=False), {"config": {"type": "dict"}}),
        (Devices("devices"), {"devices": {"type": "dict"}, "purge_devices": {"type": "bool", "default": False}}),
    ],
)
def test_arguments(field, expected):
    assert field.arguments() == expected


def test_what_a_field_is_where_nothing_else_is_said():
    field = Field("name")
    assert (field.key, field.create_only, field.extension, field.refers_to, field.references("x")) == (
        "name",
        False,
        "",
        (),
        [],
    )
    other = Field("name", key="title", create_only=True, extension="titles")
    assert (other.key, other.create_only, other.extension) == ("title", True, "titles")
    assert (Map("config").free, Devices("devices").free) == (True, False)
    assert Devices("devices").refers_to == ("storage_pool", "storage_volume", "network", "network_acl")


@pytest.mark.parametrize("make", [Text, Flag, Names, NameSet, Moment, Map, Devices])
def test_what_is_said_of_a_field_is_kept_by_each_sort(make):
    field = make("x", key="y", create_only=True, extension="e", aliases=["z"])
    assert (field.name, field.key, field.create_only, field.extension) == ("x", "y", True, "e")
    assert field.arguments()["x"] == {**make("x").arguments()["x"], "aliases": ["z"]}


@pytest.mark.parametrize(
    ("field", "have", "want", "equal"),
    [
        (Field("x"), "a", "a", True),
        (Field("x"), None, "", False),
        (Text("x"), None, "", True),
        (Text("x"), "a", "", False),
        (Text("x"), "a", "a", True),
        (Flag("x"), None, False, True),
        (Flag("x"), False, True, False),
        (Names("x"), None, [], True),
        (Names("x"), ["a", "b"], ["a", "b"], True),
        (Names("x"), ["a", "b"], ["b", "a"], False),
        (Names("x"), ("a",), ["a"], True),
        (NameSet("x"), ["a", "b"], ["b", "a"], True),
        (NameSet("x"), None, ["a"], False),
        (NameSet("x", kept=("own",)), ["own", "a"], ["a"], True),
        (NameSet("x", kept=("own",)), ["a"], ["a", "own"], True),
        (NameSet("x", kept=("own",)), ["own", "a"], [], False),
        (Moment("x"), "2026-12-31T12:00:00+00:00", "2026-12-31T12:00:00Z", True),
        (Moment("x"), NEVER, "1970-01-01T00:00:00Z", True),
        (Moment("x"), None, "2026-12-31T12:00:00Z", False),
    ],
)
def test_equal_is_left_as_the_server_has_it(field, have, want, equal):
    assert field.equal(have, want) is equal
    if field.__class__ is not NameSet:
        assert field.merged(have, want, resource(field)) is (have if equal else want)


def test_of_a_set_the_servers_own_are_kept_and_come_first():
    roles = NameSet("roles", kept=("database", "voter"))
    assert roles.merged(["voter", "old", "database"], ["new", "voter"], None) == ["voter", "database", "new"]
    assert roles.merged(None, ["new"], None) == ["new"]
    have = ["voter", "b", "a"]
    assert roles.merged(have, ["a", "b"], None) is have
    assert (roles.shown(have, None), roles.exported(have, KIND)) == (["a", "b"], ["a", "b"])
    assert (roles.shown(["voter"], None), roles.shown(None, None), NameSet("x").shown(["voter"], None)) == (
        None,
        None,
        ["voter"],
    )


@pytest.mark.parametrize(
    ("field", "value", "shown", "exported"),
    [
        (Field("x"), "", None, ""),
        (Field("x"), "a", "a", "a"),
        (Flag("x"), False, False, None),
        (Flag("x"), True, True, True),
        (Moment("x"), NEVER, None, None),
        (Moment("x"), "2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z"),
        (Devices("devices"), {}, None, {}),
        (
            Devices("devices"),
            {"a": {"user.password": "x"}},
            {"a": {"user.password": "x"}},
            {"a": {"user.password": "x"}},
        ),
    ],
)
def test_what_is_shown_and_exported(field, value, shown, exported):
    assert field.shown(value, resource(field)) == shown
    assert field.exported(value, KIND) == exported


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, None),
        ("", NEVER),
        ("never", NEVER),
        ("2026-12-31 14:00:00+02:00", "2026-12-31T14:00:00+02:00"),
        ("2026-12-31", "2026-12-31T00:00:00Z"),
    ],
)
def test_a_moment_in_wire_form(written, expected):
    assert Moment("expires_at").clean({"expires_at": written}) == expected
    zero = Moment("expires_at", zero="1970-01-01T00:00:00Z")
    assert zero.clean({"expires_at": written}) == ("1970-01-01T00:00:00Z" if expected == NEVER else expected)
    with pytest.raises(InvalidInput, match="^expires_at: 'soon'"):
        zero.clean({"expires_at": "soon"})


# -- maps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config", "devices"])
def test_a_map_that_is_not_written(name):
    field = Map(name) if name == "config" else Devices(name)
    assert field.clean({name: None, f"purge_{name}": False}) is None
    assert field.clean({name: None, f"purge_{name}": True}) == {}
    assert Map("config", purgeable=False).clean({"config": None}) is None


@pytest.mark.parametrize("field", [Map("config"), Devices("devices")])
@pytest.mark.parametrize("exact", [None, False, True])
def test_an_exact_map_is_purged(field, exact):
    params = {field.name: None, field.purge: False, "exact": exact}
    assert field.clean(params) == ({} if exact else None)
    have = {"a": {"b": "1"} if isinstance(field, Devices) else "1"}
    assert field.merged(have, {}, resource(field, params)) == ({} if exact else have)


def test_an_exact_map_keeps_what_comes_from_elsewhere_and_secrets():
    kept = Map("properties", exact=False)
    assert kept.clean({"properties": None, "purge_properties": False, "exact": True}) is None
    field, warned = Map("config"), []
    about = resource(field, {"exact": True}, warned)
    have = {"a": "1", "volatile.x": "1", MARK: "s", "user.token": "t", "user.[a-z].secret": "u"}
    assert field.merged(have, {}, about) == {key: value for key, value in have.items() if key != "a"}
    assert warned == [
        "thing 't': config.user.[a-z].secret, config.user.token: exact keeps secrets that no document has, because "
        "what is unset is lost. Write them, or null to unset them."
    ]
    assert field.merged(have, {"user.token": None, "user.[a-z].secret": "v"}, about) == {
        "volatile.x": "1",
        MARK: "s",
        "user.[a-z].secret": "v",
    }
    assert len(warned) == 1
    assert "user.token" not in field.merged(have, {}, resource(field, {"exact": True, "purge_config": True}))


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        (Text("description"), ""),
        (Flag("public"), False),
        (NameSet("projects"), ()),
        (Names("profiles"), None),
        (Moment("expires_at"), None),
        (Field("size"), None),
        (Map("config"), None),  # it purges
    ],
)
def test_what_means_that_nothing_is_written(field, empty):
    assert field.empty == empty and field.exact
    assert not type(field)("x", create_only=True).exact and not type(field)("x", exact=False).exact


def test_a_map_in_wire_form():
    assert Map("config").clean({"config": {"limits.cpu": 2, "user.a": None}}) == {"limits.cpu": "2", "user.a": None}
    assert Devices("devices").clean({"devices": {"eth0": {"mtu": 9000}, "eth1": None}}) == {
        "eth0": {"mtu": "9000"},
        "eth1": None,
    }


@pytest.mark.parametrize(
    ("purge", "expected"),
    [(False, {"a": "2", "b": "1", "volatile.x": "1", MARK: "s"}), (True, {"a": "2", "volatile.x": "1", MARK: "s"})],
)
def test_a_map_merged(purge, expected):
    field = Map("config")
    about = resource(field, {"purge_config": purge})
    assert field.merged({"a": "1", "b": "1", "volatile.x": "1", MARK: "s"}, {"a": "2"}, about) == expected
    assert (
        field.merged(None, {}, about) is None
        and field.merged(None, {"a": "1"}, about) == {"a": "1"}
        and field.merged({}, {}, about) == {}
    )
    fixed = Map("config", purgeable=False)
    assert fixed.merged({"b": "1"}, {"a": "1"}, resource(fixed, {"purge_config": purge, "": True})) == {
        "a": "1",
        "b": "1",
    }


def test_a_map_is_compared_as_its_kind_compares():
    field, about = Map("config"), resource(None)
    about.same_config = lambda key, want, current: True
    assert field.merged({"a": "1"}, {"a": "2"}, about) == {"a": "1"}


def test_noise_is_shown_only_where_it_is_written():
    field, have = Map("config"), {"a": "1", "volatile.x": "1", "volatile.y": "2"}
    assert field.shown(have, resource(field)) == {"a": "1"}
    assert field.shown(have, resource(field, config={"volatile.y": "2"})) == {"a": "1", "volatile.y": "2"}
    assert field.shown({"a": "1", "b": ""}, resource(field)) == {"a": "1"}, "empty is not set"
    assert field.shown({"volatile.x": "1"}, resource(field)) is None and field.shown(None, resource(field)) is None


def test_what_is_exported_is_what_another_server_can_take():
    have = {"a": "1", "empty": "", "volatile.x": "1", "user.password": "hunter22", MARK: "shop"}
    assert Map("config").exported(have, KIND) == {"a": "1"}
    assert Map("config").exported(None, KIND) == {}


@pytest.mark.parametrize(
    ("purge", "expected"),
    [(False, {"a": {"path": "/y", "size": "1GiB"}, "b": {"type": "nic"}}), (True, {"a": {"path": "/y"}})],
)
def test_devices_merged(purge, expected):
    field = Devices("devices")
    about = resource(field, {"purge_devices": purge})
    assert (
        field.merged({"a": {"path": "/x", "size": "1GiB"}, "b": {"type": "nic"}}, {"a": {"path": "/y"}}, about)
        == expected
    )
    assert field.merged(None, {}, about) is None and field.merged(None, {"a": {"path": "/"}}, about) == {
        "a": {"path": "/"}
    }


@pytest.mark.parametrize("name", [1, "", "a b", ".a", "x" * 65])
def test_what_is_no_name_of_a_device(name):
    with pytest.raises(InvalidInput, match="is not a device name"):
        Devices("devices").clean({"devices": {"eth0": {}, name: {}}})


@pytest.mark.parametrize("name", ["a/b", "a:b", "a_b", "a.b", "-", "0"])
def test_odd_names_of_devices_that_the_daemons_take(name):
    assert Devices("devices").clean({"devices": {name: {}}}) == {name: {}}


def test_the_longest_name_of_a_device():
    assert Devices("devices").clean({"devices": {"x" * 64: {}}}) == {"x" * 64: {}}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (None, []),
        ({"type": "disk", "path": "/", "pool": "p"}, [("storage_pool", "p")]),
        ({"pool": "p", "source": "data"}, [("storage_pool", "p"), ("storage_volume", "p/data")]),
        ({"pool": "p", "source": "/srv"}, [("storage_pool", "p")]),
        ({"source": "data"}, []),
        ({"network": "n"}, [("network", "n")]),
        ({"network": "n", "security.acls": "a, b, ,"}, [("network", "n"), ("network_acl", "a"), ("network_acl", "b")]),
        ({"pool": 5, "network": 6}, [("storage_pool", "5"), ("network", "6")]),
    ],
)
def test_what_devices_refer_to(device, expected):
    assert Devices("devices").references({"d": device, "e": {"network": "last"}}) == [*expected, ("network", "last")]
    assert Devices("devices").references(None) == []


@pytest.mark.parametrize(
    ("now", "undone", "stored"),
    [
        ({"config": {"a": "1", "b": "1"}, "description": "x"}, {}, []),
        (
            {"config": {"a": "2", "b": "1", "c": "3"}, "description": "x"},
            {"config": {"a": "1", "b": "1", "c": "3"}},
            ["config.a"],
        ),
        (
            {"config": {"a": "2", "new": "1"}, "description": "y"},
            {"config": {"a": "1", "b": "1"}, "description": "x"},
            ["config.a", "config.b", "config.new", "description"],
        ),
        ({"config": {"a": "5", "b": "1"}, "description": "z"}, {}, []),  # somebody else has been there
        ({}, {"config": {"b": "1"}}, ["config.b"]),
    ],
)
def test_what_was_stored_of_a_refused_write_is_taken_back(now, undone, stored):
    """`b` was to be unset, `new` to be set."""
    fields = (Map("config"), Text("description"), Text("other"))
    before, new = (
        {"config": {"a": "1", "b": "1"}, "description": "x"},
        {"config": {"a": "2", "new": "1"}, "description": "y"},
    )
    found, names = taken_back(fields, before, new, now)
    assert (found, names) == (undone, stored)


def test_a_dictionary_that_a_write_makes_or_leaves_out_is_taken_back_too():
    keys = {f"k{number}": "1" for number in range(8)}
    empty, full = ({"config": None}, {"config": keys})
    names = [f"config.{key}" for key in sorted(keys)]
    assert taken_back((Map("config"),), empty, full, full) == ({"config": {}}, names)
    assert taken_back((Map("config"),), full, empty, empty) == (full, names)


def test_what_the_server_does_not_tell_is_not_taken_back():
    assert taken_back((Text("description"),), {"description": "x"}, {}, {}) == ({}, [])
