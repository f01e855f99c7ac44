# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of other servers, of instances and their snapshots, and what can be said of an image. None of it needs an instance that runs."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds import _source
from lab.simplestreams import ALIAS, ImageServer

EMPTY = {"source": {"type": "none"}, "state": "stopped"}


@pytest.fixture(scope="module")
def remote(server, tiny: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageServer]:  # type: ignore[no-untyped-def]
    remote = ImageServer(server.daemon, tmp_path_factory.mktemp("images"), tiny)
    yield remote
    remote.stop()


@pytest.fixture
def images(api, remote: ImageServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """The server, for which all remotes are the image server of the lab."""
    monkeypatch.setitem(_source.REMOTES, api.kind, dict.fromkeys(_source.REMOTES[api.kind], remote.url))
    return api


def test_an_image_of_a_remote(images, remote: ImageServer) -> None:
    task = {"name": "from/remote", "remote": f"images:{ALIAS}"}
    done = images.converges("image", **task, auto_update=True, properties={"note": "x"})
    assert done["actions"] == ["create image from/remote"]
    shown = images.query(f"/1.0/images/{remote.fingerprint}")
    assert [shown["update_source"][key] for key in ("server", "protocol", "alias")] == [remote.url, "simplestreams", ALIAS]
    assert (shown["auto_update"], shown["properties"]["note"], shown["properties"]["os"]) == (True, "x", "Tiny")
    images.unchanged("image", **task)
    images.converges("image", **task, auto_update=False)
    assert images.query(f"/1.0/images/{remote.fingerprint}")["auto_update"] is False
    images.converges("image", name="from/remote", properties={"note": "y"}, purge_properties=True)
    assert images.query(f"/1.0/images/{remote.fingerprint}")["properties"] == {"note": "y"}
    images.converges("image", name="from/remote", state="absent")


def test_an_instance_of_an_image_of_a_remote(images, remote: ImageServer) -> None:
    done = images.converges("instance", name="distant", image=f"ubuntu:{ALIAS}", state="present")
    assert done["actions"] == [f"create instance distant from image ubuntu:{ALIAS}"]
    assert done["instance"]["config"]["volatile.base_image"] == remote.fingerprint
    source = {"type": "image", "mode": "pull", "server": remote.url, "protocol": "simplestreams", "alias": ALIAS}
    done = images.converges("instance", name="distant2", source=source, state="present")
    assert done["instance"]["config"]["volatile.base_image"] == remote.fingerprint


def test_an_image_with_profiles(api, tiny: pathlib.Path) -> None:
    """They are those of instances that are made from it and name none."""
    api.run("profile", name="small", config={"limits.cpu": 1})
    task = {"name": "profiled", "profiles": ["default", "small"]}
    assert api.converges("image", **task, file=str(tiny))["image"]["profiles"] == ["default", "small"]
    assert api.converges("instance", name="p1", image="profiled", state="present")["instance"]["profiles"] == ["default", "small"]
    api.converges("image", name="profiled", profiles=["default"])


def test_an_image_of_a_snapshot(api, tiny: pathlib.Path) -> None:
    api.run("image", name="seed", file=str(tiny))
    api.run("instance", name="grown", image="seed", state="present")
    api.run("instance_snapshot", instance="grown", name="s1")
    done = api.converges("image", name="harvest", instance="grown/s1", properties={"from": "s1"})
    assert done["image"]["properties"]["from"] == "s1"
    assert "there is no instance 'growm'" in api.fails("image", name="other", instance="growm/s1")


def test_an_instance_is_rebuilt(api, tiny: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other.tar.gz"
    other.write_bytes(tiny.read_bytes() + b"\0" * 512)  # what follows the end of an archive is not looked at
    wanted = api.run("image", name="second", file=str(other))["image"]["fingerprint"]
    api.run("image", name="first", file=str(tiny))
    api.run("instance", name="rebuilt", image="first", state="present", config={"user.kept": 1})
    task = {"name": "rebuilt", "image": "second", "state": "rebuilt"}
    if not api.has("instances_rebuild"):
        assert "needs the extension 'instances_rebuild'" in api.fails("instance", **task)
        return
    assert "image: there is no image 'thrid'" in api.fails("instance", **{**task, "image": "thrid"})
    predicted = api.run("instance", check=True, **task)
    done = api.run("instance", **task)
    assert predicted["actions"] == done["actions"] == ["rebuild instance rebuilt from image second"]
    config = done["instance"]["config"]
    assert (config["volatile.base_image"], config["user.kept"]) == (wanted, "1")
    assert api.run("instance", **task)["changed"] is False
