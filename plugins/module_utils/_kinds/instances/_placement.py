# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Where in a cluster an instance is, and whether that is the wanted place."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._api.reader import Reader
from ..._engine import values
from .._targets import GROUPS, Placing, refuse_target


def is_placed(client: Reader, target: str, location: str, project: str | None) -> bool:
    """Whether a member is the wanted one, or one of the wanted group (`@group`): the API never shows a group as a
    location.

    :raises InvalidInput: if the instance has to move and the target cannot take it
    """
    if target == location:
        return True
    group = client.find(f"{GROUPS}/{quote(target[1:])}") if target.startswith("@") and location != "none" else None
    if group and location in (group.metadata.get("members") or ()):
        return True
    refuse_target(client, target, project)
    return False


def move_target(client: Reader, target: str, project: str | None) -> str:
    """The target to send for a move: LXD 5.0 places new instances by group, but moves instances only to members."""
    return (
        target
        if not target.startswith("@") or client.implementation == "incus"
        else Placing(client, project).choose(target[1:])
    )


def can_move_live(instance: dict[str, Any]) -> bool:
    """Whether an instance moves while it runs: a virtual machine with `migration.stateful`. Containers need CRIU."""
    stateful = values.is_true((instance.get("expanded_config") or {}).get("migration.stateful"))
    return instance.get("status") == "Running" and instance.get("type") == "virtual-machine" and stateful


def refuse_machines(client: Reader, sort: str) -> None:
    """Refuse a virtual machine where there can be none; in a cluster, only the member that gets it could know."""
    drivers = (client.server.get("environment", {}).get("driver") or "") if sort == "virtual-machine" else ""
    if drivers and "qemu" not in drivers and not client.clustered:
        raise InvalidInput(
            f"type: {client.label} runs no virtual machines (its drivers: {drivers}). They need QEMU and the kernel "
            "modules kvm and vhost_vsock "
            "when the daemon starts."
        )
