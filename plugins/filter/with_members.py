# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each member of a cluster has of its own, moved from the members to the pools and networks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: with_members
short_description: Add the keys that differ by member to storage pools or networks
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - With C(lxd init --preseed), each host has its own keys in C(member_config). The modules and a stack instead expect
    these keys in the option C(members)
    of the pool or network. This filter converts the first format to the second.
options:
  _input:
    description: Storage pools or networks, each with its C(name).
    type: list
    elements: dict
    required: true
  entity:
    description: The type of the resources, as C(member_config) names it.
    type: str
    choices: [storage-pool, network]
    required: true
  members:
    description:
      - The C(member_config) of each member, by the name of the member. It is a list of dictionaries with C(entity),
        C(name), C(key) and C(value).
      - C(null) stands for a member whose keys are not known here. This member keeps its current configuration.
    type: dict
    required: true
positional: entity, members
"""

EXAMPLES = r"""
- name: Manage the pools of a cluster, with the disk of each member
  cloudhost.lxd.stack:
    definition:
      storage_pools: "{{ pools | cloudhost.lxd.with_members('storage-pool', disks) }}"
  vars:
    pools:
      - name: local
        driver: dir
    disks:
      node1: [{entity: storage-pool, name: local, key: source, value: /srv/pool-a}]
      node2: [{entity: storage-pool, name: local, key: source, value: /srv/pool-b}]
"""

RETURN = r"""
_value:
  description: The same pools or networks. If a member has its own keys for one of them, these keys are in its
    C(members).
  type: list
  elements: dict
"""

from typing import Any


def with_members(
    resources: list[dict[str, Any]], entity: str, members: dict[str, list[dict[str, Any]] | None]
) -> list[dict[str, Any]]:
    """The resources, each with the keys of its own that members have of it."""
    own: dict[str, dict[str, dict[str, Any] | None]] = {
        resource["name"]: {
            member: None for member, config in members.items() if config is None and resource.get("config")
        }
        for resource in resources
    }
    for member, config in members.items():
        for entry in config or ():
            if entry["entity"] == entity and entry["name"] in own:
                own[entry["name"]].setdefault(member, {})[entry["key"]] = entry["value"]  # type: ignore[index]
    return [
        {**resource, "members": own[resource["name"]]} if own[resource["name"]] else resource for resource in resources
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"with_members": with_members}
