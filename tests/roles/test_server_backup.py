# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that is lost comes back from its backup and its inventory: the playbooks backup and restore_host, and the
module server_backup where something breaks off.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
from typing import Any, Iterator

import pytest
import yaml
from conftest import KINDS, Run, ansible, fresh
from integration.modules import ModuleFailed, run_module
from lab import tiny
from lab.daemon import Daemon
from lab.forks import Task
from lab.proxy import Cut, Proxy

SECRET = "open sesame"
#: The instances with data, by project.
DATA = {"default": "web1", "shop": "db1"}
NIC = {"eth0": {"type": "nic", "network": "lxdbr0"}}


class Host:
    """A daemon with two pools and two projects, and what its owner knows of it: an inventory."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path) -> None:
        self.daemon, self.folder = daemon, folder
        self.backups, self.offsite = folder / "backups", folder / "offsite"
        self.inventory = folder / "hosts.yml"
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "lxd_url": daemon.url,
            "install_product": daemon.kind,
            "backup_directory": str(self.backups),
            "backup_remotes": [{"to": f"offsite:{self.offsite}", "keep": 1}],
            "backup_rclone_config": f"[offsite]\ntype = local\n# {SECRET}\n",
            "backup_exclude": ["scratch*"],
            "restore_host_daemon_directory": str(daemon.folder),
            "site_name": "site",
            "site_profiles": [{"name": "small", "config": {"limits.memory": "64MiB"}}],
            "site_instances": [{"name": "web1", "image": "busybox", "profiles": ["default", "small"]}],
        }
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": {"host1": variables}}}))

    def run(self, module: str, /, **options: Any) -> dict[str, Any]:
        return run_module(module, **{"url": self.daemon.url, "timeout": 120, **options})

    def play(self, playbook: str, *options: str) -> Run:
        kind, socket = self.daemon.kind, str(self.daemon.socket)
        product = {"packages": [], "packages_vm": [], "service": kind, "program": "/nonexistent", "group": kind}
        given = json.dumps({"install__products": {kind: {**product, "socket": socket}}})  # as in test_site.py
        done = ansible("-i", str(self.inventory), f"cloudhost.lxd.{playbook}", "-e", given, *options)
        assert SECRET not in done.text and not done.failed, done.text
        return done

    def create(self) -> None:
        """What somebody has made by hand, and what the inventory says of the rest."""
        self.run("storage_pool", name="default", driver="btrfs", config={"size": "1GiB"})
        self.run("storage_pool", name="plain", driver="dir")
        self.run("network", name="lxdbr0", config={"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"})
        self.run("project", name="shop", config={"features.images": False})
        for pool, project in (("default", "default"), ("plain", "shop")):
            root = {"root": {"type": "disk", "path": "/", "pool": pool}}
            self.run("profile", name="default", project=project, devices={**root, **NIC})
            self.run("storage_volume", pool=pool, name="data", project=project, config={"user.a": "b"})
        self.run("image", name="busybox", **tiny.files())
        self.run("profile", name="small", config={"limits.memory": "64MiB", "environment.PASSWORD": SECRET})
        self.instance("web1", "default", "default", profiles=["default", "small"])
        self.instance("db1", "shop", "plain", config={"user.backup": "stopped"})
        for name, config in (("off", {}), ("not", {"user.backup": "false"}), ("scratch1", {})):
            self.run("instance", name=name, project="shop", image="busybox", state="stopped", config=config)
        for project, name in DATA.items():
            script = "head -c 300000 /dev/urandom > /root/file; head -c 300000 /dev/urandom > /data/file; sync"
            self.daemon.cli("exec", "--project", project, name, "--", "sh", "-c", script)
        self.run("instance_snapshot", instance="web1", name="s1")

    def instance(self, name: str, project: str, pool: str, **options: Any) -> None:
        disk = {"data": {"type": "disk", "pool": pool, "source": "data", "path": "/data"}}
        self.run("instance", name=name, project=project, image="busybox", devices=disk, **options)

    def sums(self) -> list[str]:
        """The checksums of what is in the instances and in their volumes, as they see it."""
        return [
            self.daemon.cli("exec", "--project", project, name, "--", "sha256sum", "/root/file", "/data/file")
            for project, name in DATA.items()
        ]

    def fingerprint(self) -> str:
        pem = (self.daemon.folder / "server.crt").read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def works(self) -> bool:
        """Whether an operation runs."""
        listed = [self.daemon.query(f"/1.0/operations?project={name}") or {} for name in DATA]
        return any("running" in by_status for by_status in listed)

    def names(self) -> list[str]:
        listed = self.daemon.query("/1.0/instances?recursion=1&all-projects=true")
        return sorted(f"{instance['project']}/{instance['name']} {instance['status']}" for instance in listed)


@pytest.fixture(scope="module", params=KINDS)
def host(request: pytest.FixtureRequest, lab: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with fresh(request.param, lab / "backup") as daemon:
        host = Host(daemon, tmp_path_factory.mktemp("host"))
        host.create()
        yield host


def whole(place: pathlib.Path) -> list[str]:
    """The names of the backups in a directory that are whole, as sha256sum sees it."""
    found = sorted(path.parent for path in place.glob("*/manifest.json"))
    for path in found:
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=path, check=True)
    return [path.name for path in found]


@pytest.fixture
def proxy(host: Host) -> Iterator[Proxy]:
    proxy = Proxy(str(host.folder / "proxy"), str(host.daemon.socket))
    yield proxy
    proxy.close()


def killed(proxy: Proxy, pattern: str, at: str, **options: Any) -> None:
    """Run the module, and kill it at a request."""
    proxy.cut = Cut(pattern, lambda: running.kill(), at)
    running = Task("server_backup", {**options, "url": proxy.url})
    assert running.communicate()[0] == "" and proxy.cut is None, "it was not killed, so this proves nothing"


def exported(done: dict[str, Any]) -> list[str]:
    return [step["name"] for step in done["steps"] if step["action"] == "export"]


@pytest.mark.both
def test_a_backup_that_breaks_off_is_finished_by_the_next_run(host: Host, proxy: Proxy, tmp_path: pathlib.Path) -> None:
    before, task = host.sums(), {"directory": str(tmp_path / "backup"), "max_age": "20h", "parallel": 1, "keep": 1}
    predicted = host.run("server_backup", check=True, **task)
    assert not (tmp_path / "backup").exists()
    killed(proxy, "GET /1.0/instances/db1/backups/[^/]*/export", "half", **task)
    assert "shop/db1 Stopped" in host.names(), "it is stopped while it is exported"
    assert whole(tmp_path / "backup") == [] and len(list((tmp_path / "backup").iterdir())) == 2
    with pytest.raises(ModuleFailed, match="has no backup that is whole"):
        host.run("server_backup", directory=task["directory"], state="verified")
    foreseen = host.run("server_backup", check=True, **task)
    done = host.run("server_backup", **task)
    assert foreseen["actions"] == done["actions"]
    assert "web1" not in exported(done) and exported(done) == exported(predicted)[1:], "what is there is exported again"
    assert "start instance db1 (project shop)" in done["actions"] and "shop/db1 Running" in host.names()
    assert host.sums() == before
    (name,) = whole(tmp_path / "backup")
    instances = json.loads((tmp_path / "backup" / name / "server.json").read_text())["instances"]
    assert {entry["name"]: entry["state"] for entry in instances}["db1"] == "started", "as it was before the first run"
    assert host.run("server_backup", **task)["changed"] is False
    everything = host.daemon.query("/1.0/instances?recursion=2&all-projects=true")
    assert [instance["name"] for instance in everything if instance["backups"]] == []


@pytest.mark.both
def test_one_export_that_fails_does_not_stop_the_others(host: Host, tmp_path: pathlib.Path) -> None:
    task = {"directory": str(tmp_path / "backup"), "max_age": "20h", "keep": 1, "exclude": ["db1", "plain/*"]}
    good = host.run("server_backup", **{**task, "exclude": ["*"]})["server_backup"]["run"]
    pool = pathlib.Path(f"/proc/{host.daemon.keeper.pid}/root{host.daemon.folder}/storage-pools/plain/containers")
    (pool / "shop_off").rename(pool / "away")
    try:
        (pool / "shop_off").symlink_to("nowhere")  # a file would not do: the LXD of Debian 13 exports it
        with pytest.raises(ModuleFailed, match=r"Of 5 exports of .* 1 failed") as caught:
            host.run("server_backup", **task)
    finally:
        (pool / "shop_off").unlink()
        (pool / "away").rename(pool / "shop_off")
    part = caught.value.result["server_backup"]
    assert [one["name"] for one in part["failed"]] == ["off"] and "- instance off (project shop): " in str(caught.value)
    assert [one["name"] for one in part["exported"]] == ["web1", "scratch1", "default/data", "busybox"]
    assert whole(tmp_path / "backup") == [good], "the last good one is gone"
    with pytest.raises(ModuleFailed, match="lacks instance off"):
        host.run("server_backup", directory=task["directory"], state="imported", run=part["run"])
    done = host.run("server_backup", **task)
    assert exported(done) == ["off"], "what is there is exported again"
    assert whole(tmp_path / "backup") == [part["run"]]


@pytest.mark.both
def test_an_import_that_breaks_off_is_finished_by_the_next_run(host: Host, tmp_path: pathlib.Path) -> None:
    """On a server that has nothing, its disk lost."""
    before, names = host.sums(), host.names()
    task = {"directory": str(tmp_path / "backup"), "parallel": 1}
    host.run("server_backup", **task, max_age="20h", compression_algorithm="none")
    host.daemon.destroy()
    host.daemon.start()
    with contextlib.closing(Proxy(str(tmp_path / "proxy"), str(host.daemon.socket))) as proxy:
        killed(proxy, "POST /1.0/instances", "answered", **task, state="imported")
    host.daemon._await(lambda: not host.works(), "what the server goes on with")  # no plan foresees what others do
    assert host.names() != names
    predicted = host.run("server_backup", check=True, **task, state="imported")
    done = host.run("server_backup", **task, state="imported")
    assert sorted(step["name"] for step in predicted["steps"]) == sorted(step["name"] for step in done["steps"])
    assert host.run("server_backup", **task, state="imported")["changed"] is False
    assert host.sums() == before
    assert host.names() == [name for name in names if "shop/not " not in name]


@pytest.mark.both
def test_the_client_takes_the_preseed(host: Host, lab: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """On another server, without Ansible: pools, networks, projects and profiles are those of the first."""
    task = {"directory": str(tmp_path / "backup"), "max_age": "20h", "exclude": ["*"], "images": "none"}
    place = pathlib.Path(host.run("server_backup", **task)["server_backup"]["path"])
    init = {"lxd": ["lxd", "init"], "incus": ["incus", "admin", "init"]}[host.daemon.kind]
    with fresh(host.daemon.kind, lab / "preseed") as other:
        done = other.inside("sh", "-c", f'exec "$@" --preseed <{place}/preseed.json', "sh", *init)
        assert done.returncode == 0, done.stderr
        paths = ["storage-pools", "networks", "projects", "profiles"]
        paths += ["profiles?project=shop"] if other.kind == "incus" else []  # see preseed_of
        for path in paths:
            assert _described(other, path) == _described(host.daemon, path)


def _described(daemon: Daemon, path: str) -> list[Any]:
    """What a preseed file says of each of a kind."""
    mark = "&" if "?" in path else "?"
    listed = daemon.query(f"/1.0/{path}{mark}recursion=1")
    own = [{key: one.get(key) for key in ("name", "config", "devices", "driver", "type")} for one in listed]
    for one in own:  # of each server its own: what it made of the values
        one["config"].pop("source", None)
        one["config"] = {key: value for key, value in one["config"].items() if not key.startswith("volatile.")}
    return sorted(own, key=lambda one: str(one["name"]))


def test_a_host_that_is_lost_comes_back_from_its_backup_and_its_inventory(host: Host) -> None:
    before, fingerprint = host.sums(), host.fingerprint()
    address = host.daemon.query("/1.0/instances/web1")["config"]["volatile.eth0.hwaddr"]
    done = host.play("backup")
    assert {"Back up", "Copy the manifest"} <= set(done.tasks), done.text
    (name,) = whole(host.backups / "host1")
    assert whole(host.offsite / "host1") == [name]
    assert [path for path in host.backups.rglob("*") if path.stat().st_mode & 0o077] == []
    assert host.play("backup").changed == 0
    assert host.sums() == before, "a backup changes nothing"

    host.daemon.destroy()
    shutil.rmtree(host.backups)
    # as a host that has no daemon yet: here the role install starts none
    done = host.play("restore_host", "--tags", "keys", "-e", "restore_host_site=false")
    assert "Copy the certificate and key" in done.tasks and whole(host.backups / "host1") == [name]
    host.daemon.start()
    assert host.fingerprint() == fingerprint, "clients would not know it"
    done = host.play("restore_host", "--tags", "stack")
    assert "Create what the backup has and the server lacks" in done.tasks, done.text
    assert host.sums() == before
    assert host.names() == ["default/web1 Running", "shop/db1 Running", "shop/off Stopped"]
    assert host.daemon.query("/1.0/instances/web1/snapshots") == ["/1.0/instances/web1/snapshots/s1"]
    web1 = host.daemon.query("/1.0/instances/web1")
    assert web1["config"]["volatile.eth0.hwaddr"] == address
    assert web1["expanded_config"]["environment.PASSWORD"] == SECRET
    assert web1["config"]["user.cloudhost.stack"] == "site", "the inventory manages it again"
    assert host.play("restore_host", "--tags", "stack").changed == 0
