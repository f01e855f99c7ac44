# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stacks against a daemon in memory: order, ownership, pruning, failures, and the number of requests."""

from __future__ import annotations

import sys
import threading

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, StackFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import plan_stack
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, SHOP, refused, refused_after, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import World, WorldClient

# -- a life -----------------------------------------------------------------------------------------------------------


def test_from_nothing_and_back(world):
    before = world.dump()
    predicted = run(world, SHOP, check=True)
    assert world.dump() == before and world.writes == []
    done = run(world, SHOP)
    for key in ("changed", "actions", "plan", "summary", "plan_text", "diff"):
        assert predicted[key] == done[key], key
    assert done["summary"] == "8 to create, 2 to update, 0 to replace, 0 to delete, 0 unchanged"
    assert world.find("/1.0/instances/web1")["status"] == "Running"
    again = run(world, SHOP)
    assert (again["changed"], again["plan"], again["summary"]) == (
        False,
        [],
        "0 to create, 0 to update, 0 to replace, 0 to delete, 10 unchanged",
    )
    gone = run(world, SHOP, absent=True)
    assert gone["changed"] is True
    assert world.dump() == before
    assert run(world, SHOP, absent=True)["changed"] is False


def test_the_order_is_that_of_what_refers_to_what(world):
    made = titles(run(world, SHOP, parallel=1))
    place = {name: position for position, (_kind, name) in enumerate(made)}
    assert made[0] == ("server", "")
    assert place["fast"] < place["web"] < place["web1"] < place["web1/fresh"]
    assert place["shopbr0"] < place["web"] and place["lab"] < place["default"] < place["lab1"]


def test_depends_on_orders_what_does_not_show(world):
    definition = {
        "profiles": [
            {"name": "a", "depends_on": ["profile/b", "network/n0"]},
            {"name": "b", "depends_on": ["profile/lab/c"]},
        ]
    }
    definition.update(networks=[{"name": "n0", "depends_on": ["profile/b"]}], projects=[{"name": "lab"}])
    definition["profiles"].append({"name": "c", "project": "lab"})
    run(world, definition, parallel=1)
    assert [line.rpartition("/")[2] for line in world.writes] == ["lab", "c", "b", "n0", "a"]


def test_what_is_independent_runs_side_by_side(world):
    world.meet = threading.Barrier(4, timeout=60)  # each waits for three others
    run(world, {"profiles": [{"name": f"p{number}"} for number in range(12)]}, parallel=4)
    assert world.most_at_once == 4


def test_snapshots_of_one_instance_are_taken_one_by_one(world):
    world.pause = 0.02
    definition = {
        "instances": [{"name": "i1", "source": EMPTY, "state": "stopped"}],
        "instance_snapshots": [{"instance": "i1", "name": f"s{n}"} for n in range(5)],
    }
    run(world, definition)
    assert world.most_at_once == 1
    assert [line.rpartition("/")[2] for line in world.writes[1:]] == [f"s{n}" for n in range(5)]


def test_networks_are_deleted_one_by_one(world):
    world.meet = threading.Barrier(3, timeout=60)  # each waits for two others
    run(world, {"networks": [{"name": f"n{number}"} for number in range(6)]}, parallel=3)
    assert world.most_at_once == 3
    world.most_at_once, world.meet, world.pause = 0, None, 0.02
    run(world, absent=True)
    assert world.most_at_once == 1


def test_only_what_is_edited_changes(world):
    run(world, SHOP)
    edited = {**SHOP, "networks": [{"name": "shopbr0", "config": {"ipv4.nat": True}}]}
    done = run(world, edited)
    assert titles(done) == [("network", "shopbr0")]
    assert done["plan"][0]["after"] == {"config": {"ipv4.nat": "true"}}
    assert '  ~ network shopbr0\n      config.ipv4.nat: (none) -> "true"\n' in done["plan_text"]


def test_a_value_that_only_recreating_can_change(world):
    world.server["environment"]["storage_supported_drivers"] = [{"Name": "dir"}, {"Name": "btrfs"}]
    pool = {"name": "fast", "driver": "dir"}
    run(world, {"storage_pools": [pool]})
    assert "driver is 'dir' and 'btrfs' is wanted" in refused_after(
        world, {"storage_pools": [{**pool, "driver": "btrfs"}]}
    )
    done = run(world, {"storage_pools": [{**pool, "driver": "btrfs", "recreate": True}]})
    assert [(row["action"], row["name"]) for row in done["plan"]] == [("replace", "fast")]
    assert "-/+ storage_pool fast" in done["plan_text"] and 'driver: "dir" -> "btrfs"' in done["plan_text"]
    pool = world.find("/1.0/storage-pools/fast")
    assert (pool["driver"], pool["config"]) == ("btrfs", mark_of("shop", StoragePool, "", "fast"))


def test_secrets_are_hidden(world):
    done = run(world, {"profiles": [{"name": "web", "config": {"user.password": "hunter22"}}]})
    assert "hunter22" not in str(done)
    assert done["plan"][0]["after"]["config"]["user.password"].startswith("****")


# -- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 60])
def test_one_request_a_collection_whatever_there_is(world, count):
    definition = {
        "projects": [{"name": "lab"}],
        "profiles": [{"name": f"p{number}"} for number in range(count)],
        "instances": [
            {"name": f"i{number}", "source": EMPTY, "profiles": ["p0"], "state": "stopped"} for number in range(count)
        ]
        + [{"name": f"i{number}", "source": EMPTY, "project": "lab", "state": "stopped"} for number in range(count)],
    }
    run(world, definition)
    client = WorldClient(world)
    assert run(world, definition, client=client)["changed"] is False
    assert sorted(client.reads) == [
        "GET /1.0/instances",
        "GET /1.0/instances lab",
        "GET /1.0/profiles",
        "GET /1.0/projects",
    ]


def operations(count):
    """How many function calls a plan takes."""
    world = World()
    definition = {
        "instances": [
            {"name": f"i{number}", "source": EMPTY, "config": {"limits.cpu": 2}, "state": "stopped"}
            for number in range(count)
        ]
    }
    calls = 0

    def count_calls(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count_calls)
    try:
        plan_stack(WorldClient(world), KINDS, StackOptions("shop", prune=True), [Document("", definition, {})])
    finally:
        sys.setprofile(None)
    return calls


def test_planning_is_linear():
    operations(10)  # what is remembered for the whole process
    small, large = operations(100), operations(400)
    assert large < 4.2 * small


# -- ownership --------------------------------------------------------------------------------------------------------

PROFILE = {"profiles": [{"name": "web", "config": {"limits.cpu": 2}}]}


def test_what_is_made_is_marked(world):
    run(world, SHOP)
    marked = {path for (_project, path), obj in world.objects.items() if (obj.get("config") or {}).get(MARK) == "shop"}
    names = (
        "storage-pools/fast",
        "networks/shopbr0",
        "projects/lab",
        "profiles/web",
        "instances/web1",
        "instances/web2",
        "instances/lab1",
    )
    assert marked == {f"/1.0/{name}" for name in names}


def test_what_belongs_to_another_stack_is_refused(world):
    run(world, PROFILE, name="other")
    assert "profile web on lxd 6.1 at world belongs to the stack 'other'" in refused_after(world, PROFILE)
    assert "belongs to the stack 'other'" in refused_after(world, PROFILE, adopt=True)


def test_what_nobody_owns_stays_so_where_it_agrees(world):
    world.put("/1.0/profiles/web", config={"limits.cpu": "2"})
    assert run(world, PROFILE)["changed"] is False
    run(world, absent=True)
    assert world.find("/1.0/profiles/web")["config"] == {"limits.cpu": "2"}


def test_what_nobody_owns_is_adopted_only_when_told(world):
    world.put("/1.0/profiles/web", config={"limits.cpu": "1", "user.a": "b"})
    words = refused(world, PROFILE)
    assert "belongs to no stack, and differs in config. With adopt: true" in words
    assert run(world, PROFILE, adopt=True)["plan"][0]["why"] == "it is adopted, and differs in config"
    assert world.find("/1.0/profiles/web")["config"] == {
        "limits.cpu": "2",
        "user.a": "b",
        **mark_of("shop", Profile, "default", "web"),
    }
    assert run(world, PROFILE)["changed"] is False


def test_without_a_name_nothing_is_owned(world):
    world.put("/1.0/profiles/web", config={"limits.cpu": "1", MARK: "other"})
    run(world, {**PROFILE, "networks": [{"name": "n0"}]}, name=None)
    assert world.find("/1.0/profiles/web")["config"] == {"limits.cpu": "2", MARK: "other"}
    assert world.find("/1.0/networks/n0")["config"] == {}


@pytest.mark.parametrize("wish", [{"prune": True}, {"absent": True}, {"adopt": True}])
def test_without_a_name_nothing_can_be_deleted(world, wish):
    assert "needs the 'name' of the stack" in refused(world, PROFILE, name=None, **wish)


def test_purging_keeps_the_mark(world):
    purging = {"profiles": [{"name": "web", "config": {"limits.cpu": 2}, "purge_config": True}]}
    run(world, purging)
    run(world, purging, name=None)
    assert world.find("/1.0/profiles/web")["config"] == {
        "limits.cpu": "2",
        **mark_of("shop", Profile, "default", "web"),
    }


def test_pruning_deletes_what_is_no_longer_written_and_nothing_else(world):
    run(world, SHOP)
    world.put("/1.0/profiles/foreign")
    world.put("/1.0/profiles/others", config={MARK: "other"})
    less = {
        key: [entry for entry in SHOP[key] if entry["name"] not in ("web2", "lab1", "lab")]
        for key in ("instances", "projects", "storage_pools", "networks")
    }
    less["profiles"] = SHOP["profiles"][:1]
    assert run(world, less)["changed"] is False
    done = run(world, less, prune=True)
    assert titles(done) == titles(done, "delete") == [("instance", "web2"), ("instance", "lab1"), ("project", "lab")]
    assert (
        world.find("/1.0/profiles/foreign") and world.find("/1.0/profiles/others") and world.find("/1.0/instances/web1")
    )
    assert run(world, less, prune=True)["changed"] is False


def test_a_project_is_emptied_before_it_goes(world):
    run(world, {"projects": [{"name": "lab"}], "instances": [{"name": "i1", "project": "lab", "source": EMPTY}]})
    done = run(world, {}, prune=True)
    assert titles(done, "delete") == [("instance", "i1"), ("project", "lab")]
    assert world.find("/1.0/projects/lab") is None


def test_what_is_pruned_waits_for_those_that_use_it_now(world):
    two = {
        "profiles": [{"name": "a"}, {"name": "b"}],
        "instances": [{"name": "i1", "source": EMPTY, "profiles": ["a"], "state": "stopped"}],
    }
    run(world, two)
    one = {"profiles": [{"name": "b"}], "instances": [{**two["instances"][0], "profiles": ["b"]}]}
    world.faults["/1.0/instances/i1"] = "no"
    with pytest.raises(StackFailed) as caught:
        run(world, one, prune=True)
    assert caught.value.result["skipped_resources"] == [
        {"kind": "profile", "name": "a", "project": "default", "action": "delete", "because": "instance i1 failed"}
    ]
    world.faults.clear()
    assert titles(run(world, one, prune=True)) == [("instance", "i1"), ("profile", "a")]


def test_what_the_daemon_made_is_changed_and_taken_back_but_never_owned(world):
    world.find("/1.0/profiles/default")["config"]["user.mine"] = "1"
    world.server["config"]["images.remote_cache_expiry"] = "9"
    before = world.dump()
    definition = {
        "profiles": [{"name": "default", "config": {"limits.cpu": 2}, "devices": {"root": ROOT}}],
        **{key: SHOP[key] for key in ("storage_pools", "config")},
    }
    run(world, definition)
    assert world.find("/1.0/profiles/default")["config"] == {"user.mine": "1", "limits.cpu": "2"}
    world.find("/1.0/profiles/default")["config"]["limits.cpu"] = "3"  # by somebody else: no longer ours to take back
    run(world, definition, absent=True)
    before["default:/1.0/profiles/default"]["config"]["limits.cpu"] = "3"
    assert world.dump() == before


def test_what_a_project_has_not_of_its_own_is_in_the_default_one(world):
    definition = {
        "projects": [{"name": "lab", "config": {"features.profiles": False}}],
        "profiles": [{"name": "web", "project": "lab"}],
    }
    definition["instances"] = [
        {"name": "i1", "project": "lab", "source": EMPTY, "profiles": ["web"], "state": "stopped"}
    ]
    run(world, definition)
    assert ("default", "/1.0/profiles/web") in world.objects
    assert run(world, definition)["changed"] is False
    twice = {**definition, "profiles": [{"name": "web"}, {"name": "web", "project": "lab"}]}
    assert (
        "profile web (project lab) is profile web, which profiles[0] 'web' claims: project lab has no profiles of "
        "its own" in refused_after(world, twice)
    )
    run(world, definition, absent=True)
    assert set(world.objects) == {("", "/1.0/projects/default"), ("default", "/1.0/profiles/default")}


# -- failures ---------------------------------------------------------------------------------------------------------


def test_a_failure_stops_only_what_depends_on_it(world):
    world.faults["/1.0/networks/shopbr0"] = "no address left"
    with pytest.raises(StackFailed) as caught:
        run(world, SHOP)
    result = caught.value.result
    assert [(row["name"], "no address left" in row["msg"]) for row in result["failed_resources"]] == [("shopbr0", True)]
    skipped = {row["name"]: row["because"] for row in result["skipped_resources"]}
    assert skipped == dict.fromkeys(("web", "web1", "web2", "web1/fresh"), "network shopbr0 failed")
    assert {row["name"] for row in result["done"]} == {"", "fast", "lab", "default", "lab1"}
    assert "Of 10 changes 5 are done, 1 failed, and 4 were skipped" in str(caught.value) and result["changed"] is True
    world.faults.clear()
    assert {name for _kind, name in titles(run(world, SHOP))} == {"shopbr0", "web", "web1", "web2", "web1/fresh"}
    assert run(world, SHOP)["changed"] is False


def test_nothing_is_deleted_when_a_read_fails(world):
    run(world, SHOP)
    world.writes.clear()
    world.faults["GET /1.0/networks"] = "database is broken"
    for wish in ({"prune": True}, {"absent": True}):
        with pytest.raises(LXDError, match="database is broken"):
            run(world, {}, **wish)
    assert world.writes == []


def test_when_the_time_is_over_the_rest_is_left(world):
    client = WorldClient(world, timeout=0)
    with pytest.raises(StackFailed) as caught:
        run(world, PROFILE, client=client)
    assert caught.value.result["skipped_resources"][0]["because"] == "the timeout of 0 s is over"
    assert world.writes == []
