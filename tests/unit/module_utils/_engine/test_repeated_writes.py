# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that are sent again while the server still does the first one."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

URL = "/1.0/profiles/web"


def profile(client, **params):
    return Profile(client, params_of(Profile, name="web", **params))


class Slow(MemoryClient):
    """The server does a write only when the same one comes a second time, which it refuses."""

    def __init__(self, memory, ends=True):
        super().__init__(memory)
        self.ends = ends

    def write(self, method, path, body=None, etag=None, **query):
        self.writes.append(f"{method} {path}")
        if len(self.writes) == 1:
            raise Interrupted("connection broke")
        if self.ends:
            super().write(method, path, body, etag, **query)
        raise ServerError("refused", 400, "refused")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_write_that_is_still_being_done_when_it_is_sent_again(state):
    client = Slow(Memory())
    if state == "absent":
        client.memory.put(URL)
    outcome = converge(profile(client, state=state))
    assert (outcome.changed, len(outcome.done), URL in client.memory.objects) == (True, 1, state == "present")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_write_that_is_refused_twice_after_it_was_interrupted(state):
    client = Slow(Memory(), ends=False)
    if state == "absent":
        client.memory.put(URL)
    with pytest.raises(LXDError, match=r"^Failed to \w+ profile web on lxd 6.1 at memory: refused") as caught:
        converge(profile(client, state=state))
    assert (len(client.writes), caught.value.done) == (3, [])


class Lost(MemoryClient):
    """The answer to the first write is lost, and all others are refused."""

    def write(self, method, path, body=None, etag=None, **query):
        if self.writes:
            self.writes.append(f"{method} {path}")
            raise ServerError("refused", 400, "refused")
        super().write(method, path, body, etag, **query)
        raise Interrupted("connection broke")


def test_another_write_that_is_refused_after_one_that_was_done_is_final():
    client = Lost(Memory())
    client.memory.put(URL)
    with pytest.raises(LXDError, match=r"^Failed to \w+ profile"):
        converge(profile(client, new_name="shop", description="d"))
    assert [line.split(" ")[0] for line in client.writes] == ["POST", "PUT"]
