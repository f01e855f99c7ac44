# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans carried out: what comes last, what goes on where something fails, and what was there all of a sudden."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, StackFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.progress import Progress
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

OLD = {"profiles": [{"name": "old"}], "networks": [{"name": "old0"}]}
#: Each waits for the one before it, so there are always workers with nothing else to do than deletions.
CHAIN = {
    "profiles": [{"name": "a"}, {"name": "b", "depends_on": ["profile/a"]}, {"name": "c", "depends_on": ["profile/b"]}]
}


def written(world):
    return [line.replace("/1.0/", "") for line in world.writes]


def test_deletions_come_last(world):
    run(world, OLD)
    world.writes.clear()
    world.pause = 0.01
    run(world, CHAIN, prune=True, parallel=4)
    assert written(world)[:3] == ["POST profiles/a", "POST profiles/b", "POST profiles/c"]
    assert sorted(written(world)[3:]) == ["DELETE networks/old0", "DELETE profiles/old"]


def test_what_fails_before_does_not_keep_what_nobody_needs(world):
    run(world, OLD)
    world.writes.clear()
    world.faults["/1.0/profiles/b"] = "no"
    with pytest.raises(StackFailed) as caught:
        run(world, CHAIN, prune=True, parallel=4)
    assert written(world)[:2] == ["POST profiles/a", "POST profiles/b"]
    assert sorted(written(world)[2:]) == ["DELETE networks/old0", "DELETE profiles/old"]
    result = caught.value.result
    assert [(row["name"], row["action"]) for row in result["skipped_resources"]] == [("c", "create")]
    assert sorted((row["name"], row["action"]) for row in result["done"]) == [
        ("a", "create"),
        ("old", "delete"),
        ("old0", "delete"),
    ]


def test_what_the_daemon_makes_itself_is_never_pruned(world):
    """Not even where somebody gave it the mark of the stack."""
    world.find("/1.0/profiles/default")["config"][MARK] = "shop"
    world.find("/1.0/projects/default")["config"][MARK] = "shop"
    run(world, {"projects": [{"name": "lab"}]})
    world.put("/1.0/profiles/default", "lab", config={MARK: "shop"})
    assert run(world, {"projects": [{"name": "lab"}]}, prune=True)["changed"] is False
    assert titles(run(world, absent=True)) == [("project", "lab")]
    assert world.find("/1.0/profiles/default") and world.find("/1.0/projects/default")


def test_what_says_nothing_may_be_changed_while_something_is_pruned(world):
    """The default profile as the daemon created it is not exported."""
    run(world, {"profiles": [{"name": "old"}]})
    definition = {"profiles": [{"name": "default", "config": {"user.a": 1}}]}
    assert titles(run(world, definition, prune=True)) == [("profile", "default"), ("profile", "old")]


def test_what_is_planned_in_a_project_is_there_for_others_of_the_project(world):
    definition = {
        "projects": [{"name": "lab", "config": {"features.networks": True}}],
        "networks": [{"name": "n0", "project": "lab"}],
        "profiles": [{"name": "web", "project": "lab", "devices": {"eth0": {"type": "nic", "network": "n0"}}}],
        "instances": [{"name": "i1", "project": "lab", "source": EMPTY, "profiles": ["web"], "state": "stopped"}],
    }
    run(world, definition)
    assert {path for project, path in world.objects if project == "lab"} >= {
        "/1.0/networks/n0",
        "/1.0/profiles/web",
        "/1.0/instances/i1",
    }


# -- a run that was killed had asked for it, and the server was still at it -------------------------------------------

PROFILE = {"profiles": [{"name": "web", "config": {"limits.cpu": 2}}]}


def appears(world, path, **obj):
    """Somebody makes it just before we do."""
    world.meanwhile[path] = lambda: world.put(path, **obj)


@pytest.mark.parametrize("mark", [{MARK: "shop"}, mark_of("shop", Profile, "default", "web")])
def test_what_appears_with_our_mark_is_ours(world, mark):
    appears(world, "/1.0/profiles/web", config={**mark, "limits.cpu": "1"})
    done = run(world, PROFILE)
    assert world.find("/1.0/profiles/web")["config"] == {
        **mark_of("shop", Profile, "default", "web"),
        "limits.cpu": "2",
    }
    assert titles(done) == [("profile", "web")]
    assert written(world) == ["POST profiles/web", "PUT profiles/web"]


@pytest.mark.parametrize("config", [{MARK: "other"}, {}, None, mark_of("shop", Profile, "default", "wob")])
def test_what_appears_without_our_mark_is_not_ours(world, config):
    appears(world, "/1.0/profiles/web", config=config)
    with pytest.raises(StackFailed, match="already exists"):
        run(world, PROFILE)
    assert world.find("/1.0/profiles/web")["config"] == config
    assert written(world) == ["POST profiles/web"]


def test_what_appears_in_a_stack_without_a_name_is_nobodys(world):
    appears(world, "/1.0/profiles/web", config={"limits.cpu": "1"})
    run(world, PROFILE, name=None)
    assert world.find("/1.0/profiles/web")["config"] == {"limits.cpu": "2"}


def test_what_has_no_place_for_a_mark_is_taken_as_it_is(world):
    run(world, {"instances": [{"name": "i1", "source": EMPTY, "state": "stopped"}]})
    appears(world, "/1.0/instances/i1/snapshots/s0")
    run(world, {"instance_snapshots": [{"instance": "i1", "name": "s0"}]})
    assert written(world)[-1] == "POST instances/i1/snapshots/s0"


def test_what_is_said_to_exist_and_is_not_there_is_a_failure(world):
    """The name may be taken by something of another kind or project."""
    world.faults["/1.0/profiles/web"] = "it exists already"
    with pytest.raises(StackFailed, match="it exists already"):
        run(world, PROFILE)


def test_other_failures_of_creating_are_failures(world):
    """Whatever is there then."""
    appears(world, "/1.0/profiles/web", config={MARK: "shop", "limits.cpu": "1"})
    world.faults["/1.0/profiles/web"] = "no address left"
    with pytest.raises(StackFailed, match="no address left"):
        run(world, PROFILE)
    assert written(world) == ["POST profiles/web"]


def test_an_update_that_fails_because_something_exists_is_a_failure(world):
    run(world, PROFILE)
    world.faults["/1.0/profiles/web"] = "it exists already"
    with pytest.raises(StackFailed, match="it exists already"):
        run(world, {"profiles": [{"name": "web", "config": {"limits.cpu": 3}}]})
    assert written(world) == ["POST profiles/web", "PUT profiles/web"]


# -- workers and their progress ---------------------------------------------------------------------------------------


def test_each_worker_has_a_connection_of_its_own_and_closes_it(world):
    made = []

    class Client(WorldClient):
        def another(self):
            made.append(super().another())
            made[-1].transport.close = lambda client=made[-1]: setattr(client, "closed", True)
            return made[-1]

    run(world, {"profiles": [{"name": f"p{number}"} for number in range(9)]}, parallel=3, client=Client(world))
    assert 1 <= len(made) <= 3 and all(client.closed for client in made)
    made.clear()
    assert run(world, {"profiles": [{"name": "p0"}]}, client=Client(world))["changed"] is False
    assert made == []


def test_no_more_are_begun_than_there_are_workers(world):
    most = []
    definition = {"profiles": [{"name": f"p{number}"} for number in range(9)]}
    progress = Progress(lambda snapshot: most.append(len(snapshot["now"])))
    run(world, definition, parallel=2, progress=progress)
    assert max(most) == 2 and len(progress.lines) == 9


def test_of_two_that_failed_the_first_is_the_reason(world):
    world.faults.update({"/1.0/profiles/a": "no", "/1.0/profiles/b": "no"})
    definition = {
        "profiles": [
            {"name": "c", "depends_on": ["profile/b", "profile/a"]},
            {"name": "d", "depends_on": ["profile/c"]},
            {"name": "a"},
            {"name": "b"},
        ]
    }
    with pytest.raises(StackFailed) as caught:
        run(world, definition)
    first = sorted(row["name"] for row in caught.value.result["failed_resources"])[0]
    assert {row["name"]: row["because"] for row in caught.value.result["skipped_resources"]} == dict.fromkeys(
        "cd", f"profile {first} failed"
    )


def test_whichever_comes_first_in_the_plan_is_the_reason(world):
    world.faults.update({"/1.0/profiles/p1": "no", "/1.0/profiles/p8": "no"})
    definition = {
        "profiles": [
            *({"name": f"p{number}"} for number in range(9)),
            {"name": "last", "depends_on": ["profile/p8", "profile/p1"]},
        ]
    }
    with pytest.raises(StackFailed) as caught:
        run(world, definition)
    assert [row["because"] for row in caught.value.result["skipped_resources"]] == ["profile p1 failed"]


def test_a_worker_that_is_free_takes_the_next_while_others_are_still_at_work(world):
    begun = threading.Event()

    class Client(WorldClient):
        def another(self):
            return Client(self.world)

        def write(self, method, path, body=None, *rest, **query):
            if body["name"] == "slow" and not begun.wait(10):
                raise LXDError("nothing else was begun meanwhile")
            return super().write(method, path, body, *rest, **query)

    definition = {"profiles": [{"name": "slow"}, {"name": "a"}, {"name": "b", "depends_on": ["profile/a"]}]}
    look = Progress(lambda snapshot: begun.set() if "profile b" in [title for title, *_ in snapshot["now"]] else None)
    run(world, definition, client=Client(world), parallel=2, progress=look)
    assert begun.is_set()


@pytest.mark.parametrize(("left", "done"), [(0.5, True), (0, False)])
def test_what_can_still_be_begun_is_begun(world, left, done):
    client = WorldClient(world)
    client.deadline.remaining = lambda: left
    if done:
        run(world, PROFILE, client=client)
    else:
        with pytest.raises(StackFailed, match="the timeout of 60 s is over"):
            run(world, PROFILE, client=client)
    assert bool(world.find("/1.0/profiles/web")) is done


def test_when_the_time_is_over_and_nothing_is_left_to_do_that_is_no_failure(world):
    run(world, {"profiles": [{"name": "b"}]})
    client = WorldClient(world)
    world.meanwhile["/1.0/profiles/a"] = lambda: setattr(client.deadline, "remaining", lambda: 0)
    assert titles(
        run(world, {"profiles": [{"name": "a"}, {"name": "b", "depends_on": ["profile/a"]}]}, client=client)
    ) == [("profile", "a")]


def test_the_server_is_asked_what_it_is_before_the_workers_begin(world):
    order = []

    class Client(WorldClient):
        @property
        def server(self):
            order.append("server")
            return super().server

        def another(self):
            order.append("another")
            return super().another()

    run(world, {"profiles": [{"name": "a"}]}, client=Client(world))
    assert order.index("server") < order.index("another")


def test_warnings_of_the_plan_and_of_its_doing_are_told_once(world):
    run(world, {"instances": [{"name": "i1", "source": EMPTY}]})
    original = world.change

    def loud(method, path, body, etag, project):
        original(
            method,
            path,
            {**body, "description": body["description"].upper()} if method == "PUT" and "description" in body else body,
            etag,
            project,
        )

    world.change = loud
    definition = {
        "instances": [{"name": "i1", "source": EMPTY, "description": "d", "config": {"security.privileged": True}}]
    }
    assert "security.privileged takes effect at its next start" in run(world, definition, check=True)["warnings"][0]
    done = run(world, definition)
    assert [words.partition(":")[0] for words in done["warnings"]] == ["instance 'i1'", "instance 'i1'"]
    assert (
        "security.privileged takes effect at its next start" in done["warnings"][0]
        and "keeps description as 'D' where 'd'" in done["warnings"][1]
    )
