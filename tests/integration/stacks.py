# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack of every kind, and a dump of a daemon to hold it against."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

#: What the daemons note down by themselves.
NOISE = ("last_used_at", "used_by", "usage", "disk")


def document(tiny: pathlib.Path) -> dict[str, Any]:
    """Resources of every kind that a server without a cluster and OVN can have."""
    fingerprint = hashlib.sha256(tiny.read_bytes()).hexdigest()
    root = {"type": "disk", "path": "/", "pool": "shop-dir"}
    empty = {"source": {"type": "none"}, "state": "stopped"}
    return {
        "config": {"core.shutdown_timeout": 7, "images.remote_cache_expiry": 5},
        "storage_pools": [
            {"name": "shop-dir", "driver": "dir", "description": "of the shop"},
            {"name": "shop-btrfs", "driver": "btrfs", "config": {"size": "1GiB"}},
        ],
        "networks": [
            {
                "name": f"shopbr{number}",
                "config": {"ipv4.address": f"10.158.{20 + number}.1/24", "ipv6.address": "none", **more},
            }
            for number, more in enumerate(({}, {"security.acls": "shop-acl", "dns.zone.forward": "shop.test"}, {}))
        ],
        "network_acls": [
            {"name": "shop-acl", "ingress": [{"action": "allow", "protocol": "tcp", "destination_port": "80, 443"}]}
        ],
        "network_forwards": [
            {"network": "shopbr1", "listen_address": "192.0.2.21", "config": {"target_address": "10.158.21.9"}}
        ],
        "network_zones": [{"name": "shop.test", "config": {"peers.ns1.key": "hunter22hunter22"}}],
        "network_zone_records": [
            {"zone": "shop.test", "name": "www", "entries": [{"type": "A", "value": "192.0.2.21", "ttl": 60}]}
        ],
        "projects": [
            {"name": "shop-own", "description": "its own profiles", "config": {"features.images": False}},
            {"name": "shop-shared", "config": {"features.images": False, "features.profiles": False}},
        ],
        "profiles": [
            {"name": "default", "project": "shop-own", "devices": {"root": root}},
            *(
                {"name": f"shop-{number}", "config": {"limits.cpu": number + 1}, "devices": {"root": root}}
                for number in range(4)
            ),
            {"name": "shop-net", "devices": {"eth0": {"type": "nic", "network": "shopbr0"}}},
            {
                "name": "shop-own",
                "project": "shop-own",
                "config": {"limits.memory": "64MiB", "user.password": "hunter22"},
            },
        ],
        "images": [{"name": "shop/tiny", "file": str(tiny), "properties": {"shop": "yes"}}],
        "image_aliases": [
            {"name": f"shop/tiny/{number}", "fingerprint": fingerprint, "description": "another name"}
            for number in range(2)
        ],
        "instances": [
            {"name": "shop-web", "image": "busybox", "profiles": ["shop-0", "shop-net"], "wait_for": ["ipv4"]},
            {
                "name": "shop-copy",
                "source": {"type": "copy", "source": "shop-e0"},
                "profiles": ["shop-1"],
                "state": "stopped",
            },
            {"name": "shop-tiny", "image": "shop/tiny", "profiles": ["shop-2"], "state": "stopped"},
            *(
                {"name": f"shop-e{number}", "profiles": ["shop-3"], "config": {"limits.memory": "64MiB"}, **empty}
                for number in range(16)
            ),
            *({"name": f"shop-o{number}", "project": "shop-own", **empty} for number in range(6)),
            *(
                {"name": f"shop-s{number}", "project": "shop-shared", "profiles": ["shop-3"], **empty}
                for number in range(6)
            ),
        ],
        "instance_snapshots": [
            *({"instance": f"shop-e{number}", "name": "first"} for number in range(6)),
            *(
                {
                    "instance": "shop-o0",
                    "project": "shop-own",
                    "name": f"s{number}",
                    "expires_at": "2039-12-31T00:00:00Z",
                }
                for number in range(4)
            ),
            {"instance": "shop-web", "name": "fresh", "depends_on": ["instance/shop-copy"]},
        ],
    }


def resources(definition: dict[str, Any]) -> int:
    return sum(len(entries) if isinstance(entries, list) else 1 for entries in definition.values())


def everything(api) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    """A dump of all collections of all projects, as the daemon tells it."""
    found: dict[str, Any] = {"/1.0": api.query("/1.0")["config"]}
    projects = [project["name"] for project in api.query("/1.0/projects?recursion=1")]
    for path in ("projects", "storage-pools", "networks", "certificates"):
        found[path] = api.query(f"/1.0/{path}?recursion=1")
    for project in projects:
        for path in (
            "profiles",
            "images",
            "images/aliases",
            "instances",
            "network-acls",
            "network-zones",
            "storage-pools/default/volumes",
        ):
            found[f"{path}?{project}"] = api.query(f"/1.0/{path}?recursion=1&project={project}")
        for instance in found[f"instances?{project}"]:
            place = f"instances/{instance['name']}/snapshots"
            found[f"{place}?{project}"] = api.query(f"/1.0/{place}?recursion=1&project={project}")
    return {place: _quiet(value) for place, value in found.items()}


def _quiet(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quiet(inner) for key, inner in value.items() if key not in NOISE}
    if isinstance(value, list):
        return sorted((_quiet(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value


def foreign(dump: dict[str, Any]) -> dict[str, Any]:
    """What of a dump is not the stack's."""
    return {
        place: [
            obj
            for obj in listed
            if not (
                isinstance(obj, dict)
                and "shop" in str(obj.get("name")) + str(obj.get("properties")) + str(obj.get("target"))
            )
        ]
        for place, listed in dump.items()
        if "shop" not in place and isinstance(listed, list)
    }
