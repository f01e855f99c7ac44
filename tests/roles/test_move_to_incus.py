# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server of LXD moves to a server of Incus by the playbook move_to_incus: with data, in parts, and broken off."""

from __future__ import annotations

import contextlib
import datetime
import json
import pathlib
import sys
from typing import Any, Iterator

import pytest
import yaml
from conftest import Run, ansible
from integration.modules import run_module
from integration.tls import identity
from lab import tiny
from lab.daemon import Daemon
from lab.proxy import Cut, Proxy

SECRET = "open sesame"
NIC = {"eth0": {"type": "nic", "network": "lxdbr0", "name": "eth0"}}
DATA = {"default": "web1", "shop": "db1"}


class Beside(Daemon):
    """A daemon in the namespaces of another one, as on one host."""

    def __init__(self, name: str, lab: pathlib.Path, other: Daemon) -> None:
        super().__init__(name, lab, beside=other)


class Move:
    """LXD with two projects, data, snapshots and secrets; Incus on the same host; and an inventory of it."""

    def __init__(self, lxd: Daemon, incus: Daemon, folder: pathlib.Path) -> None:
        self.lxd, self.incus, self.folder = lxd, incus, folder
        self.inventory = folder / "hosts.yml"
        client = identity(folder, "client")
        self.on(lxd, "server", config={"core.https_address": "127.0.0.1:8443"})
        self.on(lxd, "certificate", name="client", certificate=client.cert)
        self.write(lxd_url=incus.url)

    def write(self, **variables: Any) -> None:
        whole = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "move_to_incus_from": {"url": self.lxd.url},
            "move_to_incus_networks": {"lxdbr0": "incusbr0"},
            "move_to_incus_force": True,
            **variables,
        }
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": {"incus1": whole}}}))

    @staticmethod
    def on(daemon: Daemon, module: str, /, **options: Any) -> dict[str, Any]:
        return run_module(module, **{"url": daemon.url, "timeout": 120, **options})

    def play(self, *options: str, **variables: Any) -> Run:
        extra = ["-e", json.dumps(variables)] if variables else []
        done = ansible("-i", str(self.inventory), "cloudhost.lxd.move_to_incus", *extra, *options, folder=self.folder)
        assert SECRET not in done.text, done.text
        return done

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "move-to-incus.json").read_text())
        return found["hosts"]["incus1"]

    def create(self) -> None:
        run = self.on
        run(self.lxd, "storage_pool", name="default", driver="dir")
        run(self.lxd, "network", name="lxdbr0", config={"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"})
        run(self.incus, "network", name="incusbr0", config={"ipv4.address": "10.158.2.1/24", "ipv6.address": "none"})
        run(self.lxd, "project", name="shop", config={"features.images": False})
        root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
        for project in DATA:
            run(self.lxd, "profile", name="default", project=project, devices={**root, **NIC})
            run(self.lxd, "storage_volume", pool="default", name="data", project=project, config={"user.a": "b"})
        run(self.lxd, "image", name="busybox", **tiny.files())
        config = {"environment.PASSWORD": SECRET, "security.devlxd": "true", "limits.memory": "64MiB"}
        run(self.lxd, "profile", name="small", config=config)
        disk = {"data": {"type": "disk", "pool": "default", "source": "data", "path": "/data"}}
        for project, name in DATA.items():
            more = {"profiles": ["default", "small"]} if project == "default" else {}
            run(self.lxd, "instance", name=name, project=project, image="busybox", devices=disk, **more)
            script = "head -c 300000 /dev/urandom > /root/file; head -c 300000 /dev/urandom > /data/file; sync"
            self.lxd.cli("exec", "--project", project, name, "--", "sh", "-c", script)
        run(self.lxd, "instance_snapshot", instance="web1", name="s1")
        run(self.lxd, "storage_volume_snapshot", pool="default", volume="data", name="s1")
        run(self.lxd, "instance", name="off", project="shop", image="busybox", state="stopped")
        run(self.lxd, "instance", name="plain", image="busybox")

    def sums(self, daemon: Daemon) -> list[str]:
        return [
            daemon.cli("exec", "--project", project, name, "--", "sha256sum", "/root/file", "/data/file")
            for project, name in DATA.items()
        ]

    @staticmethod
    def names(daemon: Daemon) -> list[str]:
        listed = daemon.query("/1.0/instances?recursion=1&all-projects=true")
        return sorted(f"{one['project']}/{one['name']} {one['status']}" for one in listed)

    def macs(self, daemon: Daemon) -> list[str]:
        listed = daemon.query("/1.0/instances?recursion=1&all-projects=true")
        return sorted(
            f"{one['name']} {one['config']['volatile.eth0.hwaddr']}" for one in listed if one["name"] != "off"
        )


@pytest.fixture(scope="module")
def move(lab: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    with contextlib.ExitStack() as stack:
        lxd = Daemon("lxd", lab / "move")
        stack.callback(lxd.stop)
        lxd.start()
        incus = Beside("incus", lab / "move", lxd)
        stack.callback(incus.stop)
        incus.start()
        move = Move(lxd, incus, tmp_path_factory.mktemp("move"))
        move.create()
        yield move


def test_everything_moves(move: Move) -> None:
    """First a plan, then copies of what runs, then a run that breaks off, then the rest, and then nothing."""
    before, macs, names = move.sums(move.lxd), move.macs(move.lxd), move.names(move.lxd)
    done = move.play("--check")
    assert not done.failed, done.text
    assert move.names(move.incus) == [] and move.names(move.lxd) == names
    done = move.play(move_to_incus_cutover=False)
    assert not done.failed, done.text
    assert move.names(move.incus) == [name.replace("Running", "Stopped") for name in names]
    assert move.names(move.lxd) == names
    hour = datetime.datetime.now().hour
    closed = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    done = move.play(move_to_incus_window=closed)
    assert not done.failed, done.text
    assert move.names(move.lxd) == names, "an instance was stopped outside of the window"
    broken_off(move)
    done = move.play()
    assert not done.failed, done.text
    assert move.names(move.incus) == names, done.text
    assert all(name.endswith("Stopped") for name in move.names(move.lxd))
    assert move.sums(move.incus) == before
    assert move.macs(move.incus) == macs
    assert move.incus.query("/1.0/instances/web1/snapshots") == ["/1.0/instances/web1/snapshots/s1"]
    assert len(move.incus.query("/1.0/storage-pools/default/volumes/custom/data/snapshots")) == 1
    profile = move.incus.query("/1.0/profiles/small")["config"]
    assert profile == {"environment.PASSWORD": SECRET, "security.guestapi": "true", "limits.memory": "64MiB"}
    assert [one["name"] for one in move.incus.query("/1.0/certificates?recursion=1")] == ["client"]
    assert all(group["moved"] for group in move.report()["groups"])
    assert "4 of 4 instances" in (move.folder / "move-to-incus.md").read_text().replace("\n", " ")
    move.on(move.lxd, "instance", name="plain", state="started")  # it is the old one now
    done = move.play()
    assert done.changed == 0, done.text
    assert move.names(move.incus) == names


def broken_off(move: Move) -> None:
    """A run that is ended when it imports the first volume: its instances ran, and are stopped."""
    with contextlib.closing(Proxy(str(move.folder / "proxy"), str(move.incus.socket))) as proxy:
        proxy.cut = Cut("POST /1.0/storage-pools/default/volumes/custom", move.incus.kill, "sent")
        done = move.play(lxd_url=proxy.url)
        assert proxy.cut is None and done.failed, "it was not broken off, so this proves nothing"
    move.incus.start()
