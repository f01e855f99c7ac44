#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_volume_snapshot
short_description: Manage snapshots of storage volumes of LXD and Incus
version_added: 0.1.0
description:
  - Takes, describes, renames, restores and deletes snapshots of custom storage volumes, over
    C(/1.0/storage-pools/POOL/volumes/custom/VOLUME/snapshots).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.new_name
attributes:
  idempotent:
    support: partial
    details: O(state=restored) restores the volume on every run.
options:
  name:
    description: Name of the snapshot.
    type: str
    required: true
  pool:
    description: The storage pool of the volume.
    type: str
    required: true
  volume:
    description: The volume that the snapshot belongs to.
    type: str
    required: true
  state:
    description:
      - V(present) takes the snapshot if it does not exist. An existing snapshot is not taken again.
      - V(restored) restores the data of the volume from the snapshot. No instance that uses the volume can be running.
        The description and the configuration of the volume stay.
      - V(absent) deletes the snapshot.
    type: str
    choices: [present, absent, restored]
    default: present
  description:
    description:
      - The description, as text for people. An empty string removes it.
      - Without this option, the servers give a new snapshot the description of its volume.
    type: str
  expires_at:
    description: The time after which the daemon may delete the snapshot, as in V(2030-01-01T00:00:00Z). V(never)
      removes this time.
    type: str
seealso:
  - module: cloudhost.lxd.storage_volume
  - module: cloudhost.lxd.instance_snapshot
"""

EXAMPLES = r"""
- name: Create a volume
  cloudhost.lxd.storage_volume:
    pool: default
    name: database

- name: Take a snapshot before the upgrade, and keep it until 2031
  cloudhost.lxd.storage_volume_snapshot:
    pool: default
    volume: database
    name: before-upgrade
    description: Before the upgrade
    expires_at: "2031-01-01T00:00:00Z"

- name: Restore the volume from the snapshot
  cloudhost.lxd.storage_volume_snapshot:
    pool: default
    volume: database
    name: before-upgrade
    state: restored

- name: Remove the snapshot
  cloudhost.lxd.storage_volume_snapshot:
    pool: default
    volume: database
    name: before-upgrade
    state: absent

- name: Remove the volume
  cloudhost.lxd.storage_volume:
    pool: default
    name: database
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create storage_volume_snapshot before-upgrade]
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
storage_volume_snapshot:
  description: The snapshot, as the API returns it.
  returned: if the snapshot exists after the task
  type: dict
  contains:
    name:
      description: The name of the snapshot.
      type: str
      returned: success
    description:
      description: The description of the snapshot.
      type: str
      returned: success
    expires_at:
      description: The time after which the daemon may delete the snapshot. Null or the zero time stands for never.
      type: str
      returned: success
    content_type:
      description: The content type of the volume.
      type: str
      returned: success
    config:
      description: The configuration of the volume at that time.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume_snapshot import (
    StorageVolumeSnapshot,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StorageVolumeSnapshot)


if __name__ == "__main__":
    main()
