# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a change of a network does not reach: instances that run."""

from __future__ import annotations

from typing import Any

from ..._engine.resource import Resource
from .._versions import NETWORK_ACLS, is_of


def doubt_acls(network: Resource, old: dict[str, Any], config: dict[str, str]) -> None:
    """Warn of ACLs that do not count for what runs. Nothing else shows that: the server reports success."""
    before = old.get("config") or {}
    changed = sorted(
        key for key in {*config, *before} if key.startswith("security.acls") and config.get(key) != before.get(key)
    )
    used = old.get("type") == "ovn" and old.get("used_by")
    if changed and used and is_of(network.client, NETWORK_ACLS):
        network.doubt(
            f"config.{changed[0]}: {network.client.label} may not apply changed ACLs of an OVN network to instances "
            "that run, if it has instances of other projects: restart the instances of the network. Incus 6.0.6 and "
            "6.16 apply them."
        )
