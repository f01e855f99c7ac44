# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an object of the API is, in its project and on its member of a cluster."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient, params_of


class Lid(Resource):
    kind = "lid"
    path = "/1.0/networks/{box}/lids"
    options = {"box": {"type": "str", "required": True}}


class OfMember(Lid):
    of_member = True


class OnMember(Lid):
    on_member = True


MEMBERS = "/1.0/cluster/members"


@pytest.fixture
def client(monkeypatch):
    """Of a cluster with the members node1 and node2."""
    monkeypatch.setitem(DEFAULTS, MEMBERS, {})
    client = MemoryClient(Memory())
    client.clustered = True
    for name in ("node1", "node2"):
        client.memory.put(f"{MEMBERS}/{name}")
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
        (MEMBERS, {}),
        ("/1.0/networks/x", {"project": "default"}),
    ]


def test_what_a_volume_belongs_to_is_on_its_member_too(client):
    client.memory.put("/1.0/networks/x")
    assert lid(client, OnMember).read() is None
    assert client.queries[-1] == ("/1.0/networks/x", {"project": "default", "target": "node2"})
    moved = lid(client, OnMember)
    moved.whole = {"target": "node1"}
    assert moved.query() == {"project": "default", "target": "node1"}


@pytest.mark.parametrize("kind", [OfMember, OnMember])
def test_a_member_that_is_not_there_is_refused_by_every_kind_on_one(client, kind):
    client.memory.put("/1.0/networks/x")
    with pytest.raises(InvalidInput, match="^target: there is no 'node3' on lxd 6.1 at memory. Did you mean 'node"):
        lid(client, kind, "node3").read()
    client.clustered = False
    alone = "^target: lxd 6.1 at memory is not clustered, so there is no 'node2' to be on"
    with pytest.raises(InvalidInput, match=alone):
        lid(client, kind).read()
    client.is_rehearsal = True  # an earlier task of the play may enable clustering
    early = lid(client, kind)
    assert early.read() is None
    assert [warning for warning in early.warnings if warning.endswith("unless an earlier task enables clustering.")]
    gone = kind(client, {**early.params, "state": "absent"})
    assert gone.read() is None and gone.warnings == []


@pytest.mark.parametrize("denied", [True, False])
def test_who_may_not_list_members_gets_the_error_of_the_server(client, denied):
    client.memory.put("/1.0/networks/x")
    refusal = ServerError("no", 403, "not authorized") if denied else ServerError("no", 500, "broken")

    def names(_path, **_query):
        raise refusal

    client.names = names
    if denied:
        assert lid(client, OnMember).read() is None
    else:
        with pytest.raises(ServerError):
            lid(client, OnMember).read()


def test_what_it_could_belong_to_is_looked_for_in_the_same_project(client):
    client.memory.put("/1.0/networks/y")
    with pytest.raises(InvalidInput, match="^box: there is no 'x' on lxd 6.1 at memory. Known: y"):
        lid(client, OfMember).read()
    assert client.queries[-1] == ("/1.0/networks", {"project": "default"})
