# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which stack owns a resource: marks, parts of marked resources, copies, and what is never deleted."""

from __future__ import annotations

import urllib.parse

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import BEARER, MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import plan_stack
from ansible_collections.cloudhost.lxd.tests.unit.stacks import refused, refused_after, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient
from ansible_collections.cloudhost.lxd.tests.unit.zones import Record, Zone


def planned(world, definition=None, client=None, kinds=KINDS, **wish):
    documents = [Document("", definition, {})] if definition is not None else []
    return plan_stack(client or WorldClient(world), kinds, StackOptions(**{"name": "shop", **wish}), documents)


def rows(result):
    return [(row["action"], row["name"], row["why"]) for row in result["plan"]]


RECORD = {"network_zone_records": [{"zone": "z0", "name": "www", "description": "mine"}]}


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ({MARK: "other"}, "belongs to the stack 'other'"),
        ({}, "belongs to no stack, and differs in description"),
        ({MARK: "shop"}, None),
    ],
)
def test_a_part_belongs_to_whom_the_whole_belongs(world, zones, mark, words):
    world.put("/1.0/network-zones/z0", config=mark)
    world.put("/1.0/network-zones/z0/records/www", description="theirs")
    if words:
        assert words in refused_after(world, RECORD, kinds=zones)
    else:
        run(world, RECORD, kinds=zones)
        assert world.find("/1.0/network-zones/z0/records/www")["description"] == "mine"
        assert MARK not in world.find("/1.0/network-zones/z0/records/www")["config"]


def test_a_copy_of_a_whole_is_not_the_stacks_and_neither_are_its_parts(world, zones):
    world.put("/1.0/network-zones/z0", config=mark_of("other", Zone, "default", "z1"))
    world.put("/1.0/network-zones/z0/records/www", description="theirs")
    assert "belongs to no stack" in refused_after(world, RECORD, kinds=zones)


@pytest.mark.parametrize(
    ("bearer", "left"),
    [
        ("profile/default/web", "for something else"),  # a copy, or what was renamed
        ("profile/lab/web-backup", "for something else"),  # of another project
        ("instance/default/web-backup", "for something else"),
        ("/default/web-backup", "for something else"),
        ("profile/default/web-backup", None),
        (None, "of an earlier version"),
    ],
)
def test_only_what_a_mark_is_of_is_pruned(world, bearer, left):
    world.put("/1.0/profiles/web-backup", config={MARK: "shop", **({BEARER: bearer} if bearer else {})})
    for wish in ({"prune": True, "check": True}, {"absent": True, "check": True}, {"prune": True}):
        result = run(world, {}, **wish)
        assert titles(result, "delete") == ([] if left else [("profile", "web-backup")])
        (words,) = result["warnings"] or [None]
        assert (words is None) if left is None else (f"profile web-backup (the mark is {left}" in words), words
    assert (world.find("/1.0/profiles/web-backup") is None) is (left is None)


def test_a_mark_of_an_earlier_version_counts_for_what_a_document_names_and_for_what_is_never_copied(world):
    world.put("/1.0/profiles/web", config={MARK: "shop"})
    world.put("/1.0/profiles/web-backup", config={MARK: "shop"})
    world.put("/1.0/networks/n0", config={MARK: "shop"})
    definition = {"profiles": [{"name": "web"}]}
    assert titles(run(world, definition, absent=True, check=True)) == [("network", "n0"), ("profile", "web")]
    assert "belongs to the stack 'shop'" in refused(world, definition, name="other", adopt=True)
    assert rows(run(world, definition)) == [("update", "web", "it differs in config")]
    assert world.find("/1.0/profiles/web")["config"] == mark_of("shop", Profile, "default", "web")
    assert run(world, definition)["changed"] is False
    assert sorted(titles(run(world, {}, prune=True))) == [("network", "n0"), ("profile", "web")]


def test_many_that_are_left_alone_are_told_in_one_line(world):
    for number in range(12):
        world.put(f"/1.0/profiles/copy{number:02}", config={MARK: "shop", BEARER: "profile/default/web"})
    (words,) = run(world, {}, prune=True)["warnings"]
    assert "profile copy09 and 2 more (" in words and "copy10" not in words
    assert words.startswith("Left alone although it names the stack 'shop': ")


def test_the_mark_of_a_profile_that_projects_share_is_of_the_project_that_it_is_in(world):
    definition = {
        "projects": [{"name": "lab", "config": {"features.profiles": False}}],
        "profiles": [{"name": "web", "project": "lab"}],
    }
    run(world, definition, prune=True)
    assert world.find("/1.0/profiles/web")["config"] == mark_of("shop", Profile, "default", "web")
    assert run(world, definition, prune=True)["changed"] is False
    assert titles(run(world, {}, prune=True)) == [("profile", "web"), ("project", "lab")]


@pytest.mark.parametrize("name", ["a b", " ", "-x", "x" * 300, "\u2028", "*", "ümlaut", "..."])
def test_what_was_read_is_never_refused_for_its_name(world, name):
    """Whoever may write in one project would otherwise end the run of everybody."""
    world.put(f"/1.0/profiles/{urllib.parse.quote(name)}", name=name, config=mark_of("shop", Profile, "default", name))
    assert titles(run(world, {}, prune=True)) == [("profile", name)]


def test_a_part_in_a_project_belongs_to_whom_the_whole_there_belongs(world):
    world.put("/1.0/projects/lab", config={"features.profiles": "true"})
    world.put("/1.0/instances/i1", config={MARK: "shop"})
    world.put("/1.0/instances/i1", "lab", config={MARK: "other"})
    world.put("/1.0/instances/i1/snapshots/s0", "lab")
    snapshot = {"instance": "i1", "name": "s0", "project": "lab", "expires_at": "2031-01-01T00:00:00Z"}
    assert "belongs to the stack 'other'" in refused(world, {"instance_snapshots": [snapshot]})


@pytest.mark.parametrize("whole", [None, {"config": None}])
def test_a_part_of_nothing_or_of_what_has_no_mark_is_nobodys(world, zones, monkeypatch, whole):
    monkeypatch.setattr(Record, "owner_path", lambda self, obj: "/1.0/network-zones/other")
    world.put("/1.0/network-zones/z0")
    world.put("/1.0/network-zones/z0/records/www")
    if whole:
        world.put("/1.0/network-zones/other", **whole)
    assert "belongs to no stack" in refused(world, RECORD, kinds=zones)


def test_what_creating_would_take_over_belongs_to_whom_it_belongs(world, zones, monkeypatch):
    """As the image of a file does that is there under another name."""
    world.put("/1.0/network-zones/there", config={MARK: "other"})
    monkeypatch.setattr(Zone, "taken_over", lambda self: self.fetch("there"))
    assert "belongs to the stack 'other'" in refused(world, {"network_zones": [{"name": "z0"}]}, kinds=zones)


def test_parts_of_parts(world, zones):
    """They are made, found again to be deleted, and not blamed for what is wrong with the whole."""
    world.put("/1.0/network-zones/z0")
    note = {"zone": "z0", "record": "www", "name": "n"}
    definition = {"network_zone_records": [{"zone": "z0", "name": "www"}], "notes": [note]}
    run(world, definition, kinds=zones)
    assert run(world, definition, kinds=zones, prune=True)["changed"] is False
    assert titles(run(world, {}, kinds=zones, prune=True), "delete") == [("note", "z0/www/n")]
    wrong = {
        "network_zone_records": [{"zone": "z0", "name": "ftp", "description": [1]}],
        "notes": [{**note, "record": "ftp"}],
    }
    words = refused_after(world, wrong, kinds=zones)
    assert "description" in words and "\n" not in words


def test_parts_are_deleted_before_the_whole(world, zones, monkeypatch):
    monkeypatch.setattr(Record, "fields", (Map("config"),))
    world.put("/1.0/network-zones/z0", config=mark_of("shop", Zone, "default", "z0"))
    world.put("/1.0/network-zones/z0/records/www", config=mark_of("shop", Record, "default", "z0/www"))
    plan = planned(world, absent=True, kinds={"network_zone": Zone, "network_zone_record": Record})
    assert ([node.label for node in plan.nodes], plan.needs) == (["z0/www", "z0"], [set(), {0}])


def test_what_stacks_cannot_make_they_do_not_delete(world, zones, monkeypatch):
    """Not even where somebody gave it the mark of the stack."""
    world.put("/1.0/network-zones/z0", config={MARK: "shop"})
    monkeypatch.setattr(Zone, "stackable", False)
    assert run(world, {}, kinds=zones, prune=True)["changed"] is False


def test_what_has_never_had_a_key_is_nobodys(world):
    """Servers show such a map as null."""
    world.put("/1.0/profiles/a", config=None)
    world.put("/1.0/profiles/b", config=None)
    assert titles(run(world, {"profiles": [{"name": "a", "description": "d"}]}, adopt=True, prune=True)) == [
        ("profile", "a")
    ]


def test_what_the_server_does_not_know_is_not_looked_for(world, zones):
    world.server["api_extensions"].remove("zones")
    client = WorldClient(world)
    assert run(world, {"profiles": []}, prune=True, kinds=zones, client=client)["changed"] is False
    assert not [line for line in client.reads if "zones" in line]
