# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked up under its old and its new name."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

KINDS = pytest.mark.parametrize(
    ("kind", "collection"),
    [(Profile, "/1.0/profiles"), (Instance, "/1.0/instances")],
    ids=["that is renamed", "that moves too"],
)


class Renaming(MemoryClient):
    """The server ends a rename, whose connection broke, when it has shown the old name."""

    def find(self, path, **query):
        found = super().find(path, **query)
        if path.endswith("/old") and found:
            new = path.replace("/old", "/new")
            self.memory.objects[new] = {**self.memory.objects.pop(path), "name": "new"}
        return found


def renamed(client, kind, *there):
    for path in there:
        client.memory.put(path, status="Running", type="container", expanded_devices={}, expanded_config={})
    return converge(kind(client, params_of(kind, name="old", new_name="new")))


@KINDS
def test_a_rename_that_ends_between_two_requests(kind, collection):
    client = Renaming(Memory())
    assert renamed(client, kind, f"{collection}/old").changed is False
    assert (client.writes, f"{collection}/old" in client.memory.objects) == ([], False)


@KINDS
def test_both_names_are_there(kind, collection):
    client = MemoryClient(Memory())
    with pytest.raises(InvalidInput, match="choose another new_name"):
        renamed(client, kind, f"{collection}/old", f"{collection}/new")
    assert client.writes == []
