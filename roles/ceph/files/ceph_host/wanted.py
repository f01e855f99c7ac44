# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of the role mean for the cluster: pools, and the rights of daemons and clients."""

from __future__ import annotations

from typing import Any

ALL = "allow *"
#: As ceph-mgr(8) and ceph-mds(8) want them.
MANAGER = {"mon": "allow profile mgr", "osd": ALL, "mds": ALL}
METADATA_SERVER = {
    "mon": "allow profile mds",
    "mgr": "allow profile mds",
    "osd": "allow rw tag cephfs *=*",
    "mds": "allow",
}


def entities(given: dict[str, Any]) -> dict[str, dict[str, str]]:
    """All entities that the role manages, with their rights."""
    default = client(given)
    return {
        "client.admin": {"mon": ALL, "mgr": ALL, "osd": ALL, "mds": ALL},
        "client.bootstrap-osd": {"mon": "allow profile bootstrap-osd"},
        **{f"mgr.{name}": MANAGER for name in given["managers"]},
        **{f"mds.{name}": METADATA_SERVER for name in given["metadata_servers"]},
        **{f"client.{one['name']}": one.get("caps") or default for one in given["clients"]},
    }


def client(given: dict[str, Any]) -> dict[str, str]:
    """The rights of a client that says none: all that LXD and Incus need on these pools and file systems."""
    names = [one["name"] for one in given["pools"]]
    shared = [one["name"] for one in given["filesystems"]]
    rights = {
        "mon": ["profile rbd", *(["allow r"] if shared else [])],
        "mgr": [f"profile rbd pool={name}" for name in names],
        "osd": [
            *(f"profile rbd pool={name}" for name in names),
            *(f"allow rw tag cephfs data={name}" for name in shared),
        ],
        "mds": [f"allow rwps fsname={name}" for name in shared],
    }
    return {daemon: ", ".join(one) for daemon, one in rights.items() if one}


def pools(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The pools of block devices, and two for each file system, which become those of an application with it."""
    written = [{"application": "rbd", **one} for one in given["pools"]]
    for one in given["filesystems"]:
        written += [{**one, "name": f"{one['name']}_{part}", "application": ""} for part in ("metadata", "data")]
    return [sized(one, given["replicas"]) for one in written]


def sized(pool: dict[str, Any], replicas: int) -> dict[str, Any]:
    """A pool with the number of its copies, and how many of them have to be there for a write: more than half."""
    copies = int(pool.get("replicas") or replicas)
    return {**pool, "replicas": copies, "min_replicas": int(pool.get("min_replicas") or copies // 2 + 1)}
