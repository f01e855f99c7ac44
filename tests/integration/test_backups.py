# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports and imports with data in them: what is deleted comes back, what breaks off leaves nothing that looks whole,
and the next run converges. The kinds are "instance_backup" and "storage_volume_backup".
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import random
import subprocess
import time
from typing import Any, Callable

import pytest
from integration.modules import ModuleFailed, warnings_of
from lab.forks import Task
from lab.proxy import Cut

VOLUME = {"pool": "default", "volume": "data"}
BACKUPS = "/1.0/storage-pools/default/volumes/custom/data/backups"
EXPORT = f"GET {BACKUPS}/[^/]*/export"


def _inside(api, pool: str, volume: str) -> pathlib.Path:  # type: ignore[no-untyped-def]
    """A file in a volume, past the daemon, in whose mount namespace the pool is."""
    root = pathlib.Path(f"/proc/{api.daemon.keeper.pid}/root{api.daemon.folder}")
    return root / "storage-pools" / pool / "custom" / f"default_{volume}" / "file"


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def volume(api):  # type: ignore[no-untyped-def]
    """A server with a volume in which there are bytes that do not compress."""
    api.run("storage_volume", pool="default", name="data", config={"user.a": 1}, description="d")
    _inside(api, "default", "data").write_bytes(random.randbytes(3000000))
    return api


def _whole(place: pathlib.Path, count: int = 1) -> None:
    """As `sha256sum` sees it, there are so many exports, and nothing else."""
    names = sorted(path.name for path in place.iterdir())
    records = [name for name in names if name.endswith(".sha256")]
    assert names == sorted([*records, *(name[: -len(".sha256")] for name in records)]) and len(records) == count, names
    subprocess.run(["sha256sum", "--check", "--strict", *records], cwd=place, check=True, stdout=subprocess.DEVNULL)
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}


# -- there and back ---------------------------------------------------------------------------------------------------


def test_an_instance_that_was_deleted_runs_with_its_data(api, tmp_path: pathlib.Path) -> None:
    def checksum() -> str:
        return str(api.daemon.cli("exec", "web", "--", "sha256sum", "/root/data")).split()[0]

    api.run("instance", name="web", image="busybox", config={"user.a": 1, "user.cloudhost.stack": "shop"})
    api.daemon.cli("exec", "web", "--", "sh", "-c", "head -c 3000000 /dev/urandom > /root/data && sync")
    before, task = checksum(), {"instance": "web", "file": str(tmp_path / "web.tar.gz")}
    done = api.converges("instance_backup", **task)
    assert done["actions"] == [f"export instance web to {task['file']}"]
    assert done["instance_backup"]["sha256"] == _sum((tmp_path / "web.tar.gz").read_bytes())
    assert api.query("/1.0/instances/web/backups") == []
    _whole(tmp_path)
    api.unchanged("instance_backup", **task, state="imported")
    api.run("instance", name="web", state="absent", force=True)
    api.unchanged("instance_backup", **task)  # a file that is there and whole needs no instance
    done = api.converges("instance_backup", **task, state="imported")
    assert done["actions"] == [f"import instance web from {task['file']}"]
    assert api.run("instance", name="web")["actions"] == ["start instance web"]
    assert checksum() == before
    config = api.query("/1.0/instances/web")["config"]
    assert (config["user.a"], "user.cloudhost.stack" in config) == ("1", False), "it is unmanaged, as a copy is"


def test_a_volume_that_was_deleted_comes_back_with_its_data(volume, tmp_path: pathlib.Path) -> None:
    before = _sum(_inside(volume, "default", "data").read_bytes())
    task = {**VOLUME, "file": str(tmp_path / "data-{time}.tar")}
    wanted = {**task, "compression_algorithm": "none", "max_age": "20h"}
    volume.converges("storage_volume_backup", **wanted)
    _whole(tmp_path)
    volume.run("storage_volume", pool="default", name="data", state="absent")
    volume.run("storage_pool", name="plain", driver="dir")
    there = {**task, "state": "imported", "pool": "plain", "volume": "back"}
    done = volume.converges("storage_volume_backup", **there)
    assert done["storage_volume_backup"]["file"] in done["actions"][0]
    assert _sum(_inside(volume, "plain", "back").read_bytes()) == before
    seen = volume.query("/1.0/storage-pools/plain/volumes/custom/back")
    assert (seen["description"], seen["config"]["user.a"]) == ("d", "1")
    volume.run("storage_volume", pool="plain", name="back", state="absent")  # with its option source it is the same
    source = {"type": "backup", "file": done["storage_volume_backup"]["file"]}
    volume.converges("storage_volume", pool="plain", name="back", source=source, config={"user.b": 2})
    assert _sum(_inside(volume, "plain", "back").read_bytes()) == before


def test_old_exports_go_once_the_new_one_is_whole(volume, tmp_path: pathlib.Path) -> None:
    task = {**VOLUME, "file": str(tmp_path / "data-{time}.tar.gz"), "max_age": "0s", "keep": 2}
    others = {"data-20200101T000000Z.tar.gz", "data-20200102T000000Z.tar.gz.part", "other-20200101T000000Z.tar.gz"}
    for name in others:
        (tmp_path / name).write_text("of somebody else")
    first, second, third = (volume.run("storage_volume_backup", **task) for _number in range(3))
    oldest = first["storage_volume_backup"]["file"]
    assert third["actions"] == [f"export storage_volume default/data to {task['file']}", f"remove {oldest}"]
    done = volume.converges("storage_volume_backup", **{**task, "max_age": "1h", "keep": 1})  # which needs no new one
    assert done["actions"] == [f"remove {second['storage_volume_backup']['file']}"]
    newest = os.path.basename(third["storage_volume_backup"]["file"])
    assert {path.name for path in tmp_path.iterdir()} == {*others, newest, f"{newest}.sha256"}


# -- what breaks off --------------------------------------------------------------------------------------------------


def test_killed_in_the_middle_it_leaves_nothing_that_looks_whole(volume, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "data.tar.gz"
    task = {**VOLUME, "file": str(file), "compression_algorithm": "none"}
    part = pathlib.Path(f"{file}.part")

    def kill() -> None:
        end = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 1000000):
            assert time.monotonic() < end, "nothing of it came"
            time.sleep(0.02)
        running.kill()

    volume.proxy.cut = Cut(EXPORT, kill, "half")
    running = Task("storage_volume_backup", {**task, "url": volume.proxy.url})
    assert running.communicate()[0] == "" and volume.proxy.cut is None, "it was not killed, so this proves nothing"
    assert [path.name for path in tmp_path.iterdir()] == ["data.tar.gz.part"]
    (left,) = volume.query(BACKUPS)
    message = volume.fails("storage_volume_backup", **{**task, "volume": "back"}, state="imported")
    assert f"'{file}' is not a file" in message, message
    done = volume.converges("storage_volume_backup", **task)
    name = left.rpartition("/")[2]
    assert done["actions"][0] == f"delete backup {name} of storage_volume default/data, which an interrupted run left"
    _whole(tmp_path)
    assert volume.query(BACKUPS) == []


@pytest.mark.parametrize(
    ("request_", "when"),
    [(EXPORT, "mid"), (f"POST {BACKUPS}", "before"), (f"POST {BACKUPS}", "after"), (f"DELETE {BACKUPS}", "after")],
)
def test_a_connection_that_is_cut(volume, tmp_path: pathlib.Path, request_: str, when: str) -> None:
    task = {**VOLUME, "file": str(tmp_path / "data.tar.gz"), "compression_algorithm": "none"}
    volume.proxy.cut = Cut(request_, when)
    done = volume.run("storage_volume_backup", **task)
    assert volume.proxy.cut is None, "the fault did not happen, so this proves nothing"
    assert [step["action"] for step in done["steps"]].count("export") == 1 and warnings_of(done) == []
    _whole(tmp_path)
    _awaits(lambda: volume.query(BACKUPS) == [])
    volume.unchanged("storage_volume_backup", **task)


def _awaits(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_somebody_deletes_the_backup_meanwhile(volume, tmp_path: pathlib.Path) -> None:
    def delete() -> None:
        for path in volume.query(BACKUPS):
            volume.query(path, "DELETE")

    volume.proxy.cut = Cut(EXPORT, delete, "came")
    done = volume.run("storage_volume_backup", **VOLUME, file=str(tmp_path / "data.tar.gz"))
    assert volume.proxy.cut is None, "the fault did not happen, so this proves nothing"
    assert len(done["actions"]) == 1 and volume.proxy.writes.count(f"POST {BACKUPS}") == 2
    _whole(tmp_path)
    assert volume.query(BACKUPS) == []


def test_a_file_that_was_damaged(volume, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "data.tar.gz"
    task: dict[str, Any] = {**VOLUME, "file": str(file)}
    volume.run("storage_volume_backup", **task)
    with file.open("r+b") as stream:
        stream.seek(1000000)
        stream.write(b"damaged")
    message = volume.fails("storage_volume_backup", **{**task, "volume": "back"}, state="imported")
    assert f"'{file}' has another checksum than its record says, so it is not whole" in message, message
    volume.unchanged("storage_volume_backup", **task, verify="size")
    done = volume.converges("storage_volume_backup", **task)
    assert "has another checksum than its record says" in done["diff"]["before"]
    _whole(tmp_path)


def test_a_full_disk(volume, tmp_path: pathlib.Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "cloudhost", str(place)], check=True)
    try:
        with pytest.raises(ModuleFailed, match=f"'{place}' has 1048576 bytes free, and the export needs 3.*Free space"):
            volume.run("storage_volume_backup", **VOLUME, file=str(place / "data.tar.gz"))
        assert list(place.iterdir()) == [] and volume.query(BACKUPS) == []
    finally:
        subprocess.run(["umount", str(place)], check=True)


# -- on the server ----------------------------------------------------------------------------------------------------


def test_a_backup_that_the_server_keeps(volume) -> None:
    task = {**VOLUME, "name": "b1"}
    done = volume.converges("storage_volume_backup", **task, state="present", expires_at="2031-01-01T00:00:00Z")
    assert done["storage_volume_backup"] == volume.query(f"{BACKUPS}/b1")
    (found,) = volume.run("resource_info", kind="storage_volume_backup", parent="default/data")["resources"]
    assert found["name"] == "b1"
    done = volume.converges("storage_volume_backup", **task, state="present", new_name="b2")
    assert done["actions"] == ["rename storage_volume_backup b1 to b2"]
    volume.converges("storage_volume_backup", **VOLUME, name="b2", state="absent")
    message = volume.fails("storage_volume_backup", **{**VOLUME, "volume": "dat"}, name="b1", state="present")
    assert "volume: there is no 'dat'" in message and "Did you mean 'data'?" in message, message
