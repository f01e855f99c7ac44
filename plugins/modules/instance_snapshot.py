#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_snapshot
short_description: Manage snapshots of instances of LXD and Incus
version_added: 0.1.0
description:
  - Takes, renames, restores and deletes snapshots of instances, over C(/1.0/instances/INSTANCE/snapshots).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.new_name
  - cloudhost.lxd._resource.recreate
attributes:
  idempotent:
    support: partial
    details: O(state=restored) restores on every run, as it says.
options:
  name:
    description: Name of the snapshot.
    type: str
    required: true
  instance:
    description: The instance it is one of.
    type: str
    required: true
  state:
    description:
      - V(present) takes the snapshot where there is none of this name; one that is there is not taken again.
      - V(restored) puts the instance back to it. The description of the instance stays.
    type: str
    choices: [present, absent, restored]
    default: present
  expires_at:
    description: When the daemon may delete it, as in V(2030-01-01T00:00:00Z); V(never) takes that back.
    type: str
  stateful:
    description:
      - Include the memory of a running instance, or restore it. Containers need CRIU for it, virtual machines C(migration.stateful).
    type: bool
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: An instance to take a snapshot of
  cloudhost.lxd.instance:
    name: db1
    image: debian/12
    state: stopped

- name: Before the upgrade, kept until 2031
  cloudhost.lxd.instance_snapshot:
    instance: db1
    name: before-upgrade
    expires_at: "2031-01-01T00:00:00Z"

- name: Back to it
  cloudhost.lxd.instance_snapshot:
    instance: db1
    name: before-upgrade
    state: restored

- name: Remove it
  cloudhost.lxd.instance_snapshot:
    instance: db1
    name: before-upgrade
    state: absent

- name: Remove the instance
  cloudhost.lxd.instance:
    name: db1
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create instance_snapshot before-upgrade]
instance_snapshot:
  description: The snapshot as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    created_at:
      description: When it was taken.
      type: str
      returned: success
    expires_at:
      description: When it may be deleted; the zero time for never.
      type: str
      returned: success
    stateful:
      description: Whether it has the memory of the instance.
      type: bool
      returned: success
    config:
      description: Configuration of the instance at that time.
      type: dict
      returned: success
    devices:
      description: Devices of the instance at that time.
      type: dict
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instance_snapshot import InstanceSnapshot
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(InstanceSnapshot)


if __name__ == "__main__":
    main()
