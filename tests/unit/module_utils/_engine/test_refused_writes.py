# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that the server refuses although it has stored some of them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

URL = "/1.0/profiles/web"
FAILED = "Failed to update profile web (config, description) on lxd 6.1 at memory: No such tool."


class Storing(MemoryClient):
    """A client whose first PUT is refused after `store` has changed what the server has."""

    def __init__(self, store):
        super().__init__(Memory())
        self.memory.put(URL, config={"user.a": "1", "user.b": "1"}, description="old")
        self.store, self.bodies = store, []

    def write(self, method, path, body=None, etag=None, **query):
        self.bodies.append(body)
        if method == "PUT" and self.store:
            self.store(self.memory.objects)
            self.store = None
            raise ServerError("refused", 500, "No such tool.")
        return super().write(method, path, body, etag, **query)


class Forgetful(Profile):
    """A kind of which the server drops keys that were not in a refused write."""

    def forgets(self, refusal):
        return refusal.code == 500


def update(client, kind=Profile):
    with pytest.raises(LXDError) as caught:
        converge(kind(client, params_of(kind, name="web", config={"user.a": "2", "user.c": "1"}, description="new")))
    return str(caught.value)


def test_what_was_stored_is_put_back_and_told():
    client = Storing(lambda objects: objects[URL].update(config={"user.a": "2", "user.b": "theirs"}, description="new"))
    words = update(client)
    assert words == FAILED + " It had stored description, config.user.a anyway, which is put back to what it was."
    expected = {"name": "web", "description": "old", "config": {"user.a": "1", "user.b": "theirs"}, "devices": {}}
    assert client.memory.objects[URL].items() >= expected.items()
    assert client.bodies[-1].items() >= expected.items(), "a PUT empties what it leaves out"


def test_where_nothing_was_stored_the_error_is_that_of_the_server():
    client = Storing(lambda objects: None)
    assert update(client) == FAILED
    assert len(client.bodies) == 1


def test_what_the_server_forgot_is_written_again():
    client = Storing(lambda objects: None)
    assert update(client, Forgetful) == FAILED
    assert client.bodies[-1]["config"] == {"user.a": "1", "user.b": "1"} and len(client.bodies) == 2


def test_what_is_gone_meanwhile_is_not_put_back():
    client = Storing(lambda objects: objects.pop(URL))
    assert update(client, Forgetful) == FAILED
    assert len(client.bodies) == 1


def test_what_cannot_be_put_back_is_told():
    client = Storing(lambda objects: objects[URL].update(description="new"))
    client.trouble = [LXDError("The disk is full.")]
    words = update(client)
    assert words == FAILED + (" It may have stored what it refused, and that could not be put back: The disk is full.")
