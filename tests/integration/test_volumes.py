# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes with data in them: shared, grown, restored, moved and copied, and the data is looked at from inside."""

from __future__ import annotations

import hashlib
import pathlib
import random
from typing import Any

import pytest
from integration.modules import ModuleFailed

VOLUME = {"pool": "default", "name": "data"}
SNAPSHOT = {"pool": "default", "volume": "data", "name": "s1"}
DISK = {"type": "disk", "pool": "default", "source": "data", "path": "/data"}
BOTH = ("one", "two")


def inside(api, name: str, command: str) -> str:  # type: ignore[no-untyped-def]
    return str(api.daemon.cli("exec", name, "--", "sh", "-c", command)).strip()


def power(api, state: str) -> None:  # type: ignore[no-untyped-def]
    for name in BOTH:
        api.run("instance", name=name, state=state, force=True)


def _file(api, pool: str, volume: str) -> pathlib.Path:  # type: ignore[no-untyped-def]
    """A file in a volume, past the daemon, in whose mount namespace the pool is."""
    root = pathlib.Path(f"/proc/{api.daemon.keeper.pid}/root{api.daemon.folder}")
    return root / "storage-pools" / pool / "custom" / f"default_{volume}" / "file"


@pytest.fixture
def shared(api):  # type: ignore[no-untyped-def]
    """A volume in two containers that run, with a file of random bytes."""
    api.run("storage_volume", **VOLUME, config={"size": "32MiB"})
    for name in BOTH:
        api.run("instance", name=name, image="busybox", devices={"data": DISK})
    inside(api, "one", "head -c 1000000 /dev/urandom > /data/file && sync")
    return api


def checksum(api, name: str) -> str:  # type: ignore[no-untyped-def]
    return inside(api, name, "sha256sum < /data/file")


def test_two_instances_share_it_and_it_grows(shared) -> None:
    assert len(checksum(shared, "one")) > 60 and checksum(shared, "one") == checksum(shared, "two")
    fill = "head -c 48000000 /dev/urandom > /data/more && sync && echo filled; rm -f /data/more"
    assert inside(shared, "two", fill) != "filled", "the size limits nothing, so this proves nothing"
    done = shared.converges("storage_volume", **VOLUME, config={"size": "96MiB"})
    assert done["actions"] == ["update storage_volume data (config)"]
    assert inside(shared, "two", fill) == "filled"
    message = shared.fails("storage_volume", **VOLUME, state="absent")
    assert "instances one, two" in message, message


def test_restored_data_is_really_back(shared) -> None:
    before = checksum(shared, "one")
    shared.converges("storage_volume_snapshot", **SNAPSHOT, description="good")
    inside(shared, "two", "echo broken > /data/file && sync")
    assert checksum(shared, "one") != before
    message = shared.fails("storage_volume_snapshot", **SNAPSHOT, state="restored")
    assert "cannot be restored while it is" in message and "one" in message and "two" in message, message
    power(shared, "stopped")
    shared.run("storage_volume", **VOLUME, description="later")
    predicted = shared.run("storage_volume_snapshot", check=True, **SNAPSHOT, state="restored")
    done = shared.run("storage_volume_snapshot", **SNAPSHOT, state="restored")
    assert predicted["actions"] == done["actions"] == ["restore volume data from snapshot s1"]
    seen = shared.query("/1.0/storage-pools/default/volumes/custom/data")
    assert (seen["description"], seen["config"]["size"]) == ("later", "32MiB"), "more than the data was restored"
    power(shared, "started")
    assert checksum(shared, "one") == checksum(shared, "two") == before
    message = shared.fails("storage_volume_snapshot", **{**SNAPSHOT, "name": "s2"}, state="restored")
    assert "has no snapshot 's2' to restore. Known: s1" in message, message


def test_a_volume_with_snapshots_is_not_deleted_by_accident(api) -> None:
    api.run("storage_volume", **VOLUME)
    api.run("storage_volume_snapshot", **SNAPSHOT)
    message = api.fails("storage_volume", **VOLUME, state="absent")
    assert "has snapshots (s1)" in message and "force: true" in message, message
    api.converges("storage_volume", **VOLUME, state="absent", force=True)


def test_its_data_moves_to_other_pools_and_projects(api) -> None:
    """With a user on LXD, which is changed with it; Incus 6.0 takes half a minute to change one."""
    api.run("storage_volume", **VOLUME)
    file = _file(api, "default", "data")
    file.write_bytes(random.randbytes(1000000))
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    api.run("storage_volume_snapshot", **SNAPSHOT)
    api.run("storage_pool", name="plain", driver="dir")
    if api.kind == "lxd":
        api.run("instance", name="user", source={"type": "none"}, state="stopped", devices={"data": DISK})
    done = api.converges("storage_volume", **VOLUME, new_pool="plain", new_name="moved", description="there")
    assert done["actions"] == [
        "move storage_volume data from pool default to pool plain",
        "rename storage_volume data to moved",
        "update storage_volume moved (description)",
    ]
    assert api.query("/1.0/storage-pools/default/volumes/custom") == []
    assert len(api.query("/1.0/storage-pools/plain/volumes/custom/moved/snapshots")) == 1
    assert hashlib.sha256(_file(api, "plain", "moved").read_bytes()).hexdigest() == before
    moved = {**DISK, "pool": "plain", "source": "moved"}
    if api.kind == "lxd":
        assert api.query("/1.0/instances/user")["devices"] == {"data": moved}
        api.run("instance", name="user", state="absent")
    api.run("project", name="away", config={"features.images": False, "features.profiles": False})
    done = api.converges("storage_volume", pool="plain", name="moved", new_project="away")
    assert done["actions"] == ["move storage_volume moved from project default to project away"]
    api.run("instance", name="one", project="away", image="busybox", devices={"data": moved})
    assert api.daemon.cli("exec", "--project", "away", "one", "--", "sha256sum", "/data/file").split()[0] == before
    api.run("instance", name="one", project="away", state="absent", force=True)


def test_a_copy_has_the_data_and_no_owner(shared) -> None:
    before = checksum(shared, "one")
    shared.run("storage_volume", **VOLUME, description="the original")
    shared.run("storage_volume_snapshot", **SNAPSHOT)
    source = {"type": "copy", "name": "data"}
    done = shared.converges("storage_volume", pool="default", name="copy", source=source, config={"user.a": 1})
    config = {key: value for key, value in done["storage_volume"]["config"].items() if not key.startswith("volatile.")}
    assert (config, done["storage_volume"]["description"]) == ({"size": "32MiB", "user.a": "1"}, "the original")
    assert len(shared.query("/1.0/storage-pools/default/volumes/custom/copy/snapshots")) == 1
    shared.converges("storage_volume", pool="default", name="alone", source={**source, "volume_only": True})
    assert shared.query("/1.0/storage-pools/default/volumes/custom/alone/snapshots") == []
    power(shared, "stopped")
    shared.run("instance", name="one", devices={"data": {"source": "copy"}})
    assert checksum(shared, "one") == before


def test_an_iso_image(api, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cd.iso"
    path.write_bytes(b"\0" * 4096)
    task = {"pool": "default", "name": "cd", "source": {"type": "iso", "file": str(path)}}
    if not api.has("custom_volume_iso"):
        assert "needs the extension 'custom_volume_iso'" in api.fails("storage_volume", **task)
        return
    assert "take no config" in api.fails("storage_volume", **task, config={"user.a": 1})
    done = api.converges("storage_volume", **task, description="of the installer")
    assert (done["storage_volume"]["content_type"], done["storage_volume"]["description"]) == (
        "iso",
        "of the installer",
    )
    api.converges("storage_volume", pool="default", name="cd", description="")
    definition = {"storage_volumes": [task]}
    assert api.run("stack", name="iso", definition=definition)["changed"] is False
    api.converges("storage_volume", pool="default", name="cd", state="absent")
    assert api.run("stack", name="iso", definition=definition)["changed"] is True
    assert api.run("stack", name="iso", definition=definition)["changed"] is False


def test_a_volume_of_blocks_only_grows(api) -> None:
    task = {**VOLUME, "content_type": "block"}
    api.converges("storage_volume", **task, config={"size": "32MiB"})
    message = api.fails("storage_volume", **task, config={"size": "16MiB"})
    assert "cannot be shrunk" in message and "32MiB" in message, message
    api.converges("storage_volume", **task, config={"size": "64MiB"})


def _document() -> dict[str, Any]:
    return {
        "storage_pools": [{"name": "stacked", "driver": "dir"}],
        "storage_volumes": [
            {"name": "first", "pool": "stacked", "type": "custom", "config": {"size": "32MiB"}},
            {"name": "second", "pool": "stacked", "source": {"type": "copy", "name": "first"}},
        ],
        "storage_volume_snapshots": [{"pool": "stacked", "volume": "first", "name": "s1"}],
        "instances": [
            {
                "name": "user",
                "source": {"type": "none"},
                "state": "stopped",
                "devices": {"data": {**DISK, "pool": "stacked", "source": "first"}},
            }
        ],
    }


def test_a_stack_with_volumes_comes_and_goes(api) -> None:
    definition = _document()
    planned = api.run("stack", check=True, name="vols", definition=definition)
    done = api.run("stack", name="vols", definition=definition)
    assert done["summary"] == planned["summary"] and done["summary"].startswith("5 to create")
    assert api.run("stack", name="vols", definition=definition)["changed"] is False
    mark = "user.cloudhost.bearer"
    volumes = api.run("resource_info", kind="storage_volume", parent="stacked")["resources"]
    assert {one["name"]: one["config"].get(mark) for one in volumes} == {
        name: f"storage_volume/default/stacked/{name}" for name in ("first", "second")
    }
    less = {**definition, "storage_volumes": definition["storage_volumes"][:1]}
    pruned = api.run("stack", name="vols", definition=less, prune=True)
    assert pruned["actions"] == ["delete storage_volume second"]
    with pytest.raises(ModuleFailed, match="has snapshots"):
        api.run("stack", name="vols", state="absent", definition=less)
    gone = api.run("stack", name="vols", state="absent", definition=less, force=True)
    assert gone["summary"].startswith("0 to create, 0 to update, 0 to replace, 3 to delete")
