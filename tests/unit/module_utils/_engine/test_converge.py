# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying a plan where the world moves meanwhile, and the words of what fails."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import MAX_REPLANS, converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.plans import Action, Done, Step
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import Rules
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

URL = "/1.0/profiles/web"


@pytest.fixture
def client(monkeypatch):
    client = MemoryClient(Memory())
    client.pauses = []
    monkeypatch.setattr(client.deadline, "pause", lambda attempt, doing, longest=1.0: client.pauses.append(doing))
    return client


def profile(client, **params):
    return Profile(client, params_of(Profile, name="web", **params))


def test_create(client):
    outcome = converge(profile(client, config={"limits.cpu": 2}, description="d"))
    assert (outcome.changed, outcome.actions, outcome.before) == (True, ["create profile web"], {})
    assert outcome.after == {"name": "web", "config": {"limits.cpu": "2"}, "description": "d"}
    assert outcome.result["config"] == {"limits.cpu": "2"}
    assert client.writes == ["POST /1.0/profiles"]


def test_nothing_to_do(client):
    client.memory.put(URL, config={"limits.cpu": "2"})
    outcome = converge(profile(client, config={"limits.cpu": 2}))
    assert outcome == (False, {}, {}, [], client.memory.objects[URL], [])
    assert client.writes == []


def test_delete(client):
    client.memory.put(URL, config={"user.a": "1"})
    outcome = converge(profile(client, state="absent"))
    assert (outcome.changed, outcome.actions, outcome.after, outcome.result) == (True, ["delete profile web"], {}, None)
    assert outcome.before == {"name": "web", "config": {"user.a": "1"}}
    assert converge(profile(client, state="absent")).changed is False
    assert client.writes == [f"DELETE {URL}"]


def test_a_lost_race_is_read_and_planned_again(client):
    client.memory.put(URL, config={"user.a": "1"})
    original = client.write

    def race(*args, **kwargs):
        client.memory.objects[URL]["config"]["theirs"] = "kept"
        client.write = original
        return original(*args, **kwargs)

    client.write = race
    outcome = converge(profile(client, config={"user.a": 2}))
    assert client.memory.objects[URL]["config"] == {"user.a": "2", "theirs": "kept"}
    assert (outcome.changed, outcome.actions) == (True, ["update profile web (config)"])
    assert client.writes == [f"PUT {URL}"] * 2
    assert client.pauses == ["changing profile web"]


def test_a_create_that_broke_and_happened(client):
    client.trouble, client.after_trouble = [Interrupted("connection broke")], True
    outcome = converge(profile(client, config={"user.a": 1}))
    assert client.writes == ["POST /1.0/profiles"]
    assert (outcome.changed, outcome.actions) == (True, ["create profile web"])
    assert outcome.result["config"] == {"user.a": "1"}


def test_a_create_that_broke_and_did_not_happen(client):
    client.trouble = [Interrupted("connection broke")]
    assert converge(profile(client)).actions == ["create profile web"]
    assert client.writes == ["POST /1.0/profiles"] * 2


def test_a_delete_that_broke_and_happened(client):
    client.memory.put(URL)
    client.trouble, client.after_trouble = [Interrupted("connection broke")], True
    outcome = converge(profile(client, state="absent"))
    assert (outcome.changed, outcome.actions, client.writes) == (True, ["delete profile web"], [f"DELETE {URL}"])


def test_rename_and_change(client):
    client.memory.put(URL, config={"user.a": "1"})
    outcome = converge(profile(client, new_name="db", config={"user.a": "2"}))
    assert outcome.actions == ["rename profile web to db", "update profile db (config)"]
    assert client.writes == [f"POST {URL}", "PUT /1.0/profiles/db"]
    assert (outcome.before["name"], outcome.after["name"], outcome.result["name"]) == ("web", "db", "db")
    assert converge(profile(client, new_name="db", config={"user.a": "2"})).changed is False


def test_a_rename_that_broke_and_happened_is_still_told(client):
    client.memory.put(URL, config={"user.a": "1"})
    client.trouble, client.after_trouble = [Interrupted("connection broke")], True
    outcome = converge(profile(client, new_name="db", config={"user.a": "2"}))
    assert outcome.actions == ["rename profile web to db", "update profile db (config)"]


def test_a_change_that_breaks_off_after_another_was_done(client):
    client.memory.put(URL, config={"user.a": "1"})
    client.trouble = [None, Interrupted("connection broke")]
    assert converge(profile(client, new_name="db", config={"user.a": "2"})).actions == [
        "rename profile web to db",
        "update profile db (config)",
    ]
    assert client.writes == [f"POST {URL}", "PUT /1.0/profiles/db", "PUT /1.0/profiles/db"]


def test_a_rename_onto_something_that_exists(client):
    client.memory.put(URL)
    client.memory.put("/1.0/profiles/db")
    with pytest.raises(InvalidInput, match="profile 'web' cannot be renamed: 'db' exists too"):
        converge(profile(client, new_name="db"))


def test_races_without_end(client):
    client.memory.put(URL)
    client.trouble = [Interrupted("ETag doesn't match")] * 100
    with pytest.raises(
        LXDError,
        match=f"profile 'web' on lxd 6.1 at memory: gave up after {MAX_REPLANS} attempts; last: ETag doesn't match",
    ):
        converge(profile(client, config={"user.a": 1}))
    assert len(client.writes) == MAX_REPLANS


def test_the_deadline_ends_the_attempts(client):
    client.trouble = [Interrupted("the daemon went away")]

    def over(*_args):
        raise DeadlineExceeded("The timeout of 1 s is over while changing it.")

    client.deadline.pause = over
    resource = profile(client)
    resource.after_timeout = " Look at the log."
    with pytest.raises(DeadlineExceeded, match="it. The last attempt ended with: the daemon went away Look"):
        converge(resource)


def test_what_only_creation_can_set(client):
    client.memory.put("/1.0/storage-pools/p", driver="dir")
    with pytest.raises(InvalidInput, match=r"driver is 'dir' and 'btrfs' is wanted.*recreate: true") as caught:
        converge(StoragePool(client, params_of(StoragePool, name="p", driver="btrfs")))
    assert "storage_pool 'p' on lxd 6.1 at memory" in str(caught.value)
    assert client.writes == []
    outcome = converge(StoragePool(client, params_of(StoragePool, name="p", driver="btrfs", recreate=True)))
    assert outcome.actions == ["delete storage_pool p", "create storage_pool p"]
    assert client.memory.objects["/1.0/storage-pools/p"]["driver"] == "btrfs"


class Stepping(Resource):
    """A kind with two steps of its own, of which the first asks for a new plan."""

    kind, path, fields, scoped = "profile", "/1.0/profiles", (Text("description"), Map("config")), False
    plans = 0

    def extra_steps(self, found, after):
        self.plans += 1
        todo = [Step(Action.MOVE, words, lambda: None, reread=True, detail=words) for words in ("first", "second")]
        return [step for step in todo if step.key not in self.done]


def test_steps_after_a_reread_are_planned_anew_and_done_once(client):
    client.memory.put(URL)
    resource = Stepping(client, params_of(Stepping, name="web"))
    assert converge(resource).actions == ["first", "second"]
    assert resource.plans == 2


def test_a_value_that_the_server_does_not_keep_is_told_at_once(client):
    original = client.memory.handle

    def normalizing(method, path, body=None, etag=None):
        if body and "config" in body:
            body = {**body, "config": {**body["config"], "user.password": "hashed", "user.mode": "SLOW"}}
        return original(method, path, body, etag)

    client.memory.handle = normalizing
    outcome = converge(profile(client, config={"user.mode": "slow", "user.password": "hunter22"}))
    assert len(outcome.warnings) == 1
    assert "profile 'web': the server keeps config as" in outcome.warnings[0] and "SLOW" in outcome.warnings[0]
    assert "hunter22" not in outcome.warnings[0] and "hashed" not in outcome.warnings[0]
    assert converge(profile(client, config={"user.x": "1"})).warnings == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_change_that_another_writer_took_back_is_made_again(client, times):
    """Between a server's look at the ETag and its write another writer comes in: both get a success, and one is
    lost.
    """
    client.memory.put(URL, config={"user.a": "1"})
    original = client.memory.handle
    stale = []

    def late(method, path, body=None, etag=None):
        answer = original(method, path, body, etag)
        if method == "PUT" and len(stale) < times:
            stale.append(1)
            client.memory.objects[URL]["config"] = {"user.a": "1", "theirs": f"kept {len(stale)}"}
        return answer

    client.memory.handle = late
    outcome = converge(profile(client, config={"user.a": 2}))
    assert client.memory.objects[URL]["config"] == {"user.a": "2", "theirs": f"kept {times}"}
    assert (outcome.changed, outcome.actions, outcome.warnings) == (True, ["update profile web (config)"], [])
    assert client.writes == [f"PUT {URL}"] * (1 + times)


def test_an_error_carries_what_was_done_before_it(client):
    client.memory.put(URL, config={"user.a": "1"})
    client.trouble = [None, ServerError("x", 400, "No")]
    with pytest.raises(LXDError) as caught:
        converge(profile(client, new_name="db", config={"user.a": "2"}))
    assert [one.words for one in caught.value.done] == ["rename profile web to db"]
    with pytest.raises(InvalidInput) as caught:
        converge(profile(client, devices={"r": {"type": "disk", "pool": "nope"}}))
    assert caught.value.done == []


def test_an_error_carries_what_another_resource_did_in_a_step_and_the_warnings(client, monkeypatch):
    inner = LXDError("No")
    inner.done, inner.result = [Done("create", "lid", "l", "create lid l")], {"log": "x"}

    def fail():
        raise inner

    client.memory.put(URL)
    resource = Stepping(client, params_of(Stepping, name="web", description="d"))
    resource.warn("look out")
    monkeypatch.setattr(Stepping, "extra_steps", lambda self, found, after: [Step(Action.START, "start it", fail)])
    with pytest.raises(LXDError, match="^No$") as caught:
        converge(resource)
    assert [one.words for one in caught.value.done] == ["update profile web (description)", "create lid l"]
    assert caught.value.result == {"log": "x", "warnings": ["look out"]}


def test_a_broken_connection_says_whether_the_request_may_have_been_seen(client):
    client.trouble = [ConnectionFailed("no answer", sent=True)]
    with pytest.raises(ConnectionFailed, match="^Failed to create profile web: no answer$") as caught:
        converge(profile(client))
    assert caught.value.sent is True


def test_a_write_that_is_over_time_says_how_to_go_on(client):
    client.trouble = [DeadlineExceeded("The timeout is over.")]
    with pytest.raises(
        DeadlineExceeded,
        match="^Failed to create profile web: The timeout is over. What was done so far stays; run the task again to "
        "go on.$",
    ):
        converge(profile(client))


def test_the_last_of_many_attempts_counts(client):
    client.memory.put(URL)
    client.trouble = [Interrupted("ETag doesn't match")] * (MAX_REPLANS - 1)
    assert converge(profile(client, config={"user.a": 1})).actions == ["update profile web (config)"]
    assert (len(client.writes), len(client.pauses), MAX_REPLANS) == (30, 29, 30)


def test_attempts_are_counted_for_the_pauses(client, monkeypatch):
    attempts = []
    monkeypatch.setattr(client.deadline, "pause", lambda attempt, doing, longest=1.0: attempts.append(attempt))
    client.trouble = [Interrupted("the daemon went away")] * 3
    converge(profile(client))
    assert attempts == [0, 1, 2]


def test_what_is_taken_back_for_ever_is_told_and_not_fought_for(client):
    """Once written, once more, and then it is what the server makes of it."""
    client.memory.put(URL, config={})
    original = client.memory.handle

    def stubborn(method, path, body=None, etag=None):
        return original(method, path, {**body, "config": {}} if method == "PUT" else body, etag)

    client.memory.handle = stubborn
    outcome = converge(profile(client, config={"user.a": 1}))
    assert client.writes == [f"PUT {URL}"] * 2
    assert [
        warning.startswith("profile 'web': the server keeps config as None where {'user.a': '1'} was sent")
        for warning in outcome.warnings
    ] == [True]


def test_what_is_taken_back_is_written_again_though_that_breaks_off(client):
    client.memory.put(URL, config={"user.a": "1"})
    client.trouble = [None, Interrupted("connection broke"), None]
    original, stale = client.memory.handle, []

    def late(method, path, body=None, etag=None):
        answer = original(method, path, body, etag)
        if method == "PUT" and not stale:
            stale.append(client.memory.objects[URL].update(config={"user.a": "1"}))
        return answer

    client.memory.handle = late
    outcome = converge(profile(client, config={"user.a": 2}))
    assert (client.memory.objects[URL]["config"], outcome.actions, outcome.warnings) == (
        {"user.a": "2"},
        ["update profile web (config)"],
        [],
    )
    assert client.writes == [f"PUT {URL}"] * 3 and client.pauses == ["changing profile web"]


def test_what_is_deleted_meanwhile_is_not_made_again_after_the_change(client):
    """The task found it, changed it, and somebody removed it: that is theirs to decide."""
    client.memory.put(URL, config={"user.a": "1"})
    original = client.memory.handle

    def gone(method, path, body=None, etag=None):
        answer = original(method, path, body, etag)
        if method == "PUT":
            del client.memory.objects[URL]
        return answer

    client.memory.handle = gone
    outcome = converge(profile(client, config={"user.a": 2}))
    assert (outcome.changed, outcome.result, outcome.warnings, client.writes) == (True, None, [], [f"PUT {URL}"])


class Powered(Stepping):
    """A kind whose object is not as wanted for another reason than a field: a step that is no update is not done again
    after the change.
    """

    def extra_steps(self, found, after):
        return [Step(Action.START, "start thing", lambda: self.client.writes.append("start"))]


def test_only_updates_are_done_again(client):
    client.memory.put(URL, config={"user.a": "1"})
    original = client.memory.handle

    def stubborn(method, path, body=None, etag=None):
        return original(method, path, {**body, "config": {}} if method == "PUT" else body, etag)

    client.memory.handle = stubborn
    outcome = converge(Powered(client, params_of(Powered, name="web", config={"user.a": 2})))
    assert client.writes == [f"PUT {URL}", "start"]
    assert len(outcome.warnings) == 1


def test_a_step_that_asks_for_a_new_plan_at_the_end_needs_none(client):
    client.memory.put(URL)
    reads, original = [], client.find
    client.find = lambda path, **query: reads.append(path) or original(path, **query)
    converge(profile(client, new_name="db"))
    assert reads == [URL, "/1.0/profiles/db", "/1.0/profiles/db"]


@pytest.mark.parametrize("rules", [None, Rules(frozenset(("blossom",)))])
def test_a_warning_of_what_the_server_does_not_keep_shows_no_secret(client, rules):
    client.memory.put(URL, config={})
    client.hidden, original = rules, client.memory.handle

    def stubborn(method, path, body=None, etag=None):
        return original(method, path, {**body, "config": {}} if method == "PUT" else body, etag)

    client.memory.handle = stubborn
    [words] = converge(profile(client, config={"user.a": "blossom"})).warnings
    assert ("blossom" in words) is (rules is None)


class Titled(Stepping):
    """What is wanted of it depends on what is there."""

    def extra_steps(self, found, after):
        return []

    def resolve(self, found):
        return {**self.wanted, "description": "known" if found else "new"}


def test_what_is_wanted_is_resolved_again_for_what_was_made(client):
    outcome = converge(Titled(client, params_of(Titled, name="web")))
    assert (outcome.result["description"], outcome.warnings) == ("known", [])
    assert converge(Titled(client, params_of(Titled, name="web"))).changed is False
