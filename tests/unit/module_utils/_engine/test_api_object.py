# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an object of the API is, in its project and on its member of a cluster."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of


class Lid(Resource):
    kind = "lid"
    path = "/1.0/networks/{box}/lids"
    options = {"box": {"type": "str", "required": True}}


class OfMember(Lid):
    of_member = True


@pytest.fixture
def client():
    client = MemoryClient(Memory())
    client.queries = []
    find, names = client.find, client.names
    client.find = lambda path, **query: client.queries.append((path, query)) or find(path, **query)
    client.names = lambda path, **query: client.queries.append((path, query)) or names(path, **query)
    return client


def lid(client, kind, target="node2"):
    return kind(client, params_of(kind, name="a", box="x", project="default", target=target))


def test_only_what_each_member_can_have_is_looked_for_on_a_member(client):
    assert lid(client, Lid).query() == {"project": "default"}
    assert lid(client, OfMember).query() == {"project": "default", "target": "node2"}
    assert lid(client, OfMember, target=None).query() == {"project": "default"}


def test_what_it_belongs_to_is_looked_for_in_the_project_and_on_no_member(client):
    client.memory.put("/1.0/networks/x")
    assert lid(client, OfMember).read() is None
    assert client.queries == [
        ("/1.0/networks/x/lids/a", {"project": "default", "target": "node2"}),
        ("/1.0/networks/x", {"project": "default"}),
    ]


def test_a_kind_with_a_query_of_its_own_asks_for_its_parent_with_it(client, monkeypatch):
    """A volume is on one member, and so is what its pool has there."""
    client.memory.put("/1.0/networks/x")
    monkeypatch.setattr(Lid, "query", lambda self: {"project": "default", "target": "node2"})
    lid(client, Lid).read()
    assert client.queries[-1] == ("/1.0/networks/x", {"project": "default", "target": "node2"})


def test_what_it_could_belong_to_is_looked_for_in_the_same_project(client):
    client.memory.put("/1.0/networks/y")
    with pytest.raises(InvalidInput, match="^box: there is no 'x' on lxd 6.1 at memory. Known: y"):
        lid(client, OfMember).read()
    assert client.queries[-1] == ("/1.0/networks", {"project": "default"})
