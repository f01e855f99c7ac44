#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_pool
short_description: Manage storage pools of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes storage pools, over C(/1.0/storage-pools).
  - The daemon replaces C(source) and C(size) with values such as the path of a loop file or the name of a ZFS pool or
    volume group. The module does not treat this as a difference.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.recreate
options:
  name:
    description: Name of the pool.
    type: str
    required: true
  driver:
    description:
      - The storage driver, such as V(dir), V(btrfs), V(lvm), V(zfs), V(ceph) or V(cephfs). The tools and the kernel of
        a server determine which drivers it supports.
      - Required to create a pool. You cannot change the driver of an existing pool.
    type: str
  state:
    description:
      - Whether the pool should exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - In a cluster, the configuration of single members, by the name of the member. Each member has its own value of
        keys such as C(source), C(size) and C(zfs.pool_name). Write all other keys in O(config). If you write such a key
        in O(config), it applies to every member.
      - The pool is created on all members, whether this option names them or not. A partly created pool is completed.
      - A member with V(null) keeps its current configuration, even for a key that is in O(config).
    type: dict
seealso:
  - module: cloudhost.lxd.profile
  - module: cloudhost.lxd.server_info
"""

EXAMPLES = r"""
- name: Create a pool in a directory of the host
  cloudhost.lxd.storage_pool:
    name: plain
    driver: dir

- name: Create a Btrfs pool in a loop file, which can grow later
  cloudhost.lxd.storage_pool:
    name: fast
    driver: btrfs
    config:
      size: 1GiB
      volume.size: 512MiB

- name: Create a ZFS pool on a disk, which must be empty
  cloudhost.lxd.storage_pool:
    name: disk
    driver: zfs
    config:
      source: /dev/disk/by-id/nvme-example

- name: Create a pool on every member of a cluster, larger on one of them
  cloudhost.lxd.storage_pool:
    name: data
    driver: btrfs
    config:
      size: 5GiB
    members:
      node2:
        size: 6GiB

- name: Create a pool on every member of a cluster, on the disk of each
  cloudhost.lxd.storage_pool:
    name: disks
    driver: zfs
    members:
      node1:
        source: /dev/nvme1n1
      node2:
        source: /dev/sdb

- name: Create a pool of a Ceph that all members of a cluster reach
  cloudhost.lxd.storage_pool:
    name: remote
    driver: ceph
    config:
      ceph.osd.pool_name: lxd

- name: Describe the pool
  cloudhost.lxd.storage_pool:
    name: fast
    description: For databases

- name: Remove both pools
  cloudhost.lxd.storage_pool:
    name: "{{ item }}"
    state: absent
  loop: [plain, fast]
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create storage_pool fast]
steps:
  description: The same as RV(actions), as data.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: What the step does, for example V(create), V(update), V(delete), V(rename), V(move), V(start) or
        V(stop).
      type: str
      returned: success
    kind:
      description: The kind of the resource.
      type: str
      returned: success
    name:
      description: The name that the task gives the resource, with the names of what it belongs to before it.
      type: str
      returned: success
    words:
      description: The sentence in RV(actions). It can change in any release.
      type: str
      returned: success
storage_pool:
  description: The pool, as the API returns it.
  returned: if the pool exists after the task
  type: dict
  contains:
    name:
      description: The name of the pool.
      type: str
      returned: success
    driver:
      description: The driver of the pool.
      type: str
      returned: success
    description:
      description: The description of the pool.
      type: str
      returned: success
    config:
      description: The configuration of the pool.
      type: dict
      returned: success
    status:
      description: C(Created), C(Pending), C(Errored) or C(Unavailable).
      type: str
      returned: success
    locations:
      description: The cluster members that have the pool.
      type: list
      returned: success
      elements: str
    used_by:
      description: The API paths of the resources that are stored in the pool or refer to it.
      type: list
      returned: success
      elements: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StoragePool)


if __name__ == "__main__":
    main()
