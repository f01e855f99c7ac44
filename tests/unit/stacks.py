# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack to test with, and how it is run on a world."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import run_stack
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

ROOT = {"type": "disk", "path": "/", "pool": "fast"}
EMPTY = {"type": "none"}
SHOP = {
    # from the last to the first: what order they are applied in is not that of the document
    "instance_snapshots": [{"instance": "web1", "name": "fresh"}],
    "instances": [
        {"name": "web1", "source": EMPTY, "profiles": ["web"]},
        {"name": "web2", "source": EMPTY, "profiles": ["web"], "state": "stopped"},
        {"name": "lab1", "project": "lab", "source": EMPTY, "state": "present"},
    ],
    "profiles": [
        {"name": "web", "devices": {"root": ROOT, "eth0": {"type": "nic", "network": "shopbr0"}}},
        {"name": "default", "project": "lab", "devices": {"root": ROOT}},
    ],
    "projects": [{"name": "lab"}],
    "networks": [{"name": "shopbr0"}],
    "storage_pools": [{"name": "fast", "driver": "dir"}],
    "config": {"core.shutdown_timeout": 7},
}


def run(
    world, definition=None, check=False, client=None, documents=None, parallel=4, kinds=KINDS, progress=None, **wish
):
    wish = StackOptions(**{"name": "shop", **wish})
    documents = documents or ([Document("", definition, {})] if definition is not None else [])
    return run_stack(client or WorldClient(world), kinds, wish, documents, check, parallel=parallel, progress=progress)


def refused(world, definition=None, **kwargs):
    before = world.dump()
    with pytest.raises(InvalidInput) as caught:
        run(world, definition, **kwargs)
    assert world.dump() == before and world.writes == []
    return str(caught.value)


def titles(result, action=None):
    return [(row["kind"], row["name"]) for row in result["plan"] if action in (None, row["action"])]


def refused_after(world, definition, **kwargs):
    world.writes.clear()
    return refused(world, definition, **kwargs)
