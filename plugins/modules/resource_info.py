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
  - Reads all or some resources of a kind, in one request.
  - If no resource is found, the list is empty.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  kind:
    description: The kind of resource to read.
    type: str
    required: true
    choices:
      - auth_group
      - certificate
      - cluster_group
      - cluster_link
      - cluster_member
      - identity
      - identity_provider_group
      - image
      - image_alias
      - instance
      - instance_backup
      - instance_snapshot
      - network
      - network_acl
      - network_address_set
      - network_forward
      - network_integration
      - network_load_balancer
      - network_load_balancer_pool
      - network_peer
      - network_zone
      - network_zone_record
      - operation
      - placement_group
      - profile
      - project
      - replicator
      - storage_bucket
      - storage_bucket_key
      - storage_pool
      - storage_volume
      - storage_volume_backup
      - storage_volume_snapshot
      - warning
  name:
    description: Read only the resource with this name. For an image, it is an alias or the fingerprint.
    type: str
  parent:
    description:
      - The resource that the resources belong to. It is the instance of snapshots and backups, the pool of volumes and
        buckets, the network of forwards, load balancers and peers, or the zone of records. Required for these kinds.
      - If that belongs to another resource, write both names with a slash between them. For the snapshots and
        backups of a volume, these are the pool and the volume, as in V(default/database).
    type: str
  filter:
    description:
      - Read only the resources that match this filter, in the filter language of the API, as in V(name eq default).
      - The server applies the filter. For kinds other than V(image) and V(instance), it needs the extension
        C(api_filtering_extended).
    type: str
  all_projects:
    description: Whether to read the resources of all projects.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read all storage pools
  cloudhost.lxd.resource_info:
    kind: storage_pool
  register: pools

- name: Read the snapshots of an instance
  cloudhost.lxd.resource_info:
    kind: instance_snapshot
    parent: web1
  register: snapshots
"""

RETURN = r"""
resources:
  description: The resources that were found, as the API returns them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: default
      driver: btrfs
code:
  description: The error code of the server. V(0) if the error did not come from the server.
  returned: failure
  type: int
  sample: 404
failure:
  description: The error as data.
  returned: failure
  type: dict
  contains:
    code:
      description: The same as RV(code).
      type: int
      returned: failure
    server_message:
      description: The message of the server. It is null if the error did not come from the server.
      type: str
      returned: failure
    retryable:
      description: Whether the same task can succeed later although nothing else is changed, for example because the
        server was starting.
      type: bool
      returned: failure
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.resource_info import ResourceInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(ResourceInfo)


if __name__ == "__main__":
    main()
