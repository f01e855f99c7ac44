# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ladder that every kind shares, on kinds made for the test: what is declared, planned, checked and foreseen."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import quote
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Devices, Flag, Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.plans import Action, Existing, Plan, Step
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of


class Box(Resource):
    kind = "box"
    path = "/1.0/profiles"
    renames = True
    fields = (
        Text("description"),
        Text("shape", key="form", create_only=True),
        Flag("open", extension="lids"),
        Map("config"),
        Devices("devices"),
    )
    fixed_config = ("source",)
    options = {"extra": {"type": "int"}}

    def check_references(self, new, old):
        self.check_device_references(new, old)


class Lid(Resource):
    kind = "lid"
    path = "/1.0/boxes/{box}/lids"
    key = "title"
    scoped = False
    states = ()
    extension = "lids"
    options = {"box": {"type": "str", "required": True}}
    fields = (Map("config", purgeable=False),)


class Only(Resource):
    kind = "only"
    path = "/1.0/only"
    named = False
    states = ("on", "off")


@pytest.fixture
def client():
    client = MemoryClient(Memory())
    client.queries = []
    original = client.find
    client.find = lambda path, **query: client.queries.append((path, query)) or original(path, **query)
    return client


def box(client, **options):
    return Box(client, params_of(Box, **{"name": "a", **options}))


def steps(plan):
    return [(step.words, step.reread) for step in plan.steps]


def test_what_a_kind_declares_becomes_its_options():
    assert Box.argument_spec() == {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "new_name": {"type": "str"},
        "description": {"type": "str"},
        "shape": {"type": "str"},
        "open": {"type": "bool"},
        "config": {"type": "dict"},
        "purge_config": {"type": "bool", "default": False},
        "devices": {"type": "dict"},
        "purge_devices": {"type": "bool", "default": False},
        "recreate": {"type": "bool", "default": False},
        "extra": {"type": "int"},
    }
    assert Lid.argument_spec() == {
        "name": {"type": "str", "required": True},
        "config": {"type": "dict"},
        "box": {"type": "str", "required": True},
    }
    assert type("Fixed", (Lid,), {"fixed_config": ("source",)}).argument_spec()["recreate"] == {
        "type": "bool",
        "default": False,
    }
    assert Only.argument_spec() == {"state": {"type": "str", "choices": ["on", "off"], "default": "on"}}


def test_where_it_is(client):
    lid = Lid(client, params_of(Lid, name="a", box="x y", project="p"))
    assert (lid.collection, lid.url("c")) == ("/1.0/boxes/x%20y/lids", "/1.0/boxes/x%20y/lids/c")
    assert (lid.query(), lid.state) == ({}, "present")
    assert (box(client, project="p").query(), box(client).url(), Box.path) == (
        {"project": "p"},
        "/1.0/profiles/a",
        "/1.0/profiles",
    )


@pytest.mark.parametrize("name", ["", "a/b", "a b", "*", ".", ".."])
@pytest.mark.parametrize("option", ["name", "new_name"])
def test_names_that_are_none(client, option, name):
    if option == "new_name" and not name:
        return
    with pytest.raises(InvalidInput, match=f"^{option}: "):
        box(client, **{option: name}).plan(None)


@pytest.mark.parametrize("name", ["a b", "*", "-", "\u2028", "x" * 300])
def test_what_is_there_can_be_named_whatever_its_name(client, name):
    client.memory.put(f"/1.0/profiles/{quote(name)}", name=name, description="d")
    assert box(client, name=name).plan(box(client, name=name).read()).steps == []
    gone = box(client, name=name, state="absent")
    assert [step.words for step in gone.plan(gone.read()).steps] == [f"delete box {name}"]


def test_of_a_kind_of_which_there_is_one_the_server_is_the_name(client, monkeypatch):
    monkeypatch.setattr(Only, "validate", lambda self: None)
    assert Only(client, params_of(Only)).name == "unix:///memory"


# -- planning ---------------------------------------------------------------------------------------------------------


def test_the_plan_of_one_that_is_not_there(client):
    plan = box(client, new_name="b", description="d", shape="round", config={"x": 1, "y": None}).plan(None)
    assert steps(plan) == [("create box b", False)]
    assert (plan.before, plan.after) == ({}, {"name": "b", "description": "d", "shape": "round", "config": {"x": "1"}})
    assert plan.result == {"name": "b", "description": "d", "form": "round", "config": {"x": "1"}}
    plan.steps[0].run()
    assert client.memory.objects["/1.0/profiles/b"]["form"] == "round"


def test_the_plan_of_one_that_shall_go(client):
    client.memory.put("/1.0/profiles/a", config={"x": "1"})
    doomed = box(client, state="absent")
    plan = doomed.plan(doomed.read())
    assert (steps(plan), plan.before, plan.after, plan.result) == (
        [("delete box a", False)],
        {"name": "a", "config": {"x": "1"}},
        {},
        None,
    )
    nothing = doomed.plan(None)
    assert (nothing.steps, nothing.before, nothing.after, nothing.result) == ([], {}, {}, None)


def test_the_plan_of_one_that_differs(client):
    client.memory.put("/1.0/profiles/a", config={"x": "1"}, description="d", form="round")
    changed = box(client, new_name="b", config={"x": 2}, description="e", shape="round")
    plan = changed.plan(changed.read())
    assert steps(plan) == [("rename box a to b", True), ("update box b (config, description)", False)]
    assert plan.before == {"name": "a", "config": {"x": "1"}, "description": "d"}
    assert plan.after == {"name": "b", "config": {"x": "2"}, "description": "e"}
    assert (plan.result["name"], plan.result["config"]) == ("b", {"x": "2"})
    same = box(client, new_name="a", config={"x": 1})
    plan = same.plan(same.read())
    assert (plan.steps, plan.before, plan.after) == ([], {}, {})
    only = box(client, new_name="b")
    plan = only.plan(only.read())
    assert (steps(plan), plan.before, plan.after) == ([("rename box a to b", True)], {"name": "a"}, {"name": "b"})


def test_the_plan_of_one_that_has_to_be_made_anew(client):
    client.memory.put("/1.0/profiles/a", config={"source": "/x", "size": "1"}, form="round")
    for options, words in (
        ({"shape": "flat"}, "shape is 'round' and 'flat' is wanted"),
        ({"config": {"source": "/y"}}, "config.source is '/x' and '/y' is wanted"),
        ({"config": {"source": None}}, "config.source is '/x' and '' is wanted"),
    ):
        wanted = box(client, **options)
        with pytest.raises(
            InvalidInput, match="box 'a' on lxd 6.1 at memory cannot be changed in this: " + words.replace("(", "[(]")
        ):
            wanted.plan(wanted.read())
    wanted = box(client, shape="flat", config={"source": None, "size": 2})
    with pytest.raises(InvalidInput) as caught:
        wanted.plan(wanted.read())
    assert ": shape is 'round' and 'flat' is wanted; config.source is '/x' and '' is wanted. The API" in str(
        caught.value
    )
    client.memory.put("/1.0/profiles/b", config={}, form="round")
    wanted = box(client, name="b", config={"source": "/y"})
    with pytest.raises(InvalidInput, match="config.source is '' and '/y' is wanted"):
        wanted.plan(wanted.read())
    same = box(client, shape="round", recreate=True)
    assert same.plan(same.read()).steps == []
    anew = box(client, shape="flat", recreate=True)
    plan = anew.plan(anew.read())
    assert steps(plan) == [("delete box a", True), ("create box a", False)]
    assert (plan.before["shape"], plan.after, plan.result) == (
        "round",
        {"name": "a", "shape": "flat"},
        {"name": "a", "form": "flat"},
    )


def test_what_comes_before_a_deletion_comes_before_making_it_anew(client, monkeypatch):
    client.memory.put("/1.0/profiles/a", form="round")
    monkeypatch.setattr(Box, "before_delete", lambda self, found: [Step(Action.UPDATE, "empty it", lambda: None)])
    anew = box(client, shape="flat", recreate=True)
    assert steps(anew.plan(anew.read())) == [("empty it", False), ("delete box a", True), ("create box a", False)]


def test_keys_of_the_server_are_not_shown_and_not_purged(client):
    client.memory.put("/1.0/profiles/a", config={"volatile.x": "1", "x": "1"})
    purged = box(client, purge_config=True)
    plan = purged.plan(purged.read())
    assert (plan.before, plan.after, plan.result["config"]) == ({"config": {"x": "1"}}, {}, {"volatile.x": "1"})
    doomed = box(client, state="absent")
    assert doomed.plan(doomed.read()).before == {"name": "a", "config": {"x": "1"}}


def test_under_its_new_name_it_is_found(client):
    client.memory.put("/1.0/profiles/b", config={"x": "1"})
    renamed = box(client, new_name="b")
    found = renamed.read()
    assert found.object["name"] == "b" and found.name == "b" and renamed.name == "a", "reading changes nothing"
    renamed.adopt(found)
    assert renamed.name == "b"
    assert [path for path, _query in client.queries] == ["/1.0/profiles/a", "/1.0/profiles/b"]
    client.queries.clear()
    box(client, new_name="a").read()
    assert len(client.queries) == 1


class Late(Box):
    """Takes its new name after all else, and a description from the server."""

    def resolve(self, found):
        known = found.object["config"].get("user.words", "") if found else "new"
        return {**self.wanted, "description": known}

    def arrange(self, found, plan, steps):
        plan.after["late"] = True
        return [*steps.rest, *steps.update, *steps.rename]


def test_a_kind_orders_the_steps_of_an_update_and_adds_to_the_plan(client):
    client.memory.put("/1.0/profiles/a", config={"user.words": "from there"})
    late = Late(client, params_of(Late, name="a", new_name="b", config={"x": 1}))
    plan = late.plan(late.read())
    assert [step.action for step in plan.steps] == [Action.UPDATE, Action.RENAME]
    assert plan.after == {"name": "b", "description": "from there", "config": {"x": "1"}, "late": True}


def test_what_is_wanted_is_resolved_for_what_was_found(client):
    late = Late(client, params_of(Late, name="a", config={"x": 1}))
    assert late.plan(late.read()).result == {"name": "a", "description": "new", "config": {"x": "1"}}
    assert late.desired == {"description": "new", "config": {"x": "1"}} and late.wanted == {"config": {"x": "1"}}
    gone = Late(client, params_of(Late, name="a", state="absent"))
    gone.adopt(None)
    assert gone.desired is gone.wanted, "nothing is wanted of what has to go"


def test_what_is_asked_is_asked_in_the_project(client):
    client.memory.put("/1.0/projects/lab")
    box(client, project="lab").read()
    assert client.queries == [("/1.0/profiles/a", {"project": "lab"})]


def test_what_is_written_is_written_in_the_project(client):
    written = []
    client.write = lambda method, path, body=None, etag=None, **query: written.append((method, query))
    boxed = box(client, project="lab")
    boxed.create({})
    boxed.update(Existing({}, None, "a"), {})
    boxed.rename("b")
    boxed.delete()
    assert written == [(method, {"project": "lab"}) for method in ("POST", "PUT", "POST", "DELETE")]


def test_a_project_that_is_not_there_is_told_of_before_anything_is_made(client):
    client.memory.put("/1.0/projects/lab")
    client.memory.put("/1.0/boxes/x")
    with pytest.raises(InvalidInput, match="project: there is no 'lap'.*Did you mean 'lab'"):
        box(client, project="lap").read()
    assert box(client, project="lap", state="absent").read() is None
    assert box(client, project="default").read() is None
    client.server["api_extensions"].append("lids")
    assert Lid(client, params_of(Lid, name="a", box="x", project="lap")).read() is None, "it lives in no project"
    client.memory.put("/1.0/profiles/a")
    assert box(client, project="lap").read() is not None


# -- checks -----------------------------------------------------------------------------------------------------------


def test_extensions_are_asked_for_where_they_are_needed(client):
    box(client).plan(None)
    with pytest.raises(AssertionError, match="box option 'open' needs lids"):
        box(client, open=True).plan(None)
    client.memory.put("/1.0/profiles/a", open=True, description="d")
    same = box(client, open=True)
    assert same.plan(same.read()).steps == []
    other = box(client, open=False)
    with pytest.raises(AssertionError, match="box option 'open' needs lids"):
        other.plan(other.read())
    lid = Lid(client, params_of(Lid, name="a", box="x"))
    with pytest.raises(AssertionError, match="lid needs lids"):
        lid.plan(None)
    with pytest.raises(AssertionError, match="lid needs lids"):
        lid.read()  # and not that there is no box


DISK, NIC = {"type": "disk", "path": "/", "pool": "nope"}, {"type": "nic", "network": "nope"}


@pytest.mark.parametrize(
    ("device", "words"),
    [(DISK, r"devices\.x\.pool: there is no 'nope'"), (NIC, r"devices\.x\.network: there is no 'nope'")],
)
def test_devices_that_name_what_is_not_there(client, device, words):
    client.memory.put("/1.0/storage-pools/fast")
    client.memory.put("/1.0/networks/br0")
    with pytest.raises(InvalidInput, match=words):
        box(client, devices={"x": device}).plan(None)
    client.memory.put("/1.0/profiles/a", devices={"x": device})
    for options in ({"devices": {"x": device}, "description": "d"}, {"devices": {"x": None}}, {"description": "d"}):
        kept = box(client, **options)
        assert len(kept.plan(kept.read()).steps) == 1, "what is there already is not looked for"
    added = box(client, devices={"y": device})
    with pytest.raises(InvalidInput, match=words.replace("x", "y")):
        added.plan(added.read())


@pytest.mark.parametrize(
    "device",
    [
        {**DISK, "pool": "fast"},
        {**NIC, "network": "br0"},
        {**DISK, "type": "nic"},
        {**NIC, "type": "disk"},
        {"type": "disk"},
    ],
)
def test_devices_that_name_what_is_there_or_nothing(client, device):
    client.memory.put("/1.0/storage-pools/fast")
    client.memory.put("/1.0/networks/br0")
    assert len(box(client, devices={"w": {"type": "none"}, "x": device}).plan(None).steps) == 1


# -- for stacks -------------------------------------------------------------------------------------------------------


def test_what_is_foreseen(client):
    maker = box(client, description="d")
    plan = maker.plan(None)
    assert maker.foreseen(plan) == {"/1.0/profiles/a": {"config": {}, "devices": {}, "name": "a", "description": "d"}}
    assert maker.foreseen(Plan({}, {}, [], None)) == {"/1.0/profiles/a": {"config": {}, "devices": {}, "name": "a"}}
    lid = Lid(client, params_of(Lid, name="l", box="x"))
    assert lid.foreseen(Plan({}, {}, [], None)) == {"/1.0/boxes/x/lids/l": {"config": {}, "title": "l"}}


def test_whose_a_part_is(client):
    assert Lid(client, params_of(Lid, name="l", box="x")).owner_path({}) == "/1.0/boxes/x"
    maker = box(client)
    assert (maker.owner_path({}), maker.taken_over(), maker.awaits()) == ("", None, False)


def test_what_is_returned_hides_secrets_but_those_that_it_is_for(monkeypatch):
    obj = {"name": "a", "token": "hunter22", "config": {"user.password": "hunter33"}}
    hidden = {"name": "a", "token": "********", "config": {"user.password": "********"}}
    assert (Box.returned(obj), Box.returned(None)) == (hidden, None)
    monkeypatch.setattr(Box, "returned_secrets", ("token", "absent"))
    assert Box.returned(obj) == {**hidden, "token": "hunter22"}
