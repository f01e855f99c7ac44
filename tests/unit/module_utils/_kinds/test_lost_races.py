# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another client writes between our reading and our writing: both changes survive, in every way a kind writes."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image_alias import ImageAlias
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_snapshot import InstanceSnapshot
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.project import Project
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.server import Server
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

#: As they are but for the other tests.
SHORTEST, LONGEST = 0.05, 3.0
INSTANCE, MEMBER = "/1.0/instances/web", "/1.0/cluster/members/node1"
SNAPSHOT, OLD, NEW = INSTANCE + "/snapshots/s0", "a" * 64, "b" * 64
ALIAS = "/1.0/images/aliases/debian"


class Contested(MemoryClient):
    """A client whose first PUT or PATCH of `path` comes just after `theirs`, a change by somebody else."""

    path, theirs = "", None

    def write(self, method, path, body=None, etag=None, **query):
        if self.theirs and path == self.path and method in ("PUT", "PATCH"):
            self.memory.objects[path], self.theirs = self.theirs(self.memory.objects[path]), None
        return super().write(method, path, body, etag, **query)


@pytest.fixture
def client(monkeypatch):
    client = Contested(Memory())
    monkeypatch.setattr(client.deadline, "pause", lambda attempt, doing, longest=1.0: None)
    client.memory.objects["/1.0"]["api_extensions"] += [
        "clustering",
        "clustering_description",
        "clustering_config",
        "clustering_groups",
        "image_profiles",
    ]
    client.memory.put(INSTANCE, expanded_devices={}, expanded_config={}, architecture="x86_64")
    client.memory.objects[SNAPSHOT] = {"name": "s0", "expires_at": "0001-01-01T00:00:00Z", "stateful": False}
    client.memory.objects[MEMBER] = {
        "server_name": "node1",
        "status": "Online",
        "roles": [],
        "groups": [],
        "config": {},
        "description": "",
        "failure_domain": "",
    }
    client.memory.objects[ALIAS] = {"name": "debian", "target": OLD, "description": ""}
    for fingerprint in (OLD, NEW):
        client.memory.objects[f"/1.0/images/{fingerprint}"] = {
            "fingerprint": fingerprint,
            "properties": {},
            "public": False,
            "auto_update": False,
            "profiles": [],
        }
    for path in ("/1.0/profiles/web", "/1.0/projects/web", "/1.0/networks/web", "/1.0/storage-pools/web"):
        client.memory.put(path, **({"driver": "dir"} if "pools" in path else {}))
    return client


@pytest.mark.parametrize(
    ("kind", "options", "path"),
    [
        (Profile, {"name": "web", "config": {"user.a": 1}}, "/1.0/profiles/web"),
        (Project, {"name": "web", "config": {"user.a": 1}}, "/1.0/projects/web"),
        (Network, {"name": "web", "config": {"user.a": 1}}, "/1.0/networks/web"),
        (StoragePool, {"name": "web", "config": {"user.a": 1}}, "/1.0/storage-pools/web"),
        (Instance, {"name": "web", "config": {"user.a": 1}, "state": "present"}, INSTANCE),
        (ClusterMember, {"name": "node1", "config": {"user.a": 1}}, MEMBER),
        (Server, {"config": {"user.a": 1}}, "/1.0"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_key_that_somebody_else_writes_meanwhile(client, kind, options, path):
    client.path, client.theirs = path, lambda found: {**found, "config": {**found["config"], "user.b": "theirs"}}
    outcome = converge(kind(client, params_of(kind, **options)))
    assert client.memory.objects[path]["config"].items() >= {"user.a": "1", "user.b": "theirs"}.items()
    assert len(client.writes) == 2 and outcome.actions == [outcome.actions[0]] and outcome.warnings == []


def test_what_is_made_anew_after_its_deletion_is_theirs(client):
    path, original = "/1.0/profiles/web", client.memory.handle

    def anew(method, path, body=None, etag=None):
        answer = original(method, path, body, etag)
        if method == "DELETE":
            client.memory.put(path)
        return answer

    client.memory.handle = anew
    outcome = converge(Profile(client, params_of(Profile, name="web", state="absent", config={"a": 1})))
    assert (outcome.actions, outcome.warnings, client.writes) == (["delete profile web"], [], [f"DELETE {path}"])


def test_a_property_of_an_image_that_somebody_else_writes_meanwhile(client):
    path = f"/1.0/images/{OLD}"
    client.path, client.theirs = path, lambda found: {**found, "properties": {"b": "theirs"}}
    converge(Image(client, params_of(Image, name="debian", properties={"a": 1})))
    assert client.memory.objects[path]["properties"] == {"a": "1", "b": "theirs"}


def test_a_description_of_an_alias_that_somebody_else_writes_meanwhile(client):
    client.path, client.theirs = ALIAS, lambda found: {**found, "description": "theirs"}
    converge(ImageAlias(client, params_of(ImageAlias, name="debian", fingerprint=NEW)))
    assert client.memory.objects[ALIAS] == {"name": "debian", "description": "theirs", "target": NEW}


def test_an_alias_that_somebody_else_describes_while_a_file_is_imported(client, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image.fingerprint", lambda paths: NEW
    )
    (tmp_path / "image").write_bytes(b"image")
    client.path, client.theirs = ALIAS, lambda found: {**found, "description": "theirs"}
    outcome = converge(Image(client, params_of(Image, name="debian", file=str(tmp_path / "image"))))
    assert client.memory.objects[ALIAS] == {"name": "debian", "description": "theirs", "target": NEW}
    assert outcome.actions == ["import another image for alias debian (the old image aaaaaaaaaaaa stays)"]


def test_the_end_of_a_snapshot_that_somebody_else_writes_meanwhile(client):
    """A PUT of a snapshot names its end and nothing else, so what is lost without the ETag is the refusal: their change
    is seen before ours is made.
    """
    client.path, client.theirs = SNAPSHOT, lambda found: {**found, "expires_at": "2030-01-01T00:00:00Z"}
    converge(
        InstanceSnapshot(
            client, params_of(InstanceSnapshot, name="s0", instance="web", expires_at="2031-01-01T00:00:00Z")
        )
    )
    assert client.memory.objects[SNAPSHOT]["expires_at"] == "2031-01-01T00:00:00Z"
    assert client.writes == [f"PUT {SNAPSHOT}"] * 2


# -- restoring, where the servers bring back the description of the snapshot ------------------------------------------


class Restoring(Contested):
    """Brings the description of the snapshot with each restore; of the `breaking` ones the answer is lost."""

    breaking = 0

    def write(self, method, path, body=None, etag=None, **query):
        if path == INSTANCE and "restore" in body:
            self.writes.append(f"restore {body['restore']}")
            self.memory.objects[path]["description"] = "of the snapshot"
            self.breaking -= 1
            if self.breaking >= 0:
                raise Interrupted("connection broke")
            return None
        return super().write(method, path, body, etag, **query)


@pytest.fixture
def restoring(client):
    client.__class__ = Restoring
    client.memory.objects[INSTANCE]["description"] = "mine"
    return client


def restored(client):
    return InstanceSnapshot(client, params_of(InstanceSnapshot, name="s0", instance="web", state="restored"))


def test_a_restore_keeps_the_description(restoring):
    outcome = converge(restored(restoring))
    assert (outcome.actions, outcome.changed) == (["restore instance web from snapshot s0"], True)
    assert restoring.memory.objects[INSTANCE]["description"] == "mine"
    assert restoring.writes == ["restore s0", f"PUT {INSTANCE}"]


def test_a_restore_whose_answer_is_lost_keeps_the_description(restoring):
    restoring.breaking = 1
    assert converge(restored(restoring)).actions == ["restore instance web from snapshot s0"]
    assert restoring.memory.objects[INSTANCE]["description"] == "mine"


def test_a_key_that_somebody_else_writes_after_a_restore(restoring):
    restoring.path, restoring.theirs = INSTANCE, lambda found: {**found, "config": {"user.b": "theirs"}}
    converge(restored(restoring))
    assert restoring.memory.objects[INSTANCE]["config"] == {"user.b": "theirs"}
    assert restoring.memory.objects[INSTANCE]["description"] == "mine"
    assert restoring.writes == ["restore s0", f"PUT {INSTANCE}", f"PUT {INSTANCE}"], "restored once"


def test_a_description_that_somebody_else_writes_after_a_restore_is_theirs(restoring):
    restoring.path, restoring.theirs = INSTANCE, lambda found: {**found, "description": "theirs"}
    converge(restored(restoring))
    assert restoring.memory.objects[INSTANCE]["description"] == "theirs"
    assert restoring.writes.count("restore s0") == 1


# -- a write that the server let in together with ours ----------------------------------------------------------------


@pytest.mark.parametrize(("took", "pause"), [(0.001, 0.05), (0.1, 0.4), (0.5, 2.0), (0.75, 3.0), (9.0, 3.0)])
def test_after_an_update_others_are_given_the_time_to_end(client, clock, monkeypatch, took, pause):
    monkeypatch.setattr(_converge, "SHORTEST_LOOK", SHORTEST)
    monkeypatch.setattr(_converge, "LONGEST_LOOK", LONGEST)
    original = client.memory.handle

    def slow(method, path, body=None, etag=None):
        clock.passed += took if method == "PUT" else 0
        return original(method, path, body, etag)

    client.memory.handle = slow
    converge(Profile(client, params_of(Profile, name="web", config={"user.a": 1})))
    assert clock.pauses == [pytest.approx(pause)]


def test_only_an_update_is_looked_after(client, clock):
    converge(Profile(client, params_of(Profile, name="new")))
    converge(Profile(client, params_of(Profile, name="new", new_name="newer")))
    converge(Profile(client, params_of(Profile, name="newer", state="absent")))
    assert clock.pauses == []
    assert client.writes == ["POST /1.0/profiles", "POST /1.0/profiles/new", "DELETE /1.0/profiles/newer"]


def test_what_broke_off_is_not_looked_after(client, clock):
    client.trouble = [Interrupted("connection broke")]
    converge(Profile(client, params_of(Profile, name="web", config={"user.a": 1})))
    assert len(clock.pauses) == 1  # of the second, which was done
