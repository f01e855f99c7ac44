# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A view and a client are both readers, and a view cannot write."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.reader import Reader
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.view import View
from ansible_collections.cloudhost.lxd.tests.unit.memory import params_of
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

#: What a client has to send other requests than GET, or to make a client that does.
WRITING = {"write", "request", "wait", "transport", "another"}


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


@pytest.fixture
def client(world):
    return WorldClient(world)


@pytest.fixture
def view(client):
    return View(client, KINDS)


def test_both_are_readers(client, view):
    """The type checker compares the signatures."""
    members = {name for name in vars(Reader) if not name.startswith("_")}
    assert {"get", "find", "names", "has", "require", "label", "implementation", "server", "hidden"} <= members
    assert members <= public(client) and members <= public(view)


def test_a_reader_has_nothing_that_writes(client):
    assert public(client) >= WRITING
    assert WRITING & set(vars(Reader)) == set()


@pytest.mark.parametrize("name", sorted(WRITING))
def test_a_view_has_nothing_that_writes(view, name):
    with pytest.raises(AttributeError):
        getattr(view, name)


def test_a_view_gives_nobody_its_client(view):
    assert [name for name in public(view) if isinstance(getattr(view, name), Client)] == []


def test_what_is_planned_on_a_view_cannot_be_carried_out(world, client, view):
    kind = KINDS["profile"]
    params = params_of(kind, name="web")
    before = set(world.objects)
    steps = kind(view, params).plan(None).steps
    with pytest.raises(LXDError, match="^Planning must not write"):
        steps[0].run()
    assert set(world.objects) == before
    kind(client, params).plan(None).steps[0].run()
    assert {path for _project, path in set(world.objects) - before} == {"/1.0/profiles/web"}
