# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage pools that need a kernel of their own, by our modules: LVM and ZFS."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from lab import kernel
from lab.daemon import KINDS

SIZE, GROWN = 64 << 20, 128 << 20
#: That of file systems of images. To make one of 10 GiB, and a smaller one of it, takes long under emulation.
USUAL = {"volume.size": str(GROWN)}


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
    config = {"source": disk, "lvm.vg_name": "{pool}", "lvm.use_thinpool": thin, **USUAL}
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
    "device": zfs(**{"source": "/dev/vde", "zfs.pool_name": "device"}),
}
#: Where the run is for one product, what it has. With both (`./test.sh --all`), each has all of them.
SHARE = {"lxd": ("thin",), "incus": ("dataset",)}
CASES = [(product, name) for product in KINDS for name in (POOLS if len(KINDS) > 1 else SHARE[product])]


@pytest.fixture(scope="module")
def daemon(request, host):
    """One of a host that nobody else has changed."""
    host.renew()
    return kernel.Daemon(host, request.param)


@pytest.mark.parametrize(("daemon", "name"), CASES, indirect=["daemon"], scope="module")
def test_a_pool(daemon, name):
    life(daemon, name, POOLS[name])


def devices(pool):
    """A root disk on a pool, and its volume `data`."""
    return {
        "root": {"type": "disk", "path": "/", "pool": pool, "size": GROWN},
        "data": {"type": "disk", "pool": pool, "source": "data", "path": "/data"},
    }


def life(daemon, name, pool):
    """In a pool a volume that grows, and a container with it; both go back to their snapshots."""

    def said(command):
        return daemon.host.ssh(command.replace("{pool}", name))

    if pool.before:
        said(pool.before)
    config = {key: name if value == "{pool}" else value for key, value in pool.config.items()}
    daemon.converges("storage_pool", name=name, driver=pool.driver, config=config)
    daemon.converges("storage_volume", pool=name, name="data", config={"size": SIZE})
    daemon.converges("storage_volume", pool=name, name="data", config={"size": GROWN})
    assert int(said(pool.size)) == GROWN
    daemon.converges("instance", name=name, image="busybox", devices=devices(name), profiles=[])
    mounts = daemon.inside(name, "grep -E ' (/|/data) ' /proc/mounts; echo before | tee /file > /data/file; sync")
    assert name in mounts and "data" in said(pool.volumes)
    daemon.converges("instance_snapshot", instance=name, name="before")
    daemon.converges("storage_volume_snapshot", pool=name, volume="data", name="before")
    daemon.inside(name, "echo beyond | tee /file > /data/file; sync")
    daemon.run("instance", name=name, state="stopped", force=True)
    daemon.run("instance_snapshot", instance=name, name="before", state="restored")
    daemon.run("storage_volume_snapshot", pool=name, volume="data", name="before", state="restored")
    daemon.run("instance", name=name)
    assert daemon.inside(name, "cat /file /data/file") == "before\nbefore"
    daemon.converges("instance", name=name, state="absent", force=True)
    daemon.converges("storage_volume", pool=name, name="data", state="absent", force=True)
    assert "data" not in said(pool.volumes)
