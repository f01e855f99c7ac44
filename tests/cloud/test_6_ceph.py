# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ceph of the private cloud: it is whole, gives away no key, touches no data, and loses its monitors in the middle
of a run.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any, Iterator

import pytest
from lab.cloud import PLAYBOOK, Cloud

NAMES = ["node1", "node2", "node3"]
#: A second disk of node3, as a file.
MORE = "/var/lib/ceph-more.img"
#: Two of three monitors, without which none answers.
MOST = NAMES[1:]


def ask(cloud: Cloud, *command: str) -> Any:
    return json.loads(cloud.inside("node1", "ceph", "--format=json", *command))


def run(cloud: Cloud, **extra: Any) -> subprocess.CompletedProcess[str]:
    """The role alone, in the playbook."""
    return cloud.cloud("--tags", "ceph", **extra)


@pytest.mark.both
def test_a_ceph_of_three_hosts(cloud: Cloud) -> None:
    """All daemons run, each key is for root or the daemons only, and LXD has a client of its own."""
    assert sorted(ask(cloud, "quorum_status")["quorum_names"]) == NAMES
    osds = ask(cloud, "osd", "tree")["nodes"]
    assert sorted(one["name"] for one in osds if one["type"] == "host") == NAMES
    assert [one["status"] for one in osds if one["type"] == "osd"] == ["up"] * 3
    assert ask(cloud, "mgr", "dump")["available"]
    pool = next(one for one in ask(cloud, "osd", "dump")["pools"] if one["pool_name"] == "lxd")
    assert (pool["size"], pool["min_size"], list(pool["application_metadata"])) == (3, 2, ["rbd"])
    (client,) = ask(cloud, "auth", "get", "client.lxd")
    assert client["caps"] == {
        "mon": "profile rbd",
        "mgr": "profile rbd pool=lxd",
        "osd": "profile rbd pool=lxd",
    }
    for name in NAMES:
        files = cloud.inside(name, "sh", "-c", "stat -c '%a %U %n' /etc/ceph/*.keyring /var/lib/ceph/*/*/keyring")
        assert {line.split()[0] for line in files.splitlines()} == {"600"}, files
        assert "/etc/ceph/ceph.client.lxd.keyring" in files
    held = client["key"]
    assert held not in cloud.made and held not in cloud.inside(
        "node1", "sh", "-c", "ps -eo args; journalctl --no-pager"
    )


@pytest.mark.both
def test_the_storage_pool_of_all_members(cloud: Cloud) -> None:
    """It is on the pool that the role made, with the rights of client.lxd, which can neither make nor delete pools."""
    pool = cloud.query("node2", "/1.0/storage-pools/remote")
    assert (pool["driver"], pool["status"], sorted(pool["locations"])) == ("ceph", "Created", NAMES)
    assert pool["config"]["ceph.user.name"] == "lxd"
    assert cloud.inside("node3", "rbd", "--id=lxd", "ls", "lxd").split() != []
    refused = cloud.inside("node3", "sh", "-c", "ceph --id lxd osd pool create mine 8 2>&1 || true")
    assert "access denied" in refused


@pytest.fixture
def another_disk(cloud: Cloud) -> Iterator[None]:
    """Of node3, in the inventory, with a file system on it. What became of it is taken away afterwards."""
    before = dict(cloud.hosts["node3"])
    cloud.inside("node3", "sh", "-c", f"truncate -s 1G {MORE} && mkfs.ext4 -q -F -L backup {MORE}")
    kept = {"file": "/var/lib/ceph-osd.img", "size": "2GiB"}
    cloud.hosts["node3"] = {**before, "ceph_osds": [kept, {"file": MORE, "size": "1GiB"}]}
    yield
    cloud.hosts["node3"] = before
    for number in (one["osd"] for one in ask(cloud, "osd", "dump")["osds"] if one["osd"] > 2):
        cloud.inside("node3", "systemctl", "disable", "--now", f"ceph-osd@{number}")
        cloud.inside("node1", "ceph", "osd", "down", str(number))
        cloud.inside("node1", "ceph", "osd", "purge", str(number), "--force")
        cloud.inside("node3", "rm", "-rf", f"/var/lib/ceph/osd/ceph-{number}")
    cloud.inside("node3", "rm", "-f", MORE)


def begin(cloud: Cloud, task: str, **extra: Any) -> tuple[subprocess.Popen[str], str]:
    """A run that has come to a task, and what it has said so far."""
    begun = cloud.background(PLAYBOOK, "--tags", "ceph", **extra)
    assert begun.stdout
    said = ""
    while f"TASK [cloudhost.lxd.ceph : {task}]" not in said:
        line = begun.stdout.readline()
        assert line, said
        said += line
    return begun, said


@pytest.mark.usefixtures("another_disk")
def test_a_disk_with_data_and_monitors_that_end(cloud: Cloud) -> None:
    """A disk with data is refused. While an OSD is made of it, most of the monitors end for good: the run says so, and
    the next one goes on.
    """
    refused = run(cloud)
    assert refused.returncode and f"{MORE} holds ext4 (backup), so no OSD is made of it" in refused.stdout
    assert "ceph_wipe" in refused.stdout and "backup" in cloud.inside("node3", "blkid", MORE)

    begun, said = begin(cloud, "Read the keys", ceph_wipe=[MORE], ceph_timeout=20)
    for name in MOST:
        cloud.inside(name, "systemctl", "mask", "--runtime", "--now", f"ceph-mon@{name}")
    try:
        said += begun.communicate()[0]
    finally:
        for name in MOST:
            cloud.inside(name, "systemctl", "unmask", "--runtime", f"ceph-mon@{name}")
    assert begun.returncode, said
    assert "did not answer in 20 s" in said or "ceph-mon@node2.service does not start" in said, said
    assert "systemctl start ceph-mon@NAME" in said or "journalctl -u ceph-mon@" in said, said

    grown = run(cloud, ceph_wipe=[MORE])
    assert grown.returncode == 0, grown.stdout
    assert sorted(ask(cloud, "quorum_status")["quorum_names"]) == NAMES
    assert [one["up"] for one in ask(cloud, "osd", "dump")["osds"]] == [1] * 4
