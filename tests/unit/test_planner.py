# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Corners of planning a stack: queues, owners of parts, what cannot be planned, what has no order, and the words."""

from __future__ import annotations

import threading
import urllib.parse

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._all import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._marks import mark_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._planner import Wish, all_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack import plan_stack
from ansible_collections.cloudhost.lxd.plugins.module_utils._values import BEARER, MARK
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused, refused_after, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import BLANK, WorldClient


def planned(world, definition=None, client=None, kinds=KINDS, **wish):
    documents = [Document("", definition, {})] if definition is not None else []
    return plan_stack(client or WorldClient(world), kinds, Wish(**{"name": "shop", **wish}), documents)


def rows(result):
    return [(row["action"], row["name"], row["why"]) for row in result["plan"]]


# -- queues ----------------------------------------------------------------------------------------------------------------


def test_snapshots_of_different_instances_do_not_wait_for_each_other(world):
    instances = [{"name": name, "source": EMPTY, "state": "stopped"} for name in ("i1", "i2")]
    instances.append({"name": "i1", "source": EMPTY, "state": "stopped", "project": "lab"})
    run(world, {"projects": [{"name": "lab"}], "instances": instances})
    world.meet = threading.Barrier(3, timeout=10)  # each waits for two others
    snapshots = [{"instance": "i1", "name": "s0"}, {"instance": "i2", "name": "s0"}, {"instance": "i1", "name": "s0", "project": "lab"}]
    run(world, {"projects": [{"name": "lab"}], "instances": instances, "instance_snapshots": snapshots})
    assert world.most_at_once == 3


# -- what cannot be planned --------------------------------------------------------------------------------------------------


def test_what_is_in_something_wrong_is_not_wrong_itself(world):
    definition = {"instances": [{"name": "-x", "source": EMPTY}], "instance_snapshots": [{"instance": "-x", "name": "s"}]}
    words = refused(world, definition)
    assert words.startswith("instances[0] '-x': name: '-x' is not a valid name") and "\n" not in words


def test_what_is_wrong_with_a_part_of_something_wrong_is_told_too(world):
    definition = {"instances": [{"name": "-x", "source": EMPTY}], "instance_snapshots": [{"instance": "-x", "name": "s", "expires_at": "soon"}]}
    lines = refused(world, definition).splitlines()
    assert len(lines) == 3 and "expires_at: 'soon' is not a point in time" in lines[-1] + lines[-2]


def test_what_goes_in_circles_is_told_with_all_else(world):
    profiles = [{"name": "a", "depends_on": ["profile/b"]}, {"name": "b", "depends_on": ["profile/a"], "config": {"limits.memory": "lots"}}]
    lines = refused(world, {"profiles": [*profiles, {"name": "c", "config": {"limits.memory": "many"}}]}).splitlines()
    assert lines[0] == "3 errors, and nothing was changed:"
    circle, wrong, other = lines[1:] if "circle" in lines[1] or "ordered" in lines[1] else sorted(lines[1:], key=lambda line: "ordered" not in line)
    assert circle.endswith(("profile a -> profile b -> profile a.", "profile b -> profile a -> profile b."))
    assert {"'lots' is not a size" in wrong + other, "'many' is not a size" in wrong + other} == {True}


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (["x"], "x"),
        (["x", "x"], "x"),
        (["b.yml:2: x", "a.yml:10: y", "a.yml:9: z"], "3 errors, and nothing was changed:\n- a.yml:9: z\n- a.yml:10: y\n- b.yml:2: x"),
        (["a.yml:1: x", "nowhere"], "2 errors, and nothing was changed:\n- nowhere\n- a.yml:1: x"),
    ],
)
def test_errors_are_one_by_line(errors, words):
    assert all_of(errors) == words


# -- why -------------------------------------------------------------------------------------------------------------------


def test_the_plan_says_why(world):
    run(world, {"profiles": [{"name": "web", "description": "a"}], "networks": [{"name": "n0"}], "storage_pools": [{"name": "fast", "driver": "dir"}]})
    world.put("/1.0/profiles/foreign", description="x")
    world.server["environment"]["storage_supported_drivers"] = [{"Name": "dir"}, {"Name": "btrfs"}]
    definition = {
        "storage_pools": [{"name": "fast", "driver": "btrfs", "recreate": True}],
        "profiles": [{"name": "new"}, {"name": "web", "description": "b", "config": {"user.a": 1}}, {"name": "foreign", "description": "y"}],
    }
    assert sorted(rows(run(world, definition, check=True, prune=True, adopt=True))) == [
        ("create", "new", "it is not there"),
        ("delete", "n0", "it carries the name of the stack, and no document has it"),
        ("replace", "fast", "it differs in config, driver"),
        ("update", "foreign", "it is adopted, and differs in config, description"),
        ("update", "web", "it differs in config, description"),
    ]
    assert sorted(rows(run(world, absent=True, check=True))) == [(("delete", name, "state: absent")) for name in ("fast", "n0", "web")]
    world.find("/1.0/profiles/default")["description"] = "d"
    taken = run(world, {"profiles": [{"name": "default", "config": {"user.a": 1}}]}, check=True)
    assert rows(taken) == [("update", "default", "it differs in config")]


def test_what_the_document_wrote_into_the_daemons_own_is_taken_back(world):
    default = world.find("/1.0/profiles/default")
    default.update(config={"user.a": "1", "user.b": "changed", "user.mine": "1"}, devices={"d": {"type": "none"}, "e": {"type": "nic", "mtu": "1"}})
    written = {"user.a": 1, "user.b": 1, "user.never": None, "user.gone": 1}
    devices = {"d": {"type": "none"}, "e": {"type": "nic", "mtu": 2}, "f": None, "g": {"type": "none"}}
    definition = {"profiles": [{"name": "default", "description": "x", "config": written, "devices": devices}]}
    result = run(world, definition, absent=True)
    assert rows(result) == [("update", "default", "what the document wrote there is taken back")]
    assert default["config"] == {"user.b": "changed", "user.mine": "1"} and default["devices"] == {"e": {"type": "nic", "mtu": "1"}}
    assert run(world, definition, absent=True)["changed"] is False


def test_what_the_daemon_made_in_a_project_that_is_gone_is_gone(world):
    run(world, {"projects": [{"name": "lab"}]}, absent=False)
    definition = {"projects": [{"name": "lab"}], "profiles": [{"name": "default", "project": "lab", "config": {"user.a": 1}}]}
    run(world, definition)
    assert titles(run(world, definition, absent=True)) == [("profile", "default"), ("project", "lab")]


# -- owners ----------------------------------------------------------------------------------------------------------------


class Zone(Resource):
    kind = "network_zone"
    path = "/1.0/network-zones"
    fields = (Text("description"), Map("config"))
    extension = "zones"


class Record(Resource):
    """Without a place for a mark: whose the zone is, the record is."""

    kind = "network_zone_record"
    path = "/1.0/network-zones/{zone}/records"
    fields = (Text("description"),)
    options = {"zone": {"type": "str", "required": True}}
    refers = {"zone": "network_zone"}


@pytest.fixture
def zones(world, monkeypatch):
    for sort in ("network-zones", "records"):
        monkeypatch.setitem(BLANK, sort, {"description": "", "config": {}})
    world.server["api_extensions"].append("zones")
    return {"network_zone_record": Record, "network_zone": Zone, **KINDS}


RECORD = {"network_zone_records": [{"zone": "z0", "name": "www", "description": "mine"}]}


@pytest.mark.parametrize(
    ("mark", "words"),
    [({MARK: "other"}, "belongs to the stack 'other'"), ({}, "belongs to no stack, and differs in description"), ({MARK: "shop"}, None)],
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
        ("profile/default/web", "of something else"),  # a copy, or what was renamed
        ("profile/lab/web-backup", "of something else"),  # of another project
        ("instance/default/web-backup", "of something else"),
        ("/default/web-backup", "of something else"),
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
        assert (words is None) if left is None else (f"profile web-backup (the mark is {left}" in words.replace("is that of", "is of")), words
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


def test_the_mark_of_a_profile_that_projects_share_is_of_the_project_that_it_is_in(world):
    definition = {"projects": [{"name": "lab", "config": {"features.profiles": False}}], "profiles": [{"name": "web", "project": "lab"}]}
    run(world, definition, prune=True)
    assert world.find("/1.0/profiles/web")["config"] == mark_of("shop", Profile, "default", "web")
    assert run(world, definition, prune=True)["changed"] is False
    assert titles(run(world, {}, prune=True)) == [("profile", "web"), ("project", "lab")]


@pytest.mark.parametrize("name", ["a b", " ", "-x", "x" * 300, "\u2028", "*", "ümlaut", "..."])
def test_what_was_read_is_never_refused_for_its_name(world, name):
    """Whoever may write in one project would otherwise end the run of everybody."""
    world.put(f"/1.0/profiles/{urllib.parse.quote(name)}", name=name, config=mark_of("shop", Profile, "default", name))
    assert titles(run(world, {}, prune=True)) == [("profile", name)]


def test_what_the_server_does_not_know_is_not_looked_for(world, zones):
    world.server["api_extensions"].remove("zones")
    client = WorldClient(world)
    assert run(world, {"profiles": []}, prune=True, kinds=zones, client=client)["changed"] is False
    assert not [line for line in client.reads if "zones" in line]


def test_names_that_are_quoted_in_paths_are_kept(world):
    definition = {"profiles": [{"name": "größe"}]}
    run(world, definition, prune=True)
    assert run(world, definition, prune=True)["changed"] is False
    assert titles(run(world, {}, prune=True)) == [("profile", "größe")]


@pytest.mark.parametrize("force", [True, False])
def test_what_is_deleted_is_deleted_as_the_task_says(world, force):
    run(world, {"projects": [{"name": "lab"}], "instances": [{"name": "i1", "source": EMPTY, "project": "lab"}, {"name": "i2", "source": EMPTY}]})
    nodes = [node for node in planned(world, {}, prune=True, force=force).nodes if node.kind.kind == "instance"]
    assert sorted((node.params["name"], node.params["project"], node.params["force"]) for node in nodes) == [("i1", "lab", force), ("i2", "default", force)]
    assert all((node.params["state"], node.params["target"], node.params["new_name"]) == ("absent", None, None) for node in nodes)


def test_what_refers_to_each_other_is_deleted_all_the_same(world):
    for name, other in (("n0", "n1"), ("n1", "n0")):
        world.put(f"/1.0/networks/{name}", config={MARK: "shop", "network": other})
    assert sorted(titles(run(world, absent=True))) == [("network", "n0"), ("network", "n1")]


def test_the_server_comes_first_and_is_taken_back_last_of_all(world):
    definition = {"config": {"core.shutdown_timeout": 7}, "profiles": [{"name": "web"}], "networks": [{"name": "n0"}]}
    assert titles(run(world, definition, parallel=1))[0] == ("server", "")
    assert titles(run(world, definition, absent=True, parallel=1))[-1] == ("server", "")
    assert world.server["config"] == {}


def test_what_needs_what_and_what_comes_late(world):
    run(world, {"profiles": [{"name": "old"}], "instances": [{"name": "i1", "source": EMPTY, "profiles": ["old"], "state": "stopped"}]})
    definition = {"instances": [{"name": "i1", "source": EMPTY, "profiles": ["new"], "state": "stopped"}], "profiles": [{"name": "new"}]}
    plan = planned(world, definition, prune=True)
    assert [(node.action, node.label) for node in plan.nodes] == [("create", "new"), ("update", "i1"), ("delete", "old")]
    assert (plan.needs, plan.late) == ([set(), {0}, {1}], 2)
