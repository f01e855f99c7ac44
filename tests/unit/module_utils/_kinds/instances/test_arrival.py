# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves to another project: what goes along, what is left to be done there, and what is refused before."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

NIC = {"type": "nic", "network": "br0"}


class Client(MemoryClient):
    """Each project has its own profiles; `snapshots` are those of the instance, and `bodies` what was sent."""

    def __init__(self, memory, profiles, snapshots):
        super().__init__(memory)
        self.profiles, self.snapshots, self.bodies = profiles, snapshots, []

    def find(self, path, **query):
        return None if query.get("project") == "lab" else super().find(path, **query)

    def names(self, path, **query):
        if path.endswith("/snapshots"):
            return self.snapshots
        return (
            self.profiles if path == "/1.0/profiles" and query.get("project") == "lab" else super().names(path, **query)
        )

    def write(self, method, path, body=None, **query):
        self.bodies.append(body)


def moved(wanted, there=("default", "lab"), snapshots=(), taken=True):
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += ["instance_project_move", *(["instance_move_config"] if taken else [])]
    memory.put("/1.0/projects/lab")
    memory.put("/1.0/networks/br0")
    memory.put("/1.0/instances/i1", profiles=["web"], config={"user.a": "1", "user.b": "2"}, devices={"eth0": NIC})
    client = Client(memory, list(there), list(snapshots))
    instance = Instance(client, params_of(Instance, name="i1", new_project="lab", state="present", **wanted))
    plan = instance.plan(instance.read())
    plan.steps[0].run()
    return [step.words for step in plan.steps], {
        key: value for key, value in client.bodies[0].items() if key in ("profiles", "config", "devices")
    }


def refused(*arguments, **options):
    with pytest.raises(InvalidInput) as caught:
        moved(*arguments, **options)
    return list(caught.value.each)


MOVE = "move instance i1 from project default to project lab"


def test_what_goes_along():
    steps, body = moved({"profiles": ["lab"], "config": {"user.a": "3"}, "devices": {"eth1": NIC}})
    assert (steps, body) == ([MOVE], {"profiles": ["lab"], "config": {"user.a": "3"}, "devices": {"eth1": NIC}})


def test_what_is_left_to_be_done_there():
    steps, body = moved(
        {"profiles": ["lab"], "config": {"user.a": None}, "devices": {"eth0": None}, "description": "x"}
    )
    assert (steps, body) == ([MOVE, "update instance i1 (config, description, devices)"], {"profiles": ["lab"]})


def test_a_server_that_takes_nothing_along():
    steps, body = moved({"profiles": ["lab"], "config": {"user.a": "3"}}, there=["web", "lab"], taken=False)
    assert (steps, body) == ([MOVE, "update instance i1 (config, profiles)"], {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"wanted": {}},
            ["has the profile 'web', which project 'lab' has not. Make it there", "choose with profiles:"],
        ),
        (
            {"wanted": {}, "taken": False},
            ["This server moves an instance with the profiles that it has", "that both projects have"],
        ),
        (
            {"wanted": {"profiles": ["lab"]}, "taken": False},
            ["has the profile 'web'", "This server moves", "that both projects have"],
        ),
        (
            {"wanted": {"profiles": ["lab"]}, "snapshots": ["s1", "s0"]},
            ["has the profile 'web'", "not with its snapshots s0, s1.", "that both projects have"],
        ),
        ({"wanted": {"profiles": ["web"]}}, ["profiles: there is no 'web' in project 'lab' on "]),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(options, words):
    [told] = refused(**options)
    assert [word for word in words if word not in told] == [], told


def test_devices_are_looked_up_where_it_goes():
    lines = refused({"profiles": ["labb"], "devices": {"eth1": {**NIC, "network": "br1"}}})
    assert [line.partition(" on ")[0] for line in lines] == [
        "profiles: there is no 'labb' in project 'lab'", "devices.eth1.network: there is no 'br1' in project 'lab'",
    ]  # fmt: skip
