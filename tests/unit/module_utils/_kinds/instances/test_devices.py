# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices without a type: what completes them when others are purged, after a move, and in a re-created instance."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

ROOT = {"type": "disk", "path": "/", "pool": "fast"}
DATA = {"type": "disk", "path": "/data", "source": "/srv"}


class Client(MemoryClient):
    """A server that moves instances to another pool: then they have a root disk of their own."""

    def write(self, method, path, body=None, etag=None, **query):
        if not (body or {}).get("migration"):
            return super().write(method, path, body, etag, **query)
        self.writes.append(f"{method} {path}")
        moved = self.memory.objects[path]
        moved["devices"] = moved["expanded_devices"] = {**moved["devices"], "root": {**ROOT, "pool": body["pool"]}}
        return None


def instance(**options):
    memory = Memory()
    memory.put("/1.0/profiles/default", devices={"root": ROOT})
    for pool in ("fast", "slow"):
        memory.put(f"/1.0/storage-pools/{pool}")
    memory.put(
        "/1.0/instances/web",
        devices={"root": {**ROOT, "size": "1GiB"}, "data": DATA},
        expanded_devices={"root": {**ROOT, "size": "1GiB"}, "data": DATA},
    )
    return Instance(Client(memory), params_of(Instance, name="web", state="present", **options))


def test_purging_keeps_the_type_of_a_device_that_is_written_without_one():
    changed = instance(devices={"root": {"size": "2GiB"}}, purge_devices=True)
    assert changed.plan(changed.read()).result["devices"] == {"root": {**ROOT, "size": "2GiB"}}
    same = instance(devices={"root": {"size": "1GiB"}, "data": {"path": "/data"}}, purge_devices=True)
    assert same.plan(same.read()).steps == []


def test_a_device_of_a_profile_is_completed_again_after_a_move():
    moved = instance(devices={"root": {"size": "2GiB"}}, pool="slow")
    moved.client.memory.objects["/1.0/instances/web"].update(devices={}, expanded_devices={"root": ROOT})
    result = converge(moved).result
    assert result["devices"] == {"root": {**ROOT, "pool": "slow", "size": "2GiB"}}
    assert moved.client.writes == ["POST /1.0/instances/web", "PUT /1.0/instances/web"]


def test_what_is_recreated_is_planned_as_something_new():
    """Only the profiles complete the devices of the new instance, so what they lack is refused before the deletion."""
    options = {"type": "virtual-machine", "recreate": True, "source": {"type": "none"}}
    gone = instance(devices={"data": {"path": "/d"}}, purge_devices=True, **options)
    with pytest.raises(InvalidInput, match=r"devices\.data: no 'type', and no profile has a device of this name"):
        gone.plan(gone.read())
    made = instance(devices={"root": {"size": "3GiB"}}, **options)
    assert made.plan(made.read()).result["devices"] == {"root": {**ROOT, "size": "3GiB"}}
