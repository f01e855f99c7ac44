# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Incus takes from LXD, and LXD from Incus, and what is refused because it fails, or ends the daemon."""

from __future__ import annotations

import pathlib
import random
from typing import Any, Iterator

import pytest
from integration.examples import examples
from integration.test_between_servers import Pair, fingerprint, home, paired, pool_of
from lab import tiny


@pytest.fixture(scope="module")
def pair(lab: pathlib.Path) -> Iterator[Pair]:
    """LXD, which has it, and Incus."""
    with paired(["lxd", "incus"], lab / "between-products") as pair:
        yield pair


@pytest.fixture
def web(pair: Pair) -> Iterator[Pair]:
    """An instance with a snapshot and with keys that only LXD has, and a volume with a snapshot."""
    config = {"security.devlxd": "false", "limits.network.priority": "5"}
    pair.old.run("instance", name="web1", image="busybox", state="stopped", config={"user.a": "b"}, description="Web")
    home(pair.old, "web1").write_text("one")
    pair.old.run("instance_snapshot", instance="web1", name="s1")
    pair.old.run("instance", name="web1", state="stopped", config=config)
    pair.old.run("storage_volume", pool="default", name="data", config={"size": "32MiB", "user.a": "b"})
    (pool_of(pair.old) / "custom" / "default_data" / "file").write_bytes(random.randbytes(300000))
    pair.old.run("storage_volume_snapshot", pool="default", volume="data", name="s1")
    yield pair
    for node in (pair.old, pair.new):
        node.run("instance", name="web1", state="absent", force=True)
        node.run("storage_volume", pool="default", name="data", state="absent", force=True)


def data(pair: Pair) -> bytes:
    return (pool_of(pair.new) / "custom" / "default_data" / "file").read_bytes()


def copy(pair: Pair, **more: Any) -> dict[str, Any]:
    return {"type": "copy", "server": pair.there, **more}


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_an_instance_comes_with_its_snapshots_and_is_kept_aside(web: Pair, mode: str) -> None:
    task = {"name": "web1", "state": "stopped", "source": copy(web, source="web1", mode=mode, refresh=True)}
    done = web.new.converges("instance", **task)
    assert "the copy is without it: config.limits.network.priority" in str(done["warnings"])
    made = web.new.query("/1.0/instances/web1")
    assert (made["config"]["user.a"], made["config"]["security.guestapi"], made["description"]) == ("b", "false", "Web")
    assert "limits.network.priority" not in made["config"]
    home(web.old, "web1").write_text("second")
    web.old.run("instance_snapshot", instance="web1", name="of-lxd")
    other = {**task, "name": "web2"}
    assert "keys that only lxd knows, and no server changes those of a snapshot: of-lxd" in web.new.refuses(
        "instance", **other
    )
    web.old.run("instance_snapshot", instance="web1", name="of-lxd", state="absent")
    web.old.run("instance", name="web1", state="started")
    move = {**task, "state": "started", "source": copy(web, source="web1", mode=mode, move=True, keep=True)}
    done = web.new.run("instance", **move, restart="if_required", force=True)
    assert done["actions"][-1] == f"keep instance web1 of {web.there['url']} as it is"
    assert home(web.new, "web1").read_text() == "second"
    assert web.new.query("/1.0/instances/web1/snapshots") == ["/1.0/instances/web1/snapshots/s1"]
    kept = web.old.query("/1.0/instances/web1")
    assert (kept["status"], kept["config"]["boot.autostart"]) == ("Stopped", "false")
    moved = web.new.query("/1.0/instances/web1")
    assert moved["config"]["volatile.uuid"] == kept["config"]["volatile.uuid"]
    web.old.run("instance", name="web1", state="started")  # whatever becomes of it, the copy is the instance now
    home(web.new, "web1").write_text("third")
    assert web.new.run("instance", **move, restart="if_required")["changed"] is False
    assert home(web.new, "web1").read_text() == "third"


def test_a_volume_is_relayed(web: Pair) -> None:
    file = pool_of(web.old) / "custom" / "default_data" / "file"
    task = {"pool": "default", "name": "data", "source": copy(web, name="data", mode="relay", refresh=True)}
    done = web.new.converges("storage_volume", **task)
    assert done["storage_volume"]["config"]["user.a"] == "b"
    assert data(web) == file.read_bytes()
    file.write_bytes(random.randbytes(300000))
    web.old.run("storage_volume_snapshot", pool="default", volume="data", name="s2")
    web.new.converges("storage_volume", **task)
    assert data(web) == file.read_bytes()
    move = {**task, "source": copy(web, name="data", mode="relay", move=True, keep=True)}
    done = web.new.converges("storage_volume", **move)
    assert done["actions"] == [f"keep storage_volume data of {web.there['url']} as it is"]
    assert len(web.new.query("/1.0/storage-pools/default/volumes/custom/data/snapshots")) == 2
    assert web.old.query("/1.0/storage-pools/default/volumes/custom/data/backups") == []


def test_what_would_end_the_daemon_is_refused(web: Pair) -> None:
    volume = {"pool": "default", "name": "data"}
    for mode in ("pull", "push"):
        words = web.new.refuses("storage_volume", **volume, source=copy(web, name="data", mode=mode))
        assert f"a storage_volume is copied with mode: relay, and not with {mode}" in words
    words = web.new.refuses("image", name="busybox", source={"server": web.there, "alias": "busybox", "mode": "push"})
    assert "with mode: pull, and not with push" in words
    done = web.new.converges("image", name="busybox", source={"server": web.there, "alias": "busybox", "move": False})
    assert done["image"]["fingerprint"] == web.old.query("/1.0/images/aliases/busybox")["target"]
    web.new.run("image", name="busybox", state="absent")


def test_what_has_no_data_is_created_once_and_never_taken_back(web: Pair) -> None:
    (given,) = [task["cloudhost.lxd.server_copy"] for task in examples("server_copy") if "register" in task]
    task = {**given, "source": {"server": web.there}}
    config = {"security.devlxd": "true", "limits.network.priority": "1"}
    web.old.run("profile", name="small", config=config)
    web.old.run("project", name="shop")
    predicted = web.new.run("server_copy", check=True, **task)
    done = web.new.run("server_copy", **task)
    assert done["actions"] == predicted["actions"] == ["create project shop", "create profile small"]
    assert web.new.query("/1.0/profiles/small")["config"] == {"security.guestapi": "true"}
    (left,) = [one for one in done["server_copy"]["left_out"] if one["name"] == "small"]
    assert left["reason"] == "incus does not know config.limits.network.priority"
    groups = {group["name"]: group["moved"] for group in done["server_copy"]["groups"]}
    assert groups == {"instance web1": False, "storage_volume default/data": False}
    web.new.run("profile", name="small", config={"security.guestapi": "false"})
    again = web.new.run("server_copy", **task)
    assert (again["changed"], again["actions"]) == (False, [])
    for kind, name in (("profile", "small"), ("project", "shop")):
        for node in (web.old, web.new):
            node.run(kind, name=name, state="absent")
    assert "there is no 'fast' on" in web.new.refuses("server_copy", **task, pools={"default": "fast"})


def test_images_and_volumes_go_back_and_instances_do_not(pair: Pair) -> None:
    incus = {**pair.there, "url": f"https://{pair.new.address}", "server_fingerprint": fingerprint(pair.new)}
    volume: dict[str, Any] = {"pool": "default", "name": "back"}
    pair.new.run("storage_volume", **volume, config={"size": "32MiB", "user.a": "b"})
    (pool_of(pair.new) / "custom" / "default_back" / "file").write_bytes(random.randbytes(300000))
    pair.new.run("storage_volume_snapshot", pool="default", volume="back", name="s1")
    pair.new.run("image", name="back", **tiny.files("debian"))
    try:
        source = {"type": "copy", "server": incus, "name": "back"}
        assert "with mode: relay, and not with pull" in pair.old.refuses("storage_volume", **volume, source=source)
        done = pair.old.converges("storage_volume", **volume, source={**source, "mode": "relay"})
        assert done["storage_volume"]["config"]["user.a"] == "b"
        files = [pool_of(node) / "custom" / "default_back" / "file" for node in (pair.old, pair.new)]
        assert files[0].read_bytes() == files[1].read_bytes()
        snapshots = "/1.0/storage-pools/default/volumes/custom/back/snapshots"
        assert pair.old.query(snapshots) == [f"{snapshots}/s1"]
        done = pair.old.converges("image", name="back", source={"server": incus, "alias": "back"})
        assert done["image"]["fingerprint"] == pair.new.query("/1.0/images/aliases/back")["target"]
        source = {"type": "copy", "server": incus, "source": "web1"}
        words = pair.old.refuses("instance", name="web1", state="stopped", source=source)
        assert "which send each other nothing of the kind instance" in words
    finally:
        for node in (pair.old, pair.new):
            node.run("storage_volume", **volume, state="absent", force=True)
            node.run("image", name="back", state="absent")
