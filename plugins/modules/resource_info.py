#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_info
short_description: Read resources of any kind from LXD and Incus
version_added: 0.1.0
description:
  - Reads all resources of a kind, or some, in one request.
  - Nothing found is an empty list.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  kind:
    description: What to read.
    type: str
    required: true
    choices:
      - certificate
      - cluster_group
      - cluster_member
      - image
      - image_alias
      - instance
      - instance_backup
      - instance_snapshot
      - network
      - network_acl
      - network_forward
      - network_load_balancer
      - network_peer
      - network_zone
      - network_zone_record
      - operation
      - profile
      - project
      - storage_bucket
      - storage_pool
      - storage_volume
      - warning
  name:
    description: Only the one with this name. Images are found by alias or fingerprint.
    type: str
  parent:
    description: What it belongs to. The instance of snapshots and backups, the pool of volumes and buckets, the network of forwards, the zone of records.
    type: str
  filter:
    description:
      - Only what matches, in the API's filter language, as in V(name eq default).
      - The server applies it. For kinds other than V(image) and V(instance) it needs the extension C(api_filtering_extended).
    type: str
  all_projects:
    description: Those of all projects.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: All storage pools
  cloudhost.lxd.resource_info:
    kind: storage_pool
  register: pools

- name: The snapshots of an instance
  cloudhost.lxd.resource_info:
    kind: instance_snapshot
    parent: web1
  register: snapshots
"""

RETURN = r"""
resources:
  description: The resources found, as the API shows them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: default
      driver: btrfs
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._resource_info import ResourceInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(ResourceInfo)


if __name__ == "__main__":
    main()
