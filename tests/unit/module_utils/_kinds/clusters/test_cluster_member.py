# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What evacuating and restoring sends, and a restore that has to be repeated, which no daemon does on demand."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._heartbeats import heard
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.view import View
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

pytestmark = pytest.mark.usefixtures("clock")

URL = "/1.0/cluster/members/node3"
BUSY = ServerError("x", 400, 'Failed pre-start check for device "eth0": Network "bridge0" unavailable on this server.')


class Cluster(Memory):
    """Changes the status of a member by its `/state`, as a cluster does."""

    def handle(self, method, path, body=None, etag=None):
        if method == "POST" and path == URL + "/state":
            self.objects[URL]["status"] = {"evacuate": "Evacuated", "restore": "Online"}[body["action"]]
            return 200, None, None
        return super().handle(method, path, body, etag)


@pytest.fixture
def client():
    memory = Cluster()
    memory.objects["/1.0"]["api_extensions"] += ["clustering", "clustering_evacuation"]
    memory.objects[URL] = {"server_name": "node3", "status": "Online", "roles": [], "message": ""}
    return MemoryClient(memory)


def member(client, **given):
    return ClusterMember(client, params_of(ClusterMember, name="node3", **given))


def test_a_member_is_switched_and_nothing_else_of_it_is_written(client):
    for state, word, there in (("evacuated", "evacuate", "Evacuated"), ("restored", "restore", "Online")):
        done = converge(member(client, state=state))
        assert (done.actions, done.result["status"]) == ([f"{word} cluster_member node3"], there)
        assert (done.before, done.after) == ({"evacuated": word == "restore"}, {"evacuated": word == "evacuate"})
        assert converge(member(client, state=state)).changed is False
    assert client.writes == [f"POST {URL}/state"] * 2


def test_a_restore_waits_for_the_networks_of_the_member(client):
    client.memory.objects[URL]["status"] = "Evacuated"
    client.trouble = [BUSY, BUSY]
    assert converge(member(client, state="restored")).actions == ["restore cluster_member node3"]
    assert client.writes == [f"POST {URL}/state"] * 3


def test_a_member_that_was_just_started_is_restored_after_its_first_heartbeat(client):
    """Until then it is Offline, and nobody can see that it is evacuated."""
    client.memory.objects[URL]["status"] = "Offline"
    answers, original = [], client.memory.handle

    def later(method, path, body=None, etag=None):
        answers.append(method)
        if len(answers) == 3:
            client.memory.objects[URL]["status"] = "Evacuated"
        return original(method, path, body, etag)

    client.memory.handle = later
    assert converge(member(client, state="restored")).actions == ["restore cluster_member node3"]


def test_a_member_that_stays_away_is_left_as_it_is(client, clock):
    client.memory.objects[URL]["status"] = "Offline"
    assert converge(member(client, state="restored")).changed is False
    assert 30 <= clock.passed < 33, "the time of three heartbeats, and a last look"


def test_one_task_waits_once_for_members_that_are_away(client):
    away, looks = [{"status": "Online"}, {"status": "Offline"}], []

    def read():
        looks.append(1)
        return away

    assert heard(client, read) == away and len(looks) > 2
    looks.clear()
    assert heard(client, read) == away and len(looks) == 1


def test_a_stack_hears_of_a_member_that_comes_back_while_it_plans(client):
    """What it has asked already is not what it looks at again."""
    client.memory.objects[URL]["status"] = "Offline"
    answers, original = [], client.memory.handle

    def later(*request, **more):
        answers.append(request)
        if len(answers) == 3:
            client.memory.objects[URL]["status"] = "Online"
        return original(*request, **more)

    client.memory.handle = later
    view = View(client, {})
    assert heard(view, lambda: [view.get(URL).metadata])[0]["status"] == "Online"


def test_other_failures_of_a_restore_are_told_at_once(client):
    client.memory.objects[URL]["status"] = "Evacuated"
    client.trouble = [ServerError("x", 400, "no space left on device")]
    with pytest.raises(LXDError, match="no space left on device"):
        converge(member(client, state="restored"))
