# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage pools that need a kernel of their own, by our modules: LVM, ZFS, and Ceph with kernel RBD."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from lab import kernel
from lab.daemon import KINDS

SIZE, GROWN = 64 << 20, 128 << 20


class Pool(NamedTuple):
    driver: str
    config: dict
    #: What is done in the host before.
    before: str = ""
    #: The volumes that the host has, after the pool's own name.
    volumes: str = ""
    #: The bytes of the volume `data`.
    size: str = ""


def lvm(disk, thin):
    config = {"source": disk, "lvm.vg_name": "{pool}", "lvm.use_thinpool": thin}
    size = "lvs --noheadings --units=b --nosuffix -o lv_size {pool}/custom_default_data"
    return Pool("lvm", config, "", "lvs --noheadings -o lv_name {pool}", size)


def zfs(before="", block=False, **config):
    size = "zfs get -Hp -o value {property} {place}/custom/default_data"
    size = size.replace("{property}", "volsize" if block else "quota").replace("{place}", config["zfs.pool_name"])
    return Pool("zfs", config, before, f"zfs list -H -o name -t filesystem,volume -r {config['zfs.pool_name']}", size)


POOLS = {
    "thin": lvm("/dev/vdb", True),
    "thick": lvm("/dev/vdc", False),
    "loop": zfs(**{"size": "1GiB", "zfs.pool_name": "loop"}),
    "dataset": zfs("zpool create tank /dev/vdd", **{"source": "tank/lab", "zfs.pool_name": "tank/lab"}),
}


@pytest.fixture(scope="module", params=KINDS)
def daemon(request, host):
    """One of a host that nobody else has changed."""
    host.renew()
    return kernel.Daemon(host, request.param)


@pytest.mark.parametrize("name", POOLS)
def test_pool(daemon, name):
    """In a pool a volume that grows, and a container with it; both go back to their snapshots."""
    life(daemon, name, POOLS[name])


def life(daemon, name, pool):
    def said(command):
        return daemon.host.ssh(command.replace("{pool}", name))

    if pool.before:
        said(pool.before)
    config = {key: name if value == "{pool}" else value for key, value in pool.config.items()}
    daemon.converges("storage_pool", name=name, driver=pool.driver, config=config)
    assert daemon.query(f"/1.0/storage-pools/{name}")["driver"] == pool.driver
    for size in (SIZE, GROWN):
        daemon.converges("storage_volume", pool=name, name="data", config={"size": size})
        assert int(said(pool.size)) == size
    devices = {
        "root": {"type": "disk", "path": "/", "pool": name, "size": GROWN},
        "data": {"type": "disk", "pool": name, "source": "data", "path": "/data"},
    }
    daemon.converges("instance", name=name, image="busybox", devices=devices, profiles=[])
    mounts = daemon.inside(name, "grep -E ' (/|/data) ' /proc/mounts; echo before | tee /file > /data/file; sync")
    assert name in mounts and "data" in said(pool.volumes)
    daemon.converges("instance_snapshot", instance=name, name="before")
    daemon.converges("storage_volume_snapshot", pool=name, volume="data", name="before")
    daemon.inside(name, "echo beyond | tee /file > /data/file; sync")
    daemon.run("instance", name=name, state="stopped", force=True)
    daemon.run("instance_snapshot", instance=name, name="before", state="restored")
    daemon.run("storage_volume_snapshot", pool=name, volume="data", name="before", state="restored")
    daemon.run("instance", name=name)
    assert daemon.inside(name, "cat /file /data/file") == "before\nbefore\n"
    daemon.converges("instance", name=name, state="absent", force=True)
    daemon.converges("storage_volume", pool=name, name="data", state="absent")
    assert "data" not in said(pool.volumes)
