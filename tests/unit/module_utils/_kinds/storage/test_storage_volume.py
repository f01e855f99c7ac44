# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for volumes, snapshots and keys of buckets, and what a document has of them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import BEARER, MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_bucket import StorageBucket
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_bucket_key import StorageBucketKey
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume import SOURCE, StorageVolume
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume_snapshot import (
    StorageVolumeSnapshot,
)
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient, params_of

POOLS, VOLUMES = "/1.0/storage-pools", "/1.0/storage-pools/fast/volumes/custom"
DATA = f"{VOLUMES}/data"
SNAPSHOTS = f"{DATA}/snapshots"


class Recording(MemoryClient):
    def __init__(self, memory):
        super().__init__(memory)
        self.sent = []

    def write(self, method, path, body=None, etag=None, **query):
        self.sent.append((method, path, body))
        if path == SNAPSHOTS:  # most servers give it the description of the volume, whatever is sent
            body = {key: value for key, value in body.items() if key != "description"}
        if path == f"{VOLUMES}/data" and (method == "POST" or "restore" in (body or {})):
            return None
        return super().write(method, path, body, etag, **query)


@pytest.fixture
def client(monkeypatch):
    for collection in (VOLUMES, SNAPSHOTS):
        monkeypatch.setitem(DEFAULTS, collection, {"description": "inherited", "config": {}})
    memory = Memory()
    for pool in ("fast", "slow"):
        memory.put(f"{POOLS}/{pool}", driver="dir")
    return Recording(memory)


def put(client, **obj):
    client.memory.put(DATA, **{"content_type": "filesystem", "used_by": [], "project": "default", **obj})


def volume(client, **options):
    return StorageVolume(client, params_of(StorageVolume, **{"pool": "fast", "name": "data", **options}))


def snapshot(client, **options):
    given = {"pool": "fast", "volume": "data", "name": "s1", **options}
    return StorageVolumeSnapshot(client, params_of(StorageVolumeSnapshot, **given))


def test_a_copy_takes_over_what_is_no_mark(client):
    put(client, description="old", config={"size": "1GiB", "volatile.uuid": "x", MARK: "shop", BEARER: "y"})
    source = {"type": "copy", "name": "data", "pool": None, "project": None, "volume_only": None, "file": None}
    converge(volume(client, name="copy", source=source, config={"user.a": 1}))
    (_method, path, body) = client.sent[0]
    assert (path, body["config"], body["description"]) == (VOLUMES, {"size": "1GiB", "user.a": "1"}, "old")
    assert body["source"] == {"type": "copy", "name": "data", "pool": "fast", "volume_only": False}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"new_pool": "slow"}, {"name": "data", "pool": "slow"}),
        ({"new_project": "lab"}, {"name": "data", "pool": "fast", "project": "lab"}),
        ({"new_pool": "slow", "new_project": "lab"}, {"name": "data", "pool": "slow", "project": "lab"}),
    ],
)
def test_a_move_names_the_project_only_where_it_changes(client, options, body):
    """Incus refuses a move to the project that the volume is in, and both refuse one without a pool."""
    put(client)
    client.memory.put("/1.0/projects/lab")
    found = volume(client).fetch("data")
    moving = volume(client, **options)
    (step,) = moving.plan(found).steps
    step.run()
    assert client.sent == [("POST", DATA, body)]


def test_a_volume_is_not_moved_while_an_instance_with_it_runs(client):
    put(client, used_by=["/1.0/instances/web", "/1.0/instances/idle", "/1.0/profiles/web"])
    client.memory.put("/1.0/instances/web", status="Running")
    client.memory.put("/1.0/instances/idle", status="Stopped")
    moving = volume(client, new_pool="slow")
    with pytest.raises(InvalidInput, match="used by instance web, and cannot be renamed or moved"):
        moving.plan(volume(client).fetch("data"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"new_pool": "none"}, "new_pool: there is no 'none'"),
        ({"pool": "none"}, "pool: there is no 'none'"),
        ({"pool": "none", "new_name": "other"}, "pool: there is no 'none'"),
        ({"new_project": "none"}, "new_project: there is no 'none'"),
        ({"target": "node1", "new_target": "node9"}, "new_target: there is no 'node9'"),
        ({"target": "node9"}, "target: there is no 'node9'"),
    ],
)
def test_a_new_volume_needs_the_place_that_it_would_be_made_in(client, monkeypatch, options, words):
    monkeypatch.setitem(DEFAULTS, "/1.0/cluster/members", {})
    client.clustered = True
    client.memory.put("/1.0/cluster/members/node1")
    with pytest.raises(InvalidInput, match=f"^{words} on lxd 6.1 at memory"):
        converge(volume(client, **options), check_mode=True)


def test_a_volume_with_snapshots_is_deleted_by_force_only(client):
    put(client)
    client.memory.put(f"{SNAPSHOTS}/s1")
    with pytest.raises(InvalidInput, match=r"has snapshots \(s1\).*force: true"):
        converge(volume(client, state="absent"))
    converge(volume(client, state="absent", force=True))
    assert client.sent == [("DELETE", DATA, None)]


def test_a_new_snapshot_is_described_afterwards(client):
    put(client)
    outcome = converge(snapshot(client, description="mine"))
    assert outcome.actions == ["create storage_volume_snapshot s1"]
    assert [method for method, _path, _body in client.sent] == ["POST", "PUT"]
    assert client.memory.objects[f"{SNAPSHOTS}/s1"]["description"] == "mine"
    client.sent.clear()
    converge(snapshot(client, name="s2"))
    assert [method for method, _path, _body in client.sent] == ["POST"]


def test_nothing_but_the_data_is_restored(client):
    put(client, description="kept")
    client.memory.put(f"{SNAPSHOTS}/s1")
    converge(snapshot(client, state="restored"))
    assert client.sent == [("PUT", DATA, {"restore": "s1"})]


def test_listings_of_volumes_have_snapshots_too(client):
    whole, part = {"name": "data"}, {"name": "data/s1"}
    assert [StorageVolume.of_listing(obj) for obj in (whole, part)] == [whole, None]
    assert StorageVolumeSnapshot.of_listing(part) == {"name": "s1"}


def test_the_secret_of_a_key_is_returned_and_not_exported(client):
    key = {"name": "reader", "role": "read-only", "access-key": "AAAAAAAA", "secret-key": "SSSSSSSS"}
    returned = {"name": "reader", "role": "read-only", "access_key": "AAAAAAAA", "secret_key": "SSSSSSSS"}
    assert StorageBucketKey.returned(key) == returned
    assert StorageBucketKey.export(key, client, {}) == {"name": "reader", "role": "read-only"}


def test_an_import_brings_all_but_the_mark(client, tmp_path):
    """As the servers do, what is in the file comes with it; the options of the task are written afterwards."""
    file, headers = tmp_path / "data.tar.gz", []
    file.write_bytes(b"x")
    write = client.write

    def importing(method, path, body=None, etag=None, stream=None, **query):
        if not stream:
            return write(method, path, body, etag, **query)
        headers.append(query["headers"])
        return put(client, description="old", config={"size": "1GiB", MARK: "shop", BEARER: "y"})

    client.write = importing
    source = {**dict.fromkeys(SOURCE), "type": "backup", "file": str(file)}
    done = converge(volume(client, source=source, description="new"))
    assert done.actions == [f"create storage_volume data from {file}"]
    assert headers == [
        {"X-LXD-name": "data", "Content-Type": "application/octet-stream", "Content-Length": "1"}
    ]  # no type: that of an ISO image is told
    found = client.memory.objects[DATA]
    assert (found["config"], found["description"]) == ({"size": "1GiB"}, "new")
    assert converge(volume(client, source=source, description="new")).changed is False
    with pytest.raises(InvalidInput, match="source.file: '/nowhere' is not a file .* it is the file of an export"):
        volume(client, source={**source, "file": "/nowhere"})


@pytest.mark.parametrize(("driver", "words"), [("ceph", "pools of the driver ceph have no buckets"), ("dir", "")])
def test_pools_without_buckets(driver, words):
    """Their listing is an error, and stacks list all that is in a project."""
    assert StorageBucket.unfit({"driver": driver}) == words
