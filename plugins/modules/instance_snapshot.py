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
    details: O(state=restored) restores the instance on every run.
options:
  name:
    description: Name of the snapshot.
    type: str
    required: true
  instance:
    description: The instance that the snapshot belongs to.
    type: str
    required: true
  state:
    description:
      - V(present) takes the snapshot if it does not exist. An existing snapshot is not taken again.
      - V(restored) restores the instance from the snapshot. The description of the instance stays.
      - V(absent) deletes the snapshot.
    type: str
    choices: [present, absent, restored]
    default: present
  expires_at:
    description: The time after which the daemon may delete the snapshot, as in V(2030-01-01T00:00:00Z). V(never)
      removes this time.
    type: str
  stateful:
    description:
      - Whether to include the memory of a running instance in the snapshot, or to restore it. Containers need CRIU for
        this. Virtual machines need C(migration.stateful).
    type: bool
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Create an instance
  cloudhost.lxd.instance:
    name: db1
    image: debian/12
    state: stopped

- name: Take a snapshot before the upgrade, and keep it until 2031
  cloudhost.lxd.instance_snapshot:
    instance: db1
    name: before-upgrade
    expires_at: "2031-01-01T00:00:00Z"

- name: Restore the instance from the snapshot
  cloudhost.lxd.instance_snapshot:
    instance: db1
    name: before-upgrade
    state: restored

- name: Remove the snapshot
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
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create instance_snapshot before-upgrade]
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
instance_snapshot:
  description: The snapshot, as the API returns it.
  returned: if the snapshot exists after the task
  type: dict
  contains:
    name:
      description: The name of the snapshot.
      type: str
      returned: success
    created_at:
      description: The time at which the snapshot was taken.
      type: str
      returned: success
    expires_at:
      description: The time after which the daemon may delete the snapshot. The zero time stands for never.
      type: str
      returned: success
    stateful:
      description: Whether the snapshot includes the memory of the instance.
      type: bool
      returned: success
    config:
      description: The configuration of the instance at that time.
      type: dict
      returned: success
    devices:
      description: The devices of the instance at that time.
      type: dict
      returned: success
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_snapshot import InstanceSnapshot
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(InstanceSnapshot)


if __name__ == "__main__":
    main()
