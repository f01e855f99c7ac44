# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server that joins a cluster has to be told of its pools and networks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: joining_config
short_description: Add the keys for every member to the configuration of a server that joins
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - A key such as C(source) or C(size) in the C(config) of a storage pool applies to every member. However, a cluster
    does not pass such keys to a server
    that joins. This filter adds them to the C(member_config) of that server. Values that the server already has in
    C(member_config) take precedence.
  - The filter also adds keys that are not specific to members. The server ignores these.
options:
  _input:
    description: The C(member_config) of the server, a list of dictionaries with C(entity), C(name), C(key) and
      C(value).
    type: list
    elements: dict
    required: true
  storage_pools:
    description: Storage pools of the cluster, each with its C(name).
    type: list
    elements: dict
    required: true
  networks:
    description: Networks of the cluster, each with its C(name).
    type: list
    elements: dict
    required: true
positional: storage_pools, networks
seealso:
  - plugin: cloudhost.lxd.with_members
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Join the cluster, with the same disk as all other members, and an uplink of this host
  cloudhost.lxd.cluster:
    server_name: node2
    server_address: 10.0.0.2:8443
    cluster_token: "{{ node2_token }}"
    member_config: "{{ own | cloudhost.lxd.joining_config(pools, networks) }}"
  vars:
    pools: [{name: local, driver: btrfs, config: {source: /dev/sdb}}]
    networks: [{name: uplink, type: physical, config: {parent: eth1}}]
    own: [{entity: network, name: uplink, key: parent, value: enp5s0}]
"""

RETURN = r"""
_value:
  description: The C(member_config), including those keys.
  type: list
  elements: dict
"""

from typing import Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import values


def joining_config(
    own: list[dict[str, Any]], storage_pools: list[dict[str, Any]], networks: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Entries for all keys that the pools and networks have, and those of this server in their places.

    :raises InvalidInput: a value that the API has no words for
    """
    said: dict[tuple[str, str, str], str | None] = {}
    for entity, resources in (("storage-pool", storage_pools), ("network", networks)):
        for resource in resources:
            for key, value in (resource.get("config") or {}).items():
                said[entity, resource["name"], key] = values.wire(f"{resource['name']}.{key}", value)
    said.update({(entry["entity"], entry["name"], entry["key"]): entry["value"] for entry in own})
    return [
        {"entity": entity, "name": name, "key": key, "value": value}
        for (entity, name, key), value in said.items()
        if value is not None
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"joining_config": joining_config}
