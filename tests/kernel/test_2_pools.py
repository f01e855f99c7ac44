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


@pytest.fixture(scope="module", params=KINDS)
def product(request, host):
    """A daemon of the host, which no other test has changed."""
    host.renew()
    return request.param


class Daemon:
    def __init__(self, host, product):
        self.host, self.product, self.url = host, product, host.url(product)

    def converges(self, module, **options):
        """The object after a task that has to change something, that check mode predicts, and that is done once."""
        given = {"url": self.url, "timeout": 600, **options}
        predicted, done, again = run_module(module, check=True, **given), run_module(module, **given), None
        again = run_module(module, **given)
        assert (predicted["changed"], done["changed"], again["changed"]) == (True, True, False)
        assert predicted["diff"] == done["diff"]
        return done

    def query(self, path):
        return json.loads(self.host.ssh(CLIENTS[self.product], "query", path))


@pytest.mark.parametrize("thin, disk", [(True, "/dev/vdb"), (False, "/dev/vdc")], ids=["thin", "thick"])
def test_lvm(host, product, thin, disk):
    """A pool on a disk, a volume in it that grows, a container on it, a snapshot, and what is there before it."""
    daemon, name = Daemon(host, product), "thin" if thin else "thick"
    daemon.converges("storage_pool", name=name, driver="lvm", config={"source": disk, "lvm.use_thinpool": thin})
    assert daemon.query(f"/1.0/storage-pools/{name}")["driver"] == "lvm"
    volumes = host.ssh("lvs", "--noheadings", "-o", "lv_name,pool_lv", daemon.query(f"/1.0/storage-pools/{name}")["config"]["lvm.vg_name"])
    assert ("ThinPool" in volumes) == thin
    daemon.converges("storage_volume", pool=name, name="data", config={"size": "64MiB"})
    daemon.converges("storage_volume", pool=name, name="data", config={"size": "128MiB"})
    daemon.converges("image", name="busybox", **tiny.files()) if thin else None
    root = {"root": {"type": "disk", "path": "/", "pool": name, "size": "128MiB"}}
    devices = {**root, "data": {"type": "disk", "pool": name, "source": "data", "path": "/data"}}
    daemon.converges("instance", name=name, image="busybox", devices=devices, profiles=[])
    assert host.ssh("lvs", "--noheadings", "-o", "lv_name").count(f"containers_{name}") == 1
    daemon.converges("instance_snapshot", instance=name, name="before")
    daemon.converges("instance", name=name, state="absent", force=True)
    daemon.converges("storage_volume", pool=name, name="data", state="absent")
