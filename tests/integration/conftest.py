# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real daemons for the whole run, and a server object that tests talk to modules through."""

from __future__ import annotations

import io
import json
import os
import pathlib
import sys
import tarfile
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from integration.modules import ModuleFailed, run_module  # noqa: E402 - the tests folder is no package of the collection
from integration.stacks import document  # noqa: E402
from lab import tiny as busybox  # noqa: E402
from lab.daemon import Daemon  # noqa: E402
from lab.folder import folder  # noqa: E402
from lab.proxy import Proxy  # noqa: E402

#: Parameters of fixtures. With pytest-xdist's loadgroup, all tests of one daemon run in one process, and the daemons side by side.
KINDS = [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in os.environ.get("CLOUDHOST_TEST_DAEMONS", "lxd incus").split()]


@pytest.fixture(scope="session")
def lab() -> Iterator[pathlib.Path]:
    with folder("lab") as lab:
        yield lab


@pytest.fixture(scope="session")
def image_files() -> dict[str, str]:
    """The image that the role image_build made for this run (tests/lab/image.yml)."""
    folder = pathlib.Path(os.environ["CLOUDHOST_TEST_IMAGE"])
    return {"file": str(folder / "metadata.tar.gz"), "rootfs": str(folder / "rootfs.squashfs")}


class Server:
    """A daemon with pool C(default), bridge C(lxdbr0), images C(debian/12) and C(busybox), which starts in no time, and a recording proxy before its socket."""

    def __init__(self, daemon: Daemon, proxy: Proxy) -> None:
        self.daemon, self.proxy = daemon, proxy
        self.kind = daemon.kind

    def run(self, module: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(module, check, **{"url": self.proxy.url, "timeout": 120, **arguments})

    def fails(self, module: str, /, **arguments: Any) -> str:
        """The error of a task that must fail, in check mode and for real, without having written anything."""
        self.proxy.forget()
        with pytest.raises(ModuleFailed) as predicted:
            self.run(module, check=True, **arguments)
        with pytest.raises(ModuleFailed) as real:
            self.run(module, **arguments)
        assert self.proxy.writes == []
        assert str(predicted.value) == str(real.value)
        return str(real.value)

    def converges(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """The criteria of every change: predicted exactly, nothing written meanwhile, done, and done once."""
        self.proxy.forget()
        predicted = self.run(module, check=True, **arguments)
        assert self.proxy.writes == [], "check mode wrote"
        done = self.run(module, **arguments)
        assert done["changed"] is True, "the first run changed nothing"
        assert {key: predicted[key] for key in ("changed", "actions", "diff")} == {key: done[key] for key in ("changed", "actions", "diff")}
        assert done["diff"]["before"] != done["diff"]["after"]
        self.unchanged(module, **arguments)
        return done

    def unchanged(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        self.proxy.forget()
        for check in (True, False):
            again = self.run(module, check=check, **arguments)
            assert (again["changed"], again["actions"], again["diff"]["before"]) == (False, [], ""), again["diff"]
        assert self.proxy.writes == [], "an unchanged run wrote"
        return again

    def has(self, extension: str) -> bool:
        return extension in self.query("/1.0")["api_extensions"]

    def isolated(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A module run in the daemon's network namespace where its TCP port is."""
        done = self.daemon.inside(sys.executable, str(pathlib.Path(__file__).with_name("modules.py")), json.dumps([module, arguments]))
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def query(self, path: str, **kwargs: Any) -> Any:
        return self.daemon.query(path, **kwargs)


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest, lab: pathlib.Path, image_files: dict[str, str]) -> Iterator[Server]:
    daemon = Daemon(request.param, lab)
    proxy = None
    try:
        daemon.start()
        proxy = Proxy(str(lab / f"{request.param}.proxy"), str(daemon.socket))
        server = Server(daemon, proxy)
        server.run("storage_pool", name="default", driver="btrfs", config={"size": "8GiB"})
        server.run("network", name="lxdbr0", config={"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"})
        devices = {"root": {"type": "disk", "path": "/", "pool": "default"}, "eth0": {"type": "nic", "network": "lxdbr0"}}
        server.run("profile", name="default", devices=devices)
        server.run("image", name="debian/12", **image_files)
        server.run("image", name=busybox.ALIAS, **busybox.files())
        yield server
    finally:
        if proxy:
            proxy.close()
        daemon.stop()


@pytest.fixture
def api(server: Server) -> Iterator[Server]:
    """The server, with every instance of the test gone afterwards, whatever it did."""
    yield server
    server.daemon.clean(keep="shared")


@pytest.fixture(scope="module")
def running(server: Server) -> Iterator[str]:
    """One running container for tests that only look at it or change it in passing."""
    server.run("instance", name="shared", image="busybox", wait_for=["ipv4"])
    yield "shared"
    server.run("instance", name="shared", state="absent", force=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An image of a few bytes that nobody else has."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.tar.gz"
    metadata = b"architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: tiny}\n"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("metadata.yaml")
        entry.size = len(metadata)
        tar.addfile(entry, io.BytesIO(metadata))
        for name in ("rootfs", "rootfs/etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    return path


@pytest.fixture
def shop(api: Server, tiny: pathlib.Path) -> Iterator[Server]:
    """A server on which others have something, and which is as it was when the test is over."""
    api.run("profile", name="foreign", config={"limits.cpu": 3}, devices={"root": {"type": "disk", "path": "/", "pool": "default"}})
    api.run("stack", name="neighbour", definition={"instances": [{"name": "next-door", "source": {"type": "none"}, "state": "stopped"}]})
    api.proxy.forget()
    yield api
    api.run("stack", name="shop", state="absent", force=True, definition=document(tiny))
    api.run("stack", name="neighbour", state="absent")
    api.run("profile", name="foreign", state="absent")
