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
  - What the daemon makes of C(source) and C(size) (the path of a loop file, the name of a ZFS pool or volume group) is no difference.
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
      - The storage driver, such as V(dir), V(btrfs), V(lvm), V(zfs), V(ceph), V(cephfs). Which ones a server has depends on its tools and kernel.
      - Needed to create a pool; it cannot be changed afterwards.
    type: str
  state:
    description:
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - In a cluster, the configuration that single members have, by the name of the member. Each member has its own value of keys such as
        C(source), C(size) and C(zfs.pool_name); all other keys are written to O(config). Such a key in O(config) is meant for every member.
      - The pool is made on all members, whether they are named here or not. One that is half made is finished.
      - A member with V(null) keeps what it has, also of a key that is in O(config).
    type: dict
seealso:
  - module: cloudhost.lxd.profile
  - module: cloudhost.lxd.server_info
"""

EXAMPLES = r"""
- name: A directory of the host
  cloudhost.lxd.storage_pool:
    name: plain
    driver: dir

- name: Btrfs in a loop file, which may grow later
  cloudhost.lxd.storage_pool:
    name: fast
    driver: btrfs
    config:
      size: 1GiB
      volume.size: 512MiB

- name: Describe it
  cloudhost.lxd.storage_pool:
    name: fast
    description: For databases

- name: Remove both
  cloudhost.lxd.storage_pool:
    name: "{{ item }}"
    state: absent
  loop: [plain, fast]
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create storage_pool fast]
storage_pool:
  description: The pool as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    driver:
      description: Its driver.
      type: str
      returned: success
    description:
      description: Its description.
      type: str
      returned: success
    config:
      description: Its configuration.
      type: dict
      returned: success
    status:
      description: C(Created), C(Pending), C(Errored) or C(Unavailable).
      type: str
      returned: success
    locations:
      description: Cluster members that have it.
      type: list
      returned: success
      elements: str
    used_by:
      description: API paths of what is stored in it or names it.
      type: list
      returned: success
      elements: str
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StoragePool)


if __name__ == "__main__":
    main()
