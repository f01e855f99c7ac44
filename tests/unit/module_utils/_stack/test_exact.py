# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`exact`: what the documents do not write is unset, what must not be unset stays, and what is unmanaged is listed."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document, spec_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, SHOP, refused_after, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

NIC = {"type": "nic", "network": "shopbr0", "limits.ingress": "10Mbit"}
WEB1 = "/1.0/instances/web1"
PLAIN = {"instances": [{"name": "i1", "source": EMPTY, "profiles": [], "state": "stopped"}]}


def unmanaged(result):
    return [(one["kind"], one["name"], one["project"]) for one in result["unmanaged"]]


def test_a_second_run_changes_nothing(world):
    assert run(world, SHOP, exact=True)["changed"] is True
    assert run(world, SHOP, exact=True)["changed"] is False
    assert run(world, SHOP, exact=True, adopt=True, prune=True)["changed"] is False


def test_what_somebody_writes_by_hand_is_found_and_taken_back(world):
    run(world, SHOP, exact=True)
    before = world.dump()
    web1 = world.find(WEB1)
    web1["config"].update({"limits.memory": "1GiB", "volatile.uuid": "u"})
    web1.update(devices={"eth0": NIC}, description="by hand", ephemeral=True)
    world.find("/1.0/networks/shopbr0")["config"]["dns.domain"] = "x"
    world.find("/1.0/profiles/default", "lab")["config"]["limits.cpu"] = "1"
    world.find("/1.0/projects/lab")["config"]["limits.instances"] = "3"
    assert run(world, SHOP, check=True)["changed"] is False, "exact is not the default"
    planned = run(world, SHOP, exact=True, check=True)
    assert planned["report_lines"] == [
        "! project lab",
        '-     config.limits.instances: "3"',
        "! network shopbr0",
        '-     config.dns.domain: "x"',
        "      it is used by instances web1, web2 and profile web",
        "! instance web1",
        '-     config.limits.memory: "1GiB"',
        '-     description: "by hand"',
        '-     devices.eth0.limits.ingress: "10Mbit"',
        '-     devices.eth0.network: "shopbr0"',
        '-     devices.eth0.type: "nic"',
        "-     ephemeral: true",
        "+     ephemeral: false",
        "! profile default (project lab)",
        '-     config.limits.cpu: "1"',
        "      it is used by instance lab1",
    ]
    run(world, SHOP, exact=True)
    del web1["config"]["volatile.uuid"]
    assert world.dump() == before
    assert run(world, SHOP, exact=True)["changed"] is False


def test_a_profile_keeps_the_root_disk_that_instances_have_no_other_for(world):
    """The servers refuse it when the plan is carried out."""
    run(world, SHOP)
    shop = copy.deepcopy(SHOP)
    del shop["profiles"][0]["devices"]["root"]
    assert run(world, shop, check=True)["changed"] is False
    words = refused_after(world, shop, exact=True)
    assert "devices.root: it is the root disk of instances web1, web2, so it cannot be removed" in words
    assert "exact: true removes what an entry does not write" in words
    shop["storage_pools"].append({"name": "slow", "driver": "dir"})
    shop["profiles"][0]["devices"]["root"] = {**ROOT, "pool": "slow"}
    assert "it cannot be moved to the pool 'slow': give them a root disk of their own" in refused_after(world, shop)
    for name in ("web1", "web2"):
        world.find(f"/1.0/instances/{name}")["devices"]["root"] = dict(ROOT)
    assert run(world, shop)["changed"] is True


def test_a_root_disk_that_another_profile_gives_stays_with_it(world):
    """The last profile that has a device of the name counts."""
    shop = copy.deepcopy(SHOP)
    shop["storage_pools"].append({"name": "slow", "driver": "dir"})
    shop["profiles"].append({"name": "disk", "devices": {"root": ROOT}})
    for number, profiles in enumerate((["web", "disk"], ["disk", "web"])):
        shop["instances"][number]["profiles"] = profiles
    run(world, shop)
    shop["profiles"][0]["devices"]["root"] = {**ROOT, "pool": "slow"}
    assert "it is the root disk of instance web2, so it cannot be moved" in refused_after(world, shop)
    world.find("/1.0/instances/web2")["profiles"] = ["web", "disk"]
    shop["instances"][1]["profiles"] = ["web", "disk"]
    assert run(world, shop)["changed"] is True


def test_an_entry_decides_for_itself(world):
    shop = copy.deepcopy(SHOP)
    run(world, shop)
    for path in (WEB1, "/1.0/instances/web2"):
        world.find(path)["description"] = "by hand"
    shop["instances"][0]["exact"] = True
    assert titles(run(world, shop, check=True)) == [("instance", "web1")]
    shop["instances"][0]["exact"] = False
    assert titles(run(world, shop, check=True, exact=True)) == [("instance", "web2")]
    assert "exact" not in str(run(world, {**PLAIN}, check=True, exact=True)["report_lines"])


def test_exact_is_no_option_of_a_section_with_the_config_of_the_server():
    for kind in KINDS.values():
        assert spec_of(kind)["exact"] == {"type": "bool"} and "exact" not in kind.argument_spec()


def test_what_several_stacks_may_write_into_needs_the_word_of_the_entry(world):
    """The daemon's own profile is in no project of the stack; that of its project is."""
    own = {
        "profiles": [{"name": "default", "config": {"user.a": "1"}}],
        "projects": [{"name": "lab"}, {"name": "default"}],
        "config": {"core.shutdown_timeout": 7},
    }
    world.put("/1.0/profiles/default", config={"user.b": "1"}, description="Default profile")
    world.server["config"]["user.x"] = "1"
    world.find("/1.0/projects/default")["config"]["user.p"] = "1"
    own["projects"][1]["exact"] = False  # what is in it is not this stack's alone
    run(world, own, exact=True)
    assert world.find("/1.0/profiles/default")["config"] == {"user.a": "1", "user.b": "1"}
    assert world.find("/1.0/projects/default")["config"]["user.p"] == "1"
    own["profiles"][0]["exact"] = True
    run(world, own, exact=True)
    assert world.find("/1.0/profiles/default")["config"] == {"user.a": "1"}
    assert world.find("/1.0/profiles/default")["description"] == "Default profile"
    assert world.server["config"]["user.x"] == "1"


def test_a_profile_of_the_daemon_is_exact_in_a_project_that_the_documents_declare(world):
    here = {"projects": [{"name": "default"}], "profiles": [{"name": "default", "config": {"user.a": "1"}}]}
    world.put("/1.0/profiles/default", config={"user.b": "1"})
    run(world, here, exact=True)
    assert world.find("/1.0/profiles/default")["config"] == {"user.a": "1"}


def test_secrets_that_no_document_has_are_kept_and_reported(world):
    run(world, PLAIN, exact=True)
    instance = world.find("/1.0/instances/i1")
    instance["config"].update({"user.token": "s3cret", "user.proxy": "http://u:p@h/", "user.note": "x"})
    done = run(world, PLAIN, exact=True)
    assert {"user.token", "user.proxy"} <= set(instance["config"]) and "user.note" not in instance["config"]
    (words,) = done["warnings"]
    assert "instance 'i1': config.user.proxy, config.user.token: exact keeps secrets" in words and "s3cret" not in words
    null = copy.deepcopy(PLAIN)
    null["instances"][0]["config"] = {"user.token": None}
    run(world, null, exact=True)
    assert "user.token" not in instance["config"] and "user.proxy" in instance["config"]
    purged = copy.deepcopy(PLAIN)
    purged["instances"][0]["purge_config"] = True
    assert run(world, purged, exact=True)["warnings"] == []
    assert "user.proxy" not in instance["config"]


def test_a_copy_is_exact_only_if_its_entry_says_so(world):
    copied = {"name": "c1", "source": {"type": "copy", "source": "i1"}, "profiles": [], "state": "stopped"}
    document = {"instances": [*PLAIN["instances"], copied]}
    run(world, document, exact=True)
    world.find("/1.0/instances/c1")["config"]["user.of"] = "the original"
    assert run(world, document, exact=True)["changed"] is False
    copied["exact"] = True
    assert titles(run(world, document, exact=True)) == [("instance", "c1")]


def test_what_is_unmanaged_and_differs_is_an_error_until_it_is_adopted(world):
    world.put("/1.0/profiles/web", config={"user.theirs": "1"})
    definition = {"profiles": [{"name": "web"}]}
    assert run(world, definition)["changed"] is False
    assert "belongs to no stack, and differs in config" in refused_after(world, definition, exact=True)
    run(world, definition, exact=True, adopt=True)
    assert set(world.find("/1.0/profiles/web")["config"]) == set(mark_of("shop", Profile, "default", "web"))


def test_profiles_that_are_not_written_are_those_of_a_new_instance(world):
    definition = {"instances": [{"name": "i1", "source": EMPTY, "state": "stopped"}]}
    run(world, definition, exact=True)
    world.put("/1.0/profiles/debug")
    world.find("/1.0/instances/i1")["profiles"] = ["default", "debug"]
    run(world, definition, exact=True)
    assert world.find("/1.0/instances/i1")["profiles"] == ["default"]


# -- what is unmanaged ------------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(world):
    """A server with the shop, and with what others have beside it."""
    run(world, SHOP)
    for project in (None, "lab"):
        world.put("/1.0/instances/stray", project)
        world.put("/1.0/instances/others", project, config={MARK: "other"})
        world.put("/1.0/profiles/stray", project)
        world.put("/1.0/instances/stray/snapshots/s0", project)
    world.put("/1.0/networks/eth0", managed=False)
    world.put("/1.0/storage-pools/stray")
    world.put("/1.0/profiles/copied", config=mark_of("shop", Profile, "default", "web"))
    world.put("/1.0/projects/alien", config={"features.profiles": "true"})
    world.put("/1.0/instances/alien", "alien")
    return world


HERE = [
    ("instance", "stray", "default"),
    ("instance", "stray", "lab"),
    ("profile", "copied", "default"),
    ("profile", "stray", "default"),
    ("profile", "stray", "lab"),
]


def test_what_is_unmanaged_in_the_projects_of_the_stack_is_listed_and_left_alone(crowded):
    before = crowded.dump()
    done = run(crowded, SHOP, exact=True, prune=True)
    assert (done["changed"], unmanaged(done)) == (False, HERE)
    assert crowded.dump() == before and done["plan"] == [] and done["counts"]["unmanaged"] == 5
    assert done["summary"].endswith(" unchanged, 5 unmanaged")
    assert "? instance stray (project lab)" in done["report_lines"]
    assert "  ? instance stray (project lab)\n      it is there, no document has it" in done["plan_text"]
    assert unmanaged(run(crowded, SHOP)) == [] and "unmanaged" not in run(crowded, SHOP)["summary"]
    only = {"profiles": [{"name": "web"}]}
    assert unmanaged(run(crowded, only, name="new", absent=True, exact=True, check=True)) == []


def test_the_entry_of_a_project_decides_for_what_is_in_it(crowded):
    without = {**SHOP, "projects": [{"name": "lab", "exact": False}, {"name": "default", "exact": False}]}
    assert unmanaged(run(crowded, without, exact=True)) == []
    only = {**SHOP, "projects": [{"name": "lab", "exact": True}]}
    assert unmanaged(run(crowded, only)) == [("instance", "stray", "lab"), ("profile", "stray", "lab")]


def test_elsewhere_only_kinds_that_the_documents_have_there_are_looked_at(crowded):
    profiles = {"profiles": [{"name": "web", "exact": False}], "networks": [{"name": "shopbr0"}]}
    assert unmanaged(run(crowded, profiles, exact=True)) == [
        ("profile", "copied", "default"),
        ("profile", "stray", "default"),
    ]


def test_what_a_project_shares_is_looked_for_where_it_is(world):
    shared = {
        "projects": [{"name": "lab", "config": {"features.profiles": False}}],
        "profiles": [{"name": "web", "project": "lab"}],
    }
    world.put("/1.0/profiles/stray")
    assert unmanaged(run(world, shared, exact=True)) == [("profile", "stray", "default")]


def test_a_stack_without_a_name_lists_what_no_stack_manages(crowded):
    done = run(crowded, documents=[Document("", SHOP, {})], name=None, exact=True)
    assert (done["changed"], unmanaged(done)) == (False, HERE)


@pytest.mark.parametrize("wish", [{}, {"exact": True}])
def test_what_it_costs(world, wish):
    """One request for each kind that the documents do not have in a project, and none where nothing is exact."""
    run(world, SHOP)
    client = WorldClient(world)
    run(world, SHOP, client=client, check=True, **wish)
    assert len(client.reads) == len(set(client.reads))
    plain = WorldClient(world)
    run(world, SHOP, client=plain, check=True)
    more = set(client.reads) - set(plain.reads)
    others = {"GET /1.0/images lab", "GET /1.0/storage-pools/fast/volumes/custom lab"}
    assert more == (others if wish else set())
