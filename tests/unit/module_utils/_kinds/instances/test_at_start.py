# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A size that the server keeps for the next start of an instance, and an agent that does not answer."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known.at_start import keys_at_start
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances._wait import Waiter
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

ROOT = {"type": "disk", "path": "/", "pool": "default", "size": "2GiB"}


def planned(status, kept="true", **options):
    """The words of the steps for a machine whose server keeps the size of its root disk, and the warnings."""
    memory = Memory()
    config = {"volatile.root.apply_quota": kept, "volatile.eth0.apply_quota": "false"}
    memory.put("/1.0/instances/i1", profiles=[], status=status, config=config, devices={"root": ROOT})
    instance = Instance(MemoryClient(memory), params_of(Instance, name="i1", **options))
    return [step.words for step in instance.plan(instance.read()).steps], instance.warnings


def test_a_size_that_waits_for_the_next_start():
    steps, warnings = planned("Running", state="started")
    assert steps == []
    assert [words for words in warnings if "devices.root.size takes effect at its next start" in words]
    assert planned("Running", state="started", restart="if_required")[0] == ["stop instance i1", "start instance i1"]
    assert planned("Stopped", state="stopped") == ([], [])
    assert planned("Running", kept="", state="started") == ([], [])


def test_which_keys():
    assert keys_at_start({"config": {"volatile.a.b.apply_quota": "true", "volatile.x.name": "y"}}, {}) == [
        "devices.a.b.size"
    ]
    assert keys_at_start({"config": {}}, {"config": {"migration.stateful": "true"}}) == ["migration.stateful"]


@pytest.mark.parametrize("processes, words", [(-1, "no answer of its agent"), (7, "7 processes")])
def test_what_was_seen_of_it(processes, words):
    client = Client.__new__(Client)
    client.deadline = Deadline(1)
    waiter = Waiter(client, "i1", "/1.0/instances/i1", {}, {"eth0": {"type": "nic"}})
    waiter.state = {"status": "Running", "processes": processes, "network": None}
    assert waiter.seen() == f"status Running, {words}; no network interface"
