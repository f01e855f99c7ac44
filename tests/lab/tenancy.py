# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tenants, as the role `tenants` makes them, one of whom attacks."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import NAMES
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._tenants import Tenants
from integration import raw
from integration.tls import Identity

from . import tiny
from .attacks import Attack
from .cluster import Node
from .tenant import Tenant


def tenancy(node: Node, clients: dict[str, Identity], uplink: str = "") -> dict[str, Any]:
    """The role's document, with its defaults, for tenants on OVN if there is an uplink."""
    server = node.query("/1.0")
    settings = {
        "accepted_gaps": NAMES if uplink else (),
        "pool": "local",
        "uplink": uplink,
        "unreachable": [],
        "images": [{"name": "debian/12", **tiny.files()}],
        "quota": {"instances": 6, "networks": 1, "memory": "2GiB", "cpu": 8, "disk": "4GiB", "processes": 2000},
        "defaults": {"cpu": 1, "memory": "64MiB", "disk": "64MiB", "processes": 100},
        "isolated": node.kind == "incus",
    }
    found: dict[str, Any] = {"extensions": server["api_extensions"], "environment": server["environment"]}
    found.update(dict.fromkeys(("certificate", "project", "network", "network_acl"), []))
    entries = [
        {
            "name": name,
            "subnet": f"10.{70 + number}.0.0/24",
            "clients": [{"certificate": client.pem}],
            "config": {
                "restricted.networks.subnets": f"{uplink}:203.0.113.{16 * number}/28",
                "restricted.networks.zones": f"{name}.test",
            }
            if uplink
            else {},
        }
        for number, (name, client) in enumerate(clients.items())
    ]
    planned = Tenants(entries, settings, found)
    assert planned.errors() == []
    definition: dict[str, Any] = planned.plan()["definition"]
    return definition


def everything(node: Node) -> dict[str, Any]:
    """What the server has, without what changes by itself."""
    places = ["projects", "certificates", "storage-pools"]
    if node.query("/1.0/cluster")["enabled"]:
        places += ["cluster/members", "cluster/groups"]
    sections = ("instances", "images", "profiles", "networks", "network-acls", "storage-pools/local/volumes")
    places += [f"{section}?project={project}" for project in ("default", "blue", "green") for section in sections]
    found: dict[str, Any] = {"": raw.done(node.place, "GET", "/1.0")["config"]}
    for place in places:
        found[place] = raw.done(node.place, "GET", f"/1.0/{place}{'&' if '?' in place else '?'}recursion=1")
        for entry in found[place]:
            for key in ("last_used_at", "used_by", "message", "locations"):
                entry.pop(key, None)
    return found


def attempts(node: Node, blue: Tenant, attacks: Mapping[str, Attack]) -> set[str]:
    """The names of the attacks that the server does not refuse."""
    image = raw.done(node.place, "GET", "/1.0/images?project=green")[0].rpartition("/")[2]
    token = raw.ask(node.place, "POST", f"/1.0/images/{image}/secret?project=green")["metadata"]["id"]
    trusted = raw.done(node.place, "GET", "/1.0/certificates?recursion=1")
    clients = {one["name"]: one["fingerprint"] for one in trusted}
    known = {"own": clients["blue"], "image": image, "operation": token, "product": node.kind}
    return {name for name, attack in attacks.items() if not attack.by(blue, known).refused}
