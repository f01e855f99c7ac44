# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a resource refuses before it writes, and what `exact` leaves alone, on a kind made for the test."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Flag, Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.plans import Plan
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of


class Box(Resource):
    kind = "box"
    path = "/1.0/profiles"
    renames = True
    singletons = ("default",)
    unless_used = ("delete", "rename")
    fields = (Text("description"), Text("shape"), Flag("open"), Map("config"))


class Shelf(Box):
    slashes = True
    unless_used = ("delete",)


@pytest.fixture
def client():
    client = MemoryClient(Memory())
    for name in ("a", "default"):
        client.memory.put(f"/1.0/profiles/{name}", description="d", open=True)
    return client


def box(client, kind=Box, exact=False, **options):
    return kind(client, {**params_of(kind, **{"name": "a", **options}), "exact": exact})


def refused(client, *arguments, **options):
    with pytest.raises(InvalidInput) as caught:
        converge(box(client, *arguments, **options))
    assert client.writes == []
    return str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_whose_path_is_that_of_something_else_is_refused_before_anything_is_read(client, name):
    client.find = None
    for option in ("name", "new_name"):
        with pytest.raises(InvalidInput, match=f"^{option}: '{name}' is not a valid name for a box: no slash"):
            box(client, state="absent", **{option: name})


class Square(Box):
    def validate(self):
        for words in ("first", "second"):
            self.refuse(words)


def test_all_that_can_be_seen_to_be_wrong_is_told_at_once(client):
    with pytest.raises(InvalidInput) as caught:
        box(client, Square, config={"x": []})
    assert [words.partition(":")[0] for words in caught.value.each] == ["first", "second", "config.x"]


def test_a_kind_with_slashes_in_its_names_takes_them(client):
    assert box(client, Shelf, name="a/b").name == "a/b"


def test_a_new_name_is_held_against_the_rule_of_names(client):
    assert refused(client, new_name="a b").startswith("new_name: 'a b' is not a valid name for a box")


def test_what_the_daemon_made_itself_is_neither_deleted_nor_renamed(client):
    own = "name: the box 'default' is the server's own and cannot be "
    assert refused(client, name="default", state="absent") == own + "deleted."
    assert refused(client, name="default", new_name="b") == own + "renamed."


def test_what_is_used_is_neither_deleted_nor_renamed(client):
    client.memory.objects["/1.0/profiles/a"]["used_by"] = ["/1.0/instances/web"]
    for options, verb in (({"state": "absent"}, "deleted"), ({"new_name": "b"}, "renamed")):
        words = refused(client, **options)
        assert words.startswith(
            f"name: box 'a' on lxd 6.1 at memory is used by instance web, and cannot be {verb} while it is"
        )


def test_what_is_used_is_renamed_where_the_servers_allow_it(client):
    client.memory.objects["/1.0/profiles/a"]["used_by"] = ["/1.0/instances/web"]
    assert converge(box(client, Shelf, new_name="b")).actions == ["rename box a to b"]


# -- exact ------------------------------------------------------------------------------------------------------------


def test_exact_empties_what_no_option_names(client):
    outcome = converge(box(client, exact=True))
    assert (outcome.before, outcome.after) == ({"description": "d", "open": True}, {"open": False})
    assert "shape" not in outcome.result, "what the server does not tell is not wanted"
    assert converge(box(client, exact=True)).changed is False


def test_exact_keeps_what_an_option_names(client):
    assert converge(box(client, exact=True, description="d", open=True)).changed is False


def test_exact_keeps_the_words_of_the_daemon_and_nothing_else_of_what_is_its_own(client):
    outcome = converge(box(client, exact=True, name="default"))
    assert (outcome.result["description"], outcome.after) == ("d", {"open": False})


# -- for stacks -------------------------------------------------------------------------------------------------------


def test_what_is_foreseen_is_where_it_was_found(client):
    assert list(box(client).foreseen(Plan({}, {}, [], {"name": "b", "description": "d"}))) == ["/1.0/profiles/a"]


def test_what_is_foreseen_of_a_member_is_told_from_that_of_another(client):
    lid = type("Lid", (Box,), {"of_member": True})
    plan = Plan({}, {}, [], {"name": "a", "location": "node3"})
    assert list(box(client, lid).foreseen(plan)) == ["/1.0/profiles/a%40node3"]
