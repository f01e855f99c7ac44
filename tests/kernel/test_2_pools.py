# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage pools that need a kernel of their own, by the modules of the collection."""

from __future__ import annotations

import json

import pytest
from integration.modules import run_module
from lab import tiny
from lab.daemon import KINDS

#: The clients of the daemons in the host.
CLIENTS = {"lxd": "lxc", "incus": "incus"}
#: How long a task may take under emulation, on a busy machine.
TIMEOUT = 1200


class Daemon:
    """A daemon of the host, with an image."""

    def __init__(self, host, product):
        self.host, self.product = host, product
        self.run("image", name="busybox", **tiny.files())

    def run(self, module, check=False, **options):
        return run_module(module, check=check, url=self.host.url(self.product), timeout=TIMEOUT, **options)

    def converges(self, module, **options):
        """The result of a task that has to change something, as check mode predicts, and that is done once."""
        predicted = self.run(module, check=True, **options)
        done, again = self.run(module, **options), self.run(module, **options)
        assert (predicted["changed"], done["changed"], again["changed"]) == (True, True, False)
        assert predicted["diff"] == done["diff"]
        return done

    def query(self, path):
        """What its own client says."""
        return json.loads(self.host.ssh(CLIENTS[self.product], "query", path))

    def inside(self, instance, command):
        return self.run("instance_exec", instance=instance, command=["sh", "-c", command])["stdout"]


@pytest.fixture(scope="module", params=KINDS)
def daemon(request, host):
    """One of a host that nobody else has changed."""
    host.renew()
    return Daemon(host, request.param)


@pytest.mark.parametrize("name, thin, disk", [("thin", True, "/dev/vdb"), ("thick", False, "/dev/vdc")])
def test_lvm(daemon, name, thin, disk):
    """A pool on a disk; in it a volume that grows, and a container with it that goes back to a snapshot."""
    daemon.converges("storage_pool", name=name, driver="lvm", config={"source": disk, "lvm.use_thinpool": thin})
    pool = daemon.query(f"/1.0/storage-pools/{name}")
    group = pool["config"]["lvm.vg_name"]
    assert pool["driver"] == "lvm" and disk in daemon.host.ssh("vgs", "--noheadings", "-o", "pv_name", group)
    assert ("ThinPool" in daemon.host.ssh("lvs", "--noheadings", "-o", "lv_name", group)) == thin
    daemon.converges("storage_volume", pool=name, name="data", config={"size": "64MiB"})
    daemon.converges("storage_volume", pool=name, name="data", config={"size": "128MiB"})
    assert "128.00m" in daemon.host.ssh(
        "lvs", "--noheadings", "--units=m", "-o", "lv_name,lv_size", f"{group}/custom_default_data"
    )
    devices = {
        "root": {"type": "disk", "path": "/", "pool": name, "size": "128MiB"},
        "data": {"type": "disk", "pool": name, "source": "data", "path": "/data"},
    }
    daemon.converges("instance", name=name, image="busybox", devices=devices, profiles=[])
    mounts = daemon.inside(name, "grep -E ' (/|/data) ' /proc/mounts; echo before > /file; sync")
    assert f"containers_{name} / " in mounts and "custom_default_data /data " in mounts
    daemon.converges("instance_snapshot", instance=name, name="before")
    daemon.inside(name, "echo beyond > /file; sync")
    daemon.run("instance_snapshot", instance=name, name="before", state="restored")
    assert daemon.inside(name, "cat /file") == "before\n"
    daemon.converges("instance", name=name, state="absent", force=True)
    daemon.converges("storage_volume", pool=name, name="data", state="absent")
    assert f"containers_{name}" not in daemon.host.ssh("lvs", "--noheadings", "-o", "lv_name", group)
