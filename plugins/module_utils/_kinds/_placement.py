# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Where in a cluster an instance is, and whether that is where it should be."""

from __future__ import annotations

from typing import Any

from .. import _values as values
from .._client import Client, quote
from .._errors import InvalidInput, did_you_mean
from ._heartbeats import heard


def is_placed(client: Client, target: str, location: str) -> bool:
    """Whether a member is the wanted one, or one of the wanted group (C(@group)), which the API never shows as a location."""
    if target == location:
        return True
    if location == "none":
        raise InvalidInput(f"target: {client.label} is not clustered, so there is no '{target}' to be on.")
    kind, name, path = ("group", target[1:], "/1.0/cluster/groups") if target.startswith("@") else ("member", target, "/1.0/cluster/members")
    known = client.names(path)
    if name not in known:
        raise InvalidInput(f"target: {client.label} has no {kind} '{name}'. {did_you_mean(name, known)}")
    if kind == "group":
        return location in (client.get(f"{path}/{quote(name)}").metadata.get("members") or ())
    there = heard(client, lambda: [client.get(f"{path}/{quote(name)}").metadata])[0]
    if there["status"] in ("Evacuated", "Offline"):  # LXD 5.0 moves a stopped instance to such a member
        raise InvalidInput(f"target: the member '{name}' of {client.label} is {there['status'].lower()} ({there['message']}): restore it, or choose another.")
    return False


def move_target(client: Client, target: str) -> str:
    """What to ask the server to move an instance to: LXD 5.0 places new instances by group, but moves them to members only."""
    if not target.startswith("@") or client.implementation == "incus":
        return target
    members = client.get("/1.0/cluster/members", recursion=1).metadata
    online = [member["server_name"] for member in members if member["status"] == "Online" and target[1:] in (member.get("groups") or ())]
    if not online:
        raise InvalidInput(f"target: no member of the group '{target[1:]}' on {client.label} is online.")
    return online[0]


def can_move_live(instance: dict[str, Any]) -> bool:
    """Whether a running instance moves without being stopped: a virtual machine that was told so. Containers would need CRIU."""
    stateful = values.is_true((instance.get("expanded_config") or {}).get("migration.stateful"))
    return instance.get("status") == "Running" and instance.get("type") == "virtual-machine" and stateful


def refuse_machines(client: Client) -> None:
    """Refuse a virtual machine where there can be none; of a cluster, only the member that it comes to could tell."""
    drivers = client.server.get("environment", {}).get("driver") or ""
    if drivers and "qemu" not in drivers and not client.clustered:
        raise InvalidInput(
            f"type: {client.label} runs no virtual machines (its drivers: {drivers}). They need QEMU and the kernel modules kvm and vhost_vsock "
            "when the daemon starts."
        )
