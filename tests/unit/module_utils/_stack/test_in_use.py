# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of what is deleted or re-created, as the plan leaves them; and all errors of an entry, reported at once."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.users import used_words, user_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances import _profile_users
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.project import Project
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, refused, refused_after, run, titles

POOL = {"name": "fast", "driver": "dir"}
NIC = {"type": "nic", "network": "shopbr0"}
LENT = {
    "networks": [{"name": "shopbr0"}],
    "profiles": [{"name": "web", "devices": {"eth0": NIC}}],
    "instances": [{"name": "i1", "source": EMPTY, "profiles": ["web"], "state": "stopped"}],
}


def anew(definition, **changes):
    return {
        **definition,
        "networks": [{"name": "shopbr0", "type": "macvlan", "config": {"parent": "eth9"}, "recreate": True}],
        **changes,
    }


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("users", "words"),
    [
        (["/1.0/instances/a"], "instance a"),
        (["/1.0/instances/b?project=default", "/1.0/instances/a?project=lab"], "instances a (project lab), b"),
        (["/1.0/instances/a/snapshots/s%201?project=my%20lab"], "snapshot a/s 1 (project my lab)"),
        (["/1.0/storage-pools/p/volumes/custom/v?project=lab&target=n1"], "volume p/custom/v (project lab)"),
        (["/1.0/storage-pools/p/buckets/b", "/1.0/network-acls/web"], "bucket p/b and network_acl web"),
        ([f"/1.0/images/{'ab' * 32}"], f"image {'ab' * 6}"),
        (["/1.0/profiles/web", "/1.0/profiles/web", "/1.0/networks/n"], "network n and profile web"),
    ],
)
def test_users_are_named(users, words):
    assert used_words("lxd", "deleted", users).startswith(
        f"on lxd is used by {words}, and cannot be deleted while it is: "
    )


def test_a_long_list_is_cut():
    words = used_words("lxd", "deleted", [f"/1.0/instances/i{number:02}" for number in range(30)])
    assert "i00, i01" in words and "i19 and 10 more" in words and "i20" not in words


def test_a_user_is_a_project_and_parts():
    assert user_of("/1.0/profiles/a%2Fb?target=x&project=lab") == ("lab", ("profiles", "a/b"))


# -- stacks -----------------------------------------------------------------------------------------------------------


def test_those_who_go_in_the_same_plan_are_no_users(world):
    run(world, {**LENT, "projects": [{"name": "lab"}], "storage_pools": [POOL]})
    world.put("/1.0/profiles/default", "lab", devices={"root": ROOT})  # it goes with its project
    assert len(titles(run(world, {}, prune=True), "delete")) == 5


def test_a_part_of_what_goes_is_no_user(world):
    run(
        world,
        {
            "projects": [{"name": "lab"}],
            "instances": [{"name": "i1", "source": EMPTY, "project": "lab", "state": "stopped"}],
        },
    )
    world.put("/1.0/instances/i1/snapshots/s1", "lab")
    assert len(titles(run(world, {}, prune=True), "delete")) == 2


def test_what_is_in_a_project_that_goes_keeps_it(world):
    run(world, {"projects": [{"name": "lab"}]})
    world.put("/1.0/profiles/mine", "lab")
    assert refused_after(world, {}, prune=True).startswith(
        "project lab on lxd 6.1 at world is used by profile mine (project lab), and cannot be deleted"
    )


def test_an_instance_lets_go_with_its_profile(world):
    """Which nothing else happens to, so that only the profile is changed; and the network goes after that."""
    run(world, LENT)
    definition = {"profiles": [{"name": "web", "devices": {"eth0": None}}], "instances": LENT["instances"]}
    result = run(world, definition, prune=True)
    assert [(row["action"], row["name"]) for row in result["plan"]] == [("update", "web"), ("delete", "shopbr0")]


@pytest.mark.parametrize("text", ["", "edited"])
def test_an_instance_keeps_the_pool_that_its_data_is_in(world, text, monkeypatch):
    """Whatever becomes of the profile that put it there, of a server that lets it go."""
    monkeypatch.setattr(_profile_users, "check_root", lambda *_given: None)
    other = {"name": "other", "driver": "dir"}
    profile = {"name": "web", "devices": {"root": ROOT}}
    instance = {"name": "i1", "source": EMPTY, "profiles": ["web"], "state": "stopped"}
    run(world, {"storage_pools": [POOL, other], "profiles": [profile], "instances": [instance]})
    moved = {"name": "web", "devices": {"root": {**ROOT, "pool": "other"}}}
    words = refused_after(
        world,
        {"storage_pools": [other], "profiles": [moved], "instances": [{**instance, "description": text}]},
        prune=True,
    )
    assert words.startswith("storage_pool fast on ") and "used by instance i1, and" in words


def test_a_user_that_changes_in_another_way_stays_one(world):
    run(world, LENT)
    definition = {
        "profiles": [{**LENT["profiles"][0], "description": "edited"}],
        "instances": [{**LENT["instances"][0], "description": "edited"}],
    }
    words = refused_after(world, definition, prune=True)
    assert words == (
        "network shopbr0 on lxd 6.1 at world is used by instance i1 and profile web, and cannot be deleted while it "
        "is: "
        "remove them first, or let them use something else."
    )


def test_what_is_only_made_now_uses_it_too(world):
    run(world, {"networks": LENT["networks"]})
    words = refused_after(world, {"profiles": LENT["profiles"], "instances": LENT["instances"]}, prune=True)
    assert "used by instance i1 and profile web" in words


def test_a_use_that_nobody_here_understands_counts(world, monkeypatch):
    """A user that the server names, and whose entry says nothing of it, is one also where it changes in another way."""
    run(world, {"networks": LENT["networks"], "instances": [{"name": "i2", "source": EMPTY, "state": "stopped"}]})
    monkeypatch.setattr(
        world, "users", lambda path, where: [("default", "/1.0/instances/i2")] if path.endswith("/shopbr0") else []
    )
    entry = {"name": "i2", "source": EMPTY, "state": "stopped", "description": "edited"}
    assert "used by instance i2" in refused_after(world, {"instances": [entry]}, prune=True)


def test_making_anew_needs_it_unused_before(world):
    world.server["api_extensions"].append("network_type_macvlan")
    run(world, LENT)
    words = refused_after(world, anew(LENT))
    assert (
        words.startswith("networks[0] 'shopbr0': name: network shopbr0 on ")
        and "instance i1 and profile web" in words
        and "re-created" in words
    )
    result = run(world, anew(LENT, profiles=[{"name": "web", "devices": {"eth0": None}}]))
    assert [(row["action"], row["name"]) for row in result["plan"]] == [("replace", "shopbr0"), ("update", "web")]
    assert world.writes.index("PUT /1.0/profiles/web") < world.writes.index("DELETE /1.0/networks/shopbr0")


def test_who_lets_go_only_afterwards_is_a_user(world):
    """It waits for what is re-created for another reason, or is deleted at the end."""
    world.server["api_extensions"].append("network_type_macvlan")
    run(world, LENT)
    later = [{"name": "web", "devices": {"eth0": None}, "depends_on": ["network/shopbr0"]}]
    assert "profile web" in refused_after(world, anew(LENT, profiles=later))
    assert "instance i1" in refused_after(world, anew(LENT, instances=[]), prune=True)


def test_features_of_a_project_in_use(world):
    world.put("/1.0/projects/lab", config={"features.profiles": "true"})
    assert titles(
        run(world, {"projects": [{"name": "lab", "config": {"features.networks.zones": True}}]}, check=True, name=None)
    ) == [("project", "lab")]
    world.put("/1.0/instances/i1", "lab")
    run(world, {"projects": [{"name": "lab", "config": {"features.networks.zones": True}}]}, check=True, name=None)
    words = refused(world, {"projects": [{"name": "lab", "config": {"features.networks": True}}]}, name=None)
    assert words.startswith("projects[0] 'lab': name: project lab on ") and "given another features.networks" in words
    words = refused(world, {"projects": [{"name": "default", "config": {"features.networks": False}}]}, name=None)
    assert "config.features.networks" in words and "do not let anyone change" in words


def test_the_features_of_the_project_default_are_not_taken_back(world):
    definition = {"projects": [{"name": "default", "config": {"features.networks": True, "user.k": "v"}}]}
    run(world, definition)
    run(world, definition, absent=True)
    assert (
        "user.k" not in world.find("/1.0/projects/default")["config"]
        and world.find("/1.0/projects/default")["config"]["features.networks"] == "true"
    )
    assert run(world, definition, absent=True)["plan"] == []


def test_a_project_that_nobody_makes_has_nothing(world):
    words = refused(
        world, {"profiles": [{"name": "default", "project": "labb", "description": "x"}], "projects": [{"name": "lab"}]}
    )
    assert words.startswith("profiles[0] 'default': project: there is no 'labb' on ")


# -- all at once ------------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_an_entry_is_told_at_once(world):
    entry = {"name": "-x", "image": "nothing", "profiles": ["a", "b"], "devices": {"eth0": NIC, "eth1": NIC}}
    lines = refused(world, {"instances": [entry]}).splitlines()
    assert lines[0] == "6 errors, and nothing was changed:"
    told = [line.partition("'-x': ")[2].partition(":")[0] for line in lines[1:]]
    assert sorted(told) == ["devices.eth0.network", "devices.eth1.network", "image", "name", "profiles", "profiles"]


def test_what_is_refused_at_the_end_is_told_with_the_rest():
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"].append("network_type_macvlan")
    memory.put("/1.0/networks/n", type="bridge")
    kind = KINDS["network"]
    network = kind(MemoryClient(memory), params_of(kind, name="n", type="macvlan", new_name="x" * 20))
    with pytest.raises(InvalidInput) as caught:
        network.plan(network.read())
    assert len(caught.value.each) == 2
    with pytest.raises(InvalidInput, match="^x$"):
        network.refuse("x")  # where nothing is planned, at once


def test_cached_images_go_with_their_project():
    memory = Memory()
    image = "ab" * 32
    memory.put("/1.0/projects/lab", used_by=["/1.0/profiles/default?project=lab", f"/1.0/images/{image}?project=lab"])
    client = MemoryClient(memory)
    images = [{"fingerprint": image, "cached": True, "aliases": []}]
    client.get = lambda path, **query: (
        type("Reply", (), {"metadata": images, "etag": None})
        if path == "/1.0/images"
        else MemoryClient.get(client, path)
    )
    project = Project(client, params_of(Project, name="lab", state="absent"))
    plan = project.plan(project.read())
    assert [step.words for step in plan.steps] == [
        f"delete cached image {image[:12]} of project lab",
        "delete project lab",
    ]
    assert plan.users == [] and plan.before["cached_images"] == [image[:12]]
    for kept in ({"cached": False}, {"aliases": [{"name": "mine"}]}):
        images[0] = {"fingerprint": image, "cached": True, "aliases": [], **kept}
        project = Project(client, params_of(Project, name="lab", state="absent"))
        assert project.plan(project.read()).users == [f"/1.0/images/{image}?project=lab"]
