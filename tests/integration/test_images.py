# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of other servers, of instances and their snapshots, and what can be said of an image. None of it needs an
instance that runs.
"""

from __future__ import annotations

import os
import pathlib
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images import _source
from integration.modules import ModuleFailed
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
    assert [shown["update_source"][key] for key in ("server", "protocol", "alias")] == [
        remote.url,
        "simplestreams",
        ALIAS,
    ]
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


def test_an_image_of_a_registry_needs_a_newer_server(api) -> None:
    """Those that have it are in test_application_containers.py."""
    source = {"type": "image", "mode": "pull", "server": "https://docker.io", "protocol": "oci", "alias": "nginx"}
    for module, option, value, said in (
        ("instance", "image", "docker:nginx:1.27", "image: 'docker:nginx:1.27'"),
        ("instance", "source", source, "source.protocol: 'oci'"),
        ("image", "remote", "ghcr:team/app:2", "remote: 'ghcr:team/app:2'"),
        ("image", "source", source, "source.protocol: 'oci'"),
    ):
        message = api.fails(module, name="web", **{option: value})
        assert f"{said} is an image of a registry (OCI): Incus has these since version 6.3." in message
        assert f"It needs the extension 'instance_oci'; this server ({api.kind} " in message


def test_an_image_with_profiles(api, tiny: pathlib.Path) -> None:
    """They are those of instances that are made from it and name none."""
    api.run("profile", name="small", config={"limits.cpu": 1})
    task = {"name": "profiled", "profiles": ["default", "small"]}
    assert api.converges("image", **task, file=str(tiny))["image"]["profiles"] == ["default", "small"]
    assert api.converges("instance", name="p1", image="profiled", state="present")["instance"]["profiles"] == [
        "default",
        "small",
    ]
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


SMUGGLED = b'{"name": "smuggled"}'
REQUEST = (
    b"POST /1.0/profiles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(SMUGGLED), SMUGGLED)
)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[str]]:
    """Does something when the length of what is sent is told, and nothing is sent of it. Returns what is sent, as it is
    sent.
    """
    real = Transport.request

    def meanwhile(work: Callable[[], Any]) -> list[str]:
        sent: list[str] = []

        def request(self: Transport, method: str, path: str, body: Any = None, *more: Any, **named: Any) -> Any:
            if hasattr(body, "read"):
                sent.append(f"{method} {path}")
                work()
            return real(self, method, path, body, *more, **named)

        monkeypatch.setattr(Transport, "request", request)
        return sent

    return meanwhile


@pytest.mark.parametrize("parts", [["file"], ["file", "rootfs"]])
def test_files_that_change_while_they_are_sent(
    api, tiny: pathlib.Path, image_files, tmp_path: pathlib.Path, meanwhile, parts: list[str]
) -> None:
    """What is appended is no request, with the rights of who sends the file; what is missing is an error, and so is
    what was not looked at.
    """
    contents = {
        "file": tiny.read_bytes() if len(parts) == 1 else pathlib.Path(image_files["file"]).read_bytes(),
        "rootfs": b"hsqs" + os.urandom(5000),
    }
    files = {part: tmp_path / f"gr\u00f6\u00dfe.{part}" for part in parts}
    task = {"name": "growing", **{part: str(path) for part, path in files.items()}, "url": api.daemon.url}

    def restore() -> None:
        for part, path in files.items():
            path.write_bytes(contents[part])

    def append() -> None:
        for path in files.values():
            with path.open("ab") as stream:
                stream.write(REQUEST)

    restore()
    meanwhile(append)
    assert api.run("image", **task)["actions"] == ["create image growing"]
    assert "smuggled" not in str(api.query("/1.0/profiles"))
    meanwhile(lambda: None)
    restore()
    assert api.run("image", **task)["changed"] is False
    api.run("image", name="growing", state="absent")
    for change, words in (
        (lambda: os.truncate(files[parts[-1]], 50), "became shorter while it was sent: .* Let nobody write to it"),
        (lambda: files[parts[-1]].write_bytes(contents[parts[-1]][:-4] + b"else"), "fingerprint"),
    ):
        restore()
        sent, before = meanwhile(change), sorted(api.query("/1.0/images"))
        with pytest.raises(ModuleFailed, match=words):
            api.run("image", **task)
        assert len(sent) == 1 and sorted(api.query("/1.0/images")) == before


def test_a_backup_that_grows_while_it_is_sent(api, tiny: pathlib.Path, tmp_path: pathlib.Path, meanwhile) -> None:
    backup = tmp_path / "backup.tar"
    api.run("image", name="seed", file=str(tiny))
    api.run("instance", name="kept", image="seed", state="present")
    api.daemon.cli("export", "kept", str(backup), "--compression", "none")
    api.run("instance", name="kept", state="absent")

    def append() -> None:
        with backup.open("ab") as stream:
            stream.write(REQUEST)

    meanwhile(append)
    assert (
        api.run(
            "instance", name="kept", source={"type": "backup", "file": str(backup)}, state="present", url=api.daemon.url
        )["changed"]
        is True
    )
    assert "smuggled" not in str(api.query("/1.0/profiles"))
