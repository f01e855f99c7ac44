# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from the declaration of a kind, on kinds made for the test: names, references, exports, results."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of


class Crate(Resource):
    kind = "crate"
    path = "/1.0/crates"
    singletons = ("default",)
    fields = (
        Text("description"),
        Text("access_mark", key="access-mark"),
        Text("shape", key="form"),
        type("Fixed", (Map,), {"free": False})("rules"),
        Map("config"),
    )
    refers = {"lock": ("padlock", "latch"), "source.boxes": "box", "pool/volume": "volume"}


class Placed(Crate):
    placed = True


@pytest.fixture
def client():
    return MemoryClient(Memory())


def exported(client, kind=Crate, **obj):
    return kind.export({"name": "a", **obj}, client, {})


def test_the_section_of_a_document_is_the_plural():
    assert Crate.plural() == "crates"
    assert type("Alias", (Crate,), {"kind": "alias"}).plural() == "aliases"
    assert type("Other", (Crate,), {"section": "boxes"}).plural() == "boxes"


def test_the_mark_of_a_stack_is_in_the_first_free_dictionary():
    assert Crate.holder().name == "config"
    assert type("Unmarked", (Crate,), {"marks": False}).holder() is None


def test_a_key_with_a_dash_is_returned_under_the_name_of_its_option():
    assert Crate.returned({"access-mark": "x", "form": "round"}) == {"access_mark": "x", "form": "round"}
    assert Crate.returned({}) == {}


def test_names_that_options_hold_are_references():
    def references(**options):
        empty = {"lock": None, "source": None, "pool": None, "volume": None}
        return Crate.references({**params_of(Crate, name="a"), **empty, **options})

    assert references() == []
    assert references(lock="l") == [("padlock", "l"), ("latch", "l")]
    assert references(lock=["l", "", "m"])[:2] == [("padlock", "l"), ("padlock", "m")]
    assert references(source={"boxes": "x, y"}) == [("box", "x"), ("box", "y")]
    assert references(source={"boxes": ["x"]}) == [("box", "x")]
    assert references(source={}) == references(source="text") == references(pool="p") == []
    assert references(pool="p", volume="v") == [("volume", "p/v")]


def test_only_what_has_a_place_is_exported_with_it(client):
    assert exported(client, location="node2") == {"name": "a"}
    assert exported(client, Placed, location="node2") == {"name": "a", "target": "node2"}
    for location in (None, "", "none"):
        assert exported(client, Placed, location=location) == {"name": "a"}


def test_what_the_daemon_makes_itself_is_exported_once_more_than_its_description_is_set(client):
    assert exported(client, name="default", description="d") is None
    assert exported(client, name="default", description="d", form="x") == {
        "name": "default",
        "description": "d",
        "shape": "x",
    }
    assert exported(client, description="d") == {"name": "a", "description": "d"}


def test_what_is_there_is_in_operation_unless_a_kind_says_otherwise():
    assert Crate.is_active({}) is True
