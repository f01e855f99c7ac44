#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_volume_backup
short_description: Export, import and back up storage volumes of LXD and Incus
version_added: 0.1.0
description:
  - Exports a custom storage volume to a file, with its configuration, its snapshots and its data, and imports it from
    such a file. Both work over C(/1.0/storage-pools/POOL/volumes/custom/VOLUME/backups).
  - The file is on the host that runs the module. Over the API, this is the controller. Its contents are not held in
    memory.
  - An instance that uses the volume can run meanwhile. What it writes during the export may be in the file or not, so
    stop the instance or its service for a consistent export.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._backup
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.new_name
options:
  pool:
    description: The storage pool that the volume is in, or is to be imported into.
    type: str
    required: true
  volume:
    description: The volume. With O(state=imported), this is the name to give it, which can be another than in the file.
    type: str
    required: true
  state:
    description:
      - V(exported) writes the volume to O(file). An export that is there and whole is not written again, unless it is
        older than O(max_age) or was made with other options.
      - V(imported) creates the volume from O(file) if it does not exist. An existing volume stays as it is.
      - V(present) creates a backup named O(name) on the server if it does not exist. The server keeps it in its own
        storage. Nothing is compared with a backup that exists.
      - V(absent) deletes the backup named O(name) on the server.
    type: str
    choices: [exported, imported, present, absent]
    default: exported
  volume_only:
    description: Whether to leave out the snapshots of the volume.
    type: bool
seealso:
  - module: cloudhost.lxd.instance_backup
  - module: cloudhost.lxd.storage_volume
  - module: cloudhost.lxd.storage_volume_snapshot
"""

EXAMPLES = r"""
- name: Create a volume
  cloudhost.lxd.storage_volume:
    pool: default
    name: orders
    config:
      size: 32MiB

- name: Export it every day, and keep a week
  cloudhost.lxd.storage_volume_backup:
    pool: default
    volume: orders
    file: /var/tmp/orders-{time}.tar.gz
    max_age: 20h
    keep: 7

- name: Remove the volume
  cloudhost.lxd.storage_volume:
    pool: default
    name: orders
    state: absent

- name: Import it from the newest export
  cloudhost.lxd.storage_volume_backup:
    pool: default
    volume: orders
    file: /var/tmp/orders-{time}.tar.gz
    state: imported

- name: Remove it again
  cloudhost.lxd.storage_volume:
    pool: default
    name: orders
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [export storage_volume default/site to /backups/site.tar.gz]
steps:
  description: The same as RV(actions), as data.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: What the step does, for example V(export), V(import), V(create), V(rename) or V(delete).
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
storage_volume_backup:
  description: The export or the backup.
  returned: success, except with O(state=absent)
  type: dict
  contains:
    pool:
      description: The storage pool.
      type: str
      returned: with O(state=exported) and O(state=imported)
    volume:
      description: The volume.
      type: str
      returned: with O(state=exported) and O(state=imported)
    volume_only:
      description: Whether the snapshots of the volume were left out.
      type: bool
      returned: if it was set, and with O(state=present)
    project:
      description: The project.
      type: str
      returned: with O(state=exported) and O(state=imported)
    file:
      description: The path of the file. In check mode, it is missing if O(file) contains V({time}) and an export would
        be made.
      type: str
      returned: with O(state=exported), and if something was imported
    size:
      description: The size of the file in bytes.
      type: int
      returned: as RV(storage_volume_backup.file), and if the file has a record
    sha256:
      description: The SHA-256 checksum of the file.
      type: str
      returned: as RV(storage_volume_backup.file), and if the file has a record
    created_at:
      description: When the export began. With O(state=present), when the server created the backup.
      type: str
      returned: as RV(storage_volume_backup.file), if the file has a record, and with O(state=present)
      sample: "2026-11-28T03:00:00Z"
    name:
      description: The name of the backup on the server.
      type: str
      returned: with O(state=present)
    expires_at:
      description: When the server deletes the backup. The year 1 means never.
      type: str
      returned: with O(state=present)
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume_backup import (
    StorageVolumeBackup,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StorageVolumeBackup)


if __name__ == "__main__":
    main()
