# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Corners of planning a stack: queues, what cannot be planned, the reasons, and the order of deletions."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.plans import ELSEWHERE, Action, Step
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions, in_order
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import plan_stack
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, refused, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient
from ansible_collections.cloudhost.lxd.tests.unit.zones import Zone


def planned(world, definition=None, client=None, kinds=KINDS, **wish):
    documents = [Document("", definition, {})] if definition is not None else []
    return plan_stack(client or WorldClient(world), kinds, StackOptions(**{"name": "shop", **wish}), documents)


def rows(result):
    return [(row["action"], row["name"], row["why"]) for row in result["plan"]]


# -- queues -----------------------------------------------------------------------------------------------------------


def test_snapshots_of_different_instances_do_not_wait_for_each_other(world):
    instances = [{"name": name, "source": EMPTY, "state": "stopped"} for name in ("i1", "i2")]
    instances.append({"name": "i1", "source": EMPTY, "state": "stopped", "project": "lab"})
    run(world, {"projects": [{"name": "lab"}], "instances": instances})
    world.meet = threading.Barrier(3, timeout=10)  # each waits for two others
    snapshots = [
        {"instance": "i1", "name": "s0"},
        {"instance": "i2", "name": "s0"},
        {"instance": "i1", "name": "s0", "project": "lab"},
    ]
    run(world, {"projects": [{"name": "lab"}], "instances": instances, "instance_snapshots": snapshots})
    assert world.most_at_once == 3


# -- what cannot be planned -------------------------------------------------------------------------------------------


def test_what_is_in_something_wrong_is_not_wrong_itself(world):
    definition = {
        "instances": [{"name": "-x", "source": EMPTY}],
        "instance_snapshots": [{"instance": "-x", "name": "s"}],
    }
    words = refused(world, definition)
    assert words.startswith("instances[0] '-x': name: '-x' is not a valid name") and "\n" not in words


def test_what_is_wrong_with_a_part_of_something_wrong_is_told_too(world):
    definition = {
        "instances": [{"name": "-x", "source": EMPTY}],
        "instance_snapshots": [{"instance": "-x", "name": "s", "expires_at": "soon"}],
    }
    lines = refused(world, definition).splitlines()
    assert len(lines) == 3 and "expires_at: 'soon' is not a point in time" in lines[-1] + lines[-2]


def test_what_is_wrong_is_told_once(world):
    """An entry with an option that cannot be is not planned without it, and what is like it elsewhere does not stand
    for it.
    """
    assert "\n" not in refused(world, {"storage_pools": [{"name": "fast", "driver": {"dir": True}}]})
    assert "\n" not in refused(world, {"config": {"core.https_address": [1]}})
    world.put("/1.0/projects/lab", config={"features.profiles": "true"})
    world.put("/1.0/instances/i1")
    definition = {
        "instances": [{"name": "i1", "project": "lab", "image": 1, "source": EMPTY}],
        "instance_snapshots": [{"instance": "i1", "name": "s"}],
    }
    definition["instance_snapshots"][0]["project"] = "lab"
    assert "\n" not in refused(world, definition)


def test_what_else_is_wrong_with_what_needs_something_wrong_is_told_too(world):
    devices = {"root": ROOT, "eth0": {"type": "nic", "network": "nope"}}
    words = refused(
        world,
        {
            "storage_pools": [{"name": "fast", "driver": {"dir": True}}],
            "profiles": [{"name": "web", "devices": devices}],
        },
    )
    assert "there is no 'nope'" in words and len(words.splitlines()) == 3


def test_what_goes_in_circles_is_told_with_all_else(world):
    profiles = [
        {"name": "a", "depends_on": ["profile/b"]},
        {"name": "b", "depends_on": ["profile/a"], "config": {"limits.memory": "lots"}},
    ]
    lines = refused(world, {"profiles": [*profiles, {"name": "c", "config": {"limits.memory": "many"}}]}).splitlines()
    assert lines[0] == "3 errors, and nothing was changed:"
    circle, wrong, other = (
        lines[1:]
        if "circle" in lines[1] or "ordered" in lines[1]
        else sorted(lines[1:], key=lambda line: "ordered" not in line)
    )
    assert circle.endswith(("profile a -> profile b -> profile a.", "profile b -> profile a -> profile b."))
    assert {"'lots' is not a size" in wrong + other, "'many' is not a size" in wrong + other} == {True}


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (["x"], "x"),
        (["x", "x"], "x"),
        (
            ["b.yml:2: x", "a.yml:10: y", "a.yml:9: z"],
            "3 errors, and nothing was changed:\n- a.yml:9: z\n- a.yml:10: y\n- b.yml:2: x",
        ),
        (["a.yml:1: x", "nowhere"], "2 errors, and nothing was changed:\n- nowhere\n- a.yml:1: x"),
        (["/a.yml:1: x", "nowhere"], "2 errors, and nothing was changed:\n- nowhere\n- /a.yml:1: x"),
    ],
)
def test_errors_are_one_by_line(errors, words):
    assert str(InvalidInput(*in_order(errors))) == words


# -- why --------------------------------------------------------------------------------------------------------------


def test_the_plan_says_why(world):
    run(
        world,
        {
            "profiles": [{"name": "web", "description": "a"}],
            "networks": [{"name": "n0"}],
            "storage_pools": [{"name": "fast", "driver": "dir"}],
        },
    )
    world.put("/1.0/profiles/foreign", description="x")
    world.server["environment"]["storage_supported_drivers"] = [{"Name": "dir"}, {"Name": "btrfs"}]
    definition = {
        "storage_pools": [{"name": "fast", "driver": "btrfs", "recreate": True}],
        "profiles": [
            {"name": "new"},
            {"name": "web", "description": "b", "config": {"user.a": 1}},
            {"name": "foreign", "description": "y"},
        ],
    }
    assert sorted(rows(run(world, definition, check=True, prune=True, adopt=True))) == [
        ("create", "new", "it is not there"),
        ("delete", "n0", "it carries the name of the stack, and no document has it"),
        ("replace", "fast", "it differs in config, driver"),
        ("update", "foreign", "it is adopted, and differs in config, description"),
        ("update", "web", "it differs in config, description"),
    ]
    assert sorted(rows(run(world, absent=True, check=True))) == [
        (("delete", name, "state: absent")) for name in ("fast", "n0", "web")
    ]
    world.find("/1.0/profiles/default")["description"] = "d"
    taken = run(world, {"profiles": [{"name": "default", "config": {"user.a": 1}}]}, check=True)
    assert rows(taken) == [("update", "default", "it differs in config")]


def test_all_that_differs_is_named(world):
    """What is only there, what is only wanted, and what is both; or that there is no word for it."""
    world.put("/1.0/profiles/web", config={"limits.cpu": "1"}, devices={"d": {"type": "none"}})
    definition = {"profiles": [{"name": "web", "config": {"limits.cpu": 2}, "purge_devices": True, "description": "d"}]}
    assert "belongs to no stack, and differs in config, description, devices. With" in refused(world, definition)
    adopted = run(world, definition, adopt=True, check=True)
    assert rows(adopted) == [("update", "web", "it is adopted, and differs in config, description, devices")]


class Fresh(Resource):
    """Of which something is done that no option shows."""

    kind = "network_zone"
    path = "/1.0/network-zones"
    fields = (Map("config"),)

    def extra_steps(self, found, after):
        return [Step(Action.UPDATE, "refresh it", lambda: None)]


def test_what_differs_in_nothing_that_can_be_named(world, zones):
    world.put("/1.0/network-zones/z0")
    kinds, definition = {**KINDS, "network_zone": Fresh}, {"network_zones": [{"name": "z0"}]}
    assert "belongs to no stack, and differs in its origin. With" in refused(world, definition, kinds=kinds)
    world.put("/1.0/network-zones/z0", config=mark_of("shop", Zone, "default", "z0"))
    assert rows(run(world, definition, kinds=kinds, check=True)) == [
        ("update", "z0", "it differs in what cannot be compared")
    ]


class Moved(Fresh):
    """Of which something is deleted: here, or on the server that it came from."""

    def extra_steps(self, found, after):
        return [Step(Action.DELETE, "delete it", lambda: None, detail=self.params["config"]["user.place"])]


@pytest.mark.parametrize(("place", "action"), [(ELSEWHERE, "update"), ("", "replace")])
def test_what_is_deleted_elsewhere_replaces_nothing_here(world, zones, place, action):
    config = {"user.place": place}
    world.put("/1.0/network-zones/z0", config={**config, **mark_of("shop", Zone, "default", "z0")})
    kinds, definition = {**KINDS, "network_zone": Moved}, {"network_zones": [{"name": "z0", "config": config}]}
    [(found, *_rest)] = rows(run(world, definition, kinds=kinds, check=True))
    assert found == action


def test_what_the_document_wrote_into_the_daemons_own_is_taken_back(world):
    default = world.find("/1.0/profiles/default")
    default.update(
        config={"user.a": "1", "user.b": "changed", "user.mine": "1"},
        devices={"d": {"type": "none"}, "e": {"type": "nic", "mtu": "1"}},
    )
    default["devices"]["h"] = {"type": "none"}
    written = {"user.a": 1, "user.b": 1, "user.never": None, "user.gone": 1}
    devices = {"d": {"type": "none"}, "e": {"type": "nic", "mtu": 2}, "f": None, "g": {"type": "none"}, "h": {}}
    definition = {"profiles": [{"name": "default", "description": "x", "config": written, "devices": devices}]}
    result = run(world, definition, absent=True)
    assert rows(result) == [("update", "default", "what the document wrote there is taken back")]
    assert default["config"] == {"user.b": "changed", "user.mine": "1"} and default["devices"] == {
        "e": {"type": "nic", "mtu": "1"},
        "h": {"type": "none"},
    }
    assert run(world, definition, absent=True)["changed"] is False


def test_of_maps_that_are_null_nothing_is_taken_back(world):
    """As servers show what has never had anything in it."""
    world.find("/1.0/profiles/default").update(config=None, devices=None)
    definition = {"profiles": [{"name": "default", "config": {"user.a": 1}, "devices": {"d": {"type": "none"}}}]}
    assert run(world, definition, absent=True)["changed"] is False


def test_what_the_daemon_made_in_a_project_that_is_gone_is_gone(world):
    run(world, {"projects": [{"name": "lab"}]}, absent=False)
    definition = {
        "projects": [{"name": "lab"}],
        "profiles": [{"name": "default", "project": "lab", "config": {"user.a": 1}}],
    }
    run(world, definition)
    assert titles(run(world, definition, absent=True)) == [("profile", "default"), ("project", "lab")]


def test_names_that_are_quoted_in_paths_are_kept(world):
    definition = {"profiles": [{"name": "größe"}]}
    run(world, definition, prune=True)
    assert run(world, definition, prune=True)["changed"] is False
    assert titles(run(world, {}, prune=True)) == [("profile", "größe")]


@pytest.mark.parametrize(("said", "force"), [({"force": True}, True), ({"force": False}, False), ({}, False)])
def test_what_is_deleted_is_deleted_as_the_task_says(world, said, force):
    run(
        world,
        {
            "projects": [{"name": "lab"}],
            "instances": [{"name": "i1", "source": EMPTY, "project": "lab"}, {"name": "i2", "source": EMPTY}],
        },
    )
    nodes = [node for node in planned(world, {}, prune=True, **said).nodes if node.kind.kind == "instance"]
    assert sorted((node.params["name"], node.params["project"], node.params["force"]) for node in nodes) == [
        ("i1", "lab", force),
        ("i2", "default", force),
    ]
    assert all(
        (node.params["state"], node.params["target"], node.params["new_name"]) == ("absent", None, None)
        for node in nodes
    )


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
    run(
        world,
        {
            "profiles": [{"name": "old"}],
            "instances": [{"name": "i1", "source": EMPTY, "profiles": ["old"], "state": "stopped"}],
        },
    )
    definition = {
        "instances": [{"name": "i1", "source": EMPTY, "profiles": ["new"], "state": "stopped"}],
        "profiles": [{"name": "new"}],
    }
    plan = planned(world, definition, prune=True)
    assert [(node.action, node.label) for node in plan.nodes] == [
        ("create", "new"),
        ("update", "i1"),
        ("delete", "old"),
    ]
    assert (plan.needs, plan.late) == ([set(), {0}, {1}], 2)


@pytest.mark.parametrize("own", [True, False])
def test_what_a_project_brought_with_it_goes_with_the_project(world, own):
    """What its default profile uses waits for the project, unless the profile is that of the project `default`, which
    stays.
    """
    world.put("/1.0/projects/lab", config={MARK: "shop", "features.profiles": str(own).lower()})
    world.put("/1.0/storage-pools/fast", config={MARK: "shop"})
    world.put("/1.0/profiles/default", "lab", devices={"root": ROOT})
    if own:
        plan = planned(world, absent=True)
        assert ([node.label for node in plan.nodes], plan.needs) == (["lab", "fast"], [set(), {0}])
    else:
        with pytest.raises(
            InvalidInput, match="^storage_pool fast on .* is used by profile default, and cannot be deleted"
        ):
            planned(world, absent=True)


def test_each_deletion_waits_for_its_own_users(world):
    run(
        world,
        {
            "profiles": [{"name": "a"}, {"name": "b"}],
            "instances": [{"name": "i1", "source": EMPTY, "profiles": ["b"], "state": "stopped"}],
        },
    )
    definition = {"instances": [{"name": "i1", "source": EMPTY, "profiles": [], "state": "stopped"}]}
    plan = planned(world, definition, prune=True)
    # a and b were made at the same time, and are listed in either order
    needs = {(node.action, node.label): needs for node, needs in zip(plan.nodes, plan.needs)}
    assert plan.nodes[0].label == "i1"
    assert needs == {("update", "i1"): set(), ("delete", "a"): set(), ("delete", "b"): {0}}


class Slow(Resource):
    """Takes a while to be of use."""

    kind = "network_zone"
    path = "/1.0/network-zones"
    fields = (Map("config"),)
    waited: list[str] = []

    def awaits(self):
        return True

    def after_apply(self, found):
        self.waited.append(self.name)


def test_what_is_unchanged_is_waited_for(world, zones):
    world.put("/1.0/network-zones/z0")
    Slow.waited.clear()
    result = run(world, {"network_zones": [{"name": "z0"}]}, kinds={**KINDS, "network_zone": Slow})
    assert (Slow.waited, result["changed"], result["plan"]) == (["z0"], False, [])
