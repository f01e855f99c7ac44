# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user gives to a resource stays as it is: reading, planning and checking never change it."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image_alias import ImageAlias
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import plan_stack
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient, params_of
from ansible_collections.cloudhost.lxd.tests.unit.module_utils._kinds.test_plans import cloud, situations
from ansible_collections.cloudhost.lxd.tests.unit.world import World, WorldClient
from hypothesis import given

WHOLE = "0123456789abcdef" * 4
ALIAS = "/1.0/images/aliases"


class Cluster(MemoryClient):
    """A cluster of two members, each with its own configuration of what it has."""

    clustered = True

    def get(self, path, **query):
        if path == "/1.0/cluster/members" and query.get("recursion"):
            reply = super().get(path)
            return reply._replace(metadata=[{"server_name": url[-2:], "status": "Online"} for url in reply.metadata])
        return super().get(path, **query)

    def find(self, path, **query):
        found = super().find(path, **query)
        if found and query.get("target"):
            found.metadata["config"] = {"source": "/srv"}
        return found


class Projects(MemoryClient):
    """All instances are in the project `p`."""

    def find(self, path, **query):
        elsewhere = path.startswith("/1.0/instances/") and query.get("project") != "p"
        return None if elsewhere else super().find(path, **query)


def cluster():
    memory = Memory()
    memory.objects["/1.0/cluster/members"] = ["/1.0/cluster/members/m1", "/1.0/cluster/members/m2"]
    memory.put("/1.0/storage-pools/there", driver="dir", locations=["m1", "m2"])
    return Cluster(memory)


def aliases():
    memory = Memory()
    memory.put(f"/1.0/images/{WHOLE}", fingerprint=WHOLE)
    memory.put(f"/1.0/images/{WHOLE[:12]}", fingerprint=WHOLE)
    memory.put(f"{ALIAS}/there", description="", target=WHOLE)
    return MemoryClient(memory)


def instances():
    memory = Memory()
    root = {"type": "disk", "path": "/", "pool": "default"}
    memory.put("/1.0/profiles/default", devices={"root": root})
    memory.put("/1.0/storage-pools/default", driver="dir")
    memory.put("/1.0/instances/there", expanded_devices={"root": root}, expanded_config={})
    return Projects(memory)


def profiles():
    memory = Memory()
    memory.put("/1.0/profiles/there")
    return MemoryClient(memory)


POOL = {"driver": "dir", "config": {"source": "/srv", "user.a": 1}}
CASES = {
    "a key of each member": (cluster, StoragePool, {"name": "there", **POOL}),
    "a key of each member of what is new": (cluster, StoragePool, {"name": "new", **POOL}),
    "one member": (cluster, StoragePool, {"name": "there", "members": {"m1": {"source": "/srv"}, "m2": None}}),
    "the first digits": (aliases, ImageAlias, {"name": "there", "fingerprint": WHOLE[:12]}),
    "the first digits for a new alias": (aliases, ImageAlias, {"name": "new", "fingerprint": WHOLE[:12]}),
    "a device of a profile": (
        instances,
        Instance,
        {"name": "there", "project": "p", "devices": {"root": {"size": "1GiB"}}},
    ),
    "renamed already": (profiles, Profile, {"name": "old", "new_name": "there"}),
    "renamed and moved already": (instances, Instance, {"name": "old", "new_name": "there", "new_project": "p"}),
}


@pytest.fixture
def alias_collection(monkeypatch):
    monkeypatch.setitem(DEFAULTS, ALIAS, {"description": ""})


def stays(resource):
    """Read and plan, and compare what the resource was given before and after. Returns the steps."""
    before = copy.deepcopy([dict(resource.params), dict(resource.wanted)])
    place = resource.name, resource.query()
    found = resource.read()
    assert (resource.name, resource.query()) == place, "where it is found is returned, and not set"
    plan = resource.plan(found)
    assert [dict(resource.params), dict(resource.wanted)] == before
    return plan.steps


@pytest.mark.usefixtures("alias_collection")
@pytest.mark.parametrize("case", CASES)
def test_reading_and_planning_change_nothing_of_what_was_given(case):
    make, kind, given_params = CASES[case]
    stays(kind(make(), params_of(kind, **{"state": "present", **given_params})))


@given(situations())
def test_no_kind_changes_what_was_given(situation):
    kind, params, have = situation
    written = copy.deepcopy(params)
    resource = kind(cloud(kind, have), params)
    before = copy.deepcopy(dict(resource.wanted))
    stays(kind(cloud(kind, have), params))
    converge(resource)
    assert params == written and dict(resource.params) == written and dict(resource.wanted) == before


def test_a_stack_does_not_write_its_mark_into_what_the_document_says():
    definition = {"profiles": [{"name": "web", "config": {"user.a": "1"}}]}
    planned = plan_stack(WorldClient(World()), KINDS, StackOptions("shop"), [Document("", definition, {})])
    node = planned.nodes[0]
    assert node.entry.params["config"] == {"user.a": "1"} and len(node.params["config"]) == 3


def test_what_was_given_cannot_be_changed():
    resource = Profile(profiles(), params_of(Profile, name="there", description="x"))
    for held in (resource.params, resource.wanted):
        with pytest.raises(TypeError):
            held["description"] = "y"
