#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_backup
short_description: Back up and restore a whole server of LXD or Incus
version_added: 0.1.0
description:
  - Exports a server or cluster to a directory. This is its document as M(cloudhost.lxd.stack_export) returns it but
    with secrets, its database, its certificate and key, and exports of all instances and custom volumes, several at a
    time. A manifest has the checksum of each file.
  - Verifies such a backup, and creates from it what a server lacks, for example a new server.
  - The directory is on the host that runs the module. Over the API, this is the controller.
  - An instance that runs is exported as if its power had failed at that moment. If its key C(user.backup) is
    V(stopped), it is stopped, exported with the volumes that it has, and started again. If the key is V(false), the
    instance or volume is left out.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
attributes:
  diff_mode:
    support: partial
    details: With O(state=exported), the diff lists the actions.
options:
  directory:
    description:
      - The directory of the backups of this server, and of no other. Each run is a directory in it, with the time of
        its begin as its name, as in V(20261128T030000Z).
      - A backup has keys and secrets in it. Only the user of the module can read what it writes, and a directory into
        which others can write is refused.
    type: path
    required: true
  state:
    description:
      - V(exported) makes a backup if the newest whole one is older than O(max_age) or was made with other options.
      - V(verified) checks the files of a backup and changes nothing. It sends nothing to a server.
      - V(imported) verifies a backup and then creates what the server lacks. What exists stays as it is, apart from
        instances that ran when they were exported, which are started.
    type: str
    choices: [exported, verified, imported]
    default: exported
  max_age:
    description:
      - The age at which the next backup is due, as a number with V(s), V(m), V(h), V(d) or V(w). V(0s) makes one in
        each run. Required with O(state=exported).
      - A backup that was interrupted, or in which an export failed, is completed until it has this age. What it has is
        not exported again.
      - With O(state=verified), an older backup is an error.
    type: str
  keep:
    description:
      - How many whole backups to keep, the newest ones. Older ones are removed once the new one is whole. Without it,
        nothing that is whole is removed.
      - Backups that are not whole do not count. They are removed once a later one is whole. If no backup gets whole,
        the newest ones of them stay, as many as O(keep).
      - Only files that the module wrote are removed.
    type: int
  projects:
    description: Export only what is in these projects. If not set, all projects are exported.
    type: list
    elements: str
  include:
    description: Export only instances and volumes that match one of these patterns, as in V(web*). The name of a volume
      is V(POOL/VOLUME).
    type: list
    elements: str
  exclude:
    description: Do not export instances and volumes that match one of these patterns.
    type: list
    elements: str
  images:
    description: Which images to export. V(local) are those that no image server has. The others are in the document,
      and O(state=imported) gets them from their server again. The default is V(local). No instance needs its image
      to be imported.
    type: str
    choices: [local, all, none]
  snapshots:
    description: Whether to export the snapshots of instances and volumes. The default is V(true).
    type: bool
  compression_algorithm:
    description: How the server compresses exports, for example V(zstd) or V(none). The default is the
      C(backups.compression_algorithm) of the server.
    type: str
  optimized_storage:
    description: Whether to use the format of the storage driver. Such an export can only be imported into a pool with
      the same driver.
    type: bool
  daemon_directory:
    description: The directory of the daemon, which has C(server.key). If not set, it is found for a server on the same
      host. Over the API, the key is not part of the backup.
    type: path
  parallel:
    description: How many exports or changes are made at a time. Each export has the whole O(timeout), without its
      transfer.
    type: int
    default: 2
  run:
    description: The name of the backup to verify or to import. If not set, the newest that is whole.
    type: str
  verify:
    description: How to verify a backup. V(checksum) reads all its files, and is the default. V(size) compares only
      their sizes.
    type: str
    choices: [checksum, size]
  partial:
    description: Whether to import a backup in which exports failed, if O(run) names it.
    type: bool
  start:
    description: Whether to start the instances that ran when they were exported. The default is V(true).
    type: bool
seealso:
  - module: cloudhost.lxd.instance_backup
  - module: cloudhost.lxd.storage_volume_backup
  - module: cloudhost.lxd.stack_export
"""

EXAMPLES = r"""
- name: Back up the server every night, and keep two weeks
  cloudhost.lxd.server_backup:
    directory: /var/tmp/cloudhost-backup
    max_age: 20h
    keep: 14
    exclude: [test-*]
    images: none

- name: Check that there is a backup of the last night, and that it is whole
  cloudhost.lxd.server_backup:
    directory: /var/tmp/cloudhost-backup
    state: verified
    max_age: 26h

- name: Create what is missing
  cloudhost.lxd.server_backup:
    directory: /var/tmp/cloudhost-backup
    state: imported

- name: Remove the backups
  ansible.builtin.file:
    path: /var/tmp/cloudhost-backup
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [export instance web1]
steps:
  description: The same as RV(actions), as data.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: What the step does, for example V(export), V(create), V(start) or V(delete).
      type: str
      returned: success
    kind:
      description: The kind of the resource.
      type: str
      returned: success
    name:
      description: The name of the resource, or of the backup.
      type: str
      returned: success
    words:
      description: The sentence in RV(actions). It can change in any release.
      type: str
      returned: success
server_backup:
  description: The backup. In check mode, it is null if one would be made.
  returned: success, and if an export failed
  type: dict
  contains:
    run:
      description: The name of the backup.
      type: str
      returned: always
      sample: 20261128T030000Z
    path:
      description: The directory of the backup.
      type: str
      returned: always
    whole:
      description: Whether nothing is missing in it.
      type: bool
      returned: always
    created_at:
      description: When it was begun.
      type: str
      returned: always
      sample: "2026-11-28T03:00:00Z"
    size:
      description: The size of its files in bytes.
      type: int
      returned: always
    server:
      description: The product, version and name of the server.
      type: dict
      returned: always
    identity_files:
      description: The names of its files that are certificates and keys of the server.
      type: list
      elements: str
      returned: always
    exported:
      description: What has been exported, each with C(kind), C(name) and C(project).
      type: list
      elements: dict
      returned: always
    left_out:
      description: What has not been exported, each with C(kind), C(name), C(project) and C(reason).
      type: list
      elements: dict
      returned: always
    failed:
      description: The exports that failed, each with C(kind), C(name), C(project) and C(msg).
      type: list
      elements: dict
      returned: always
plan_lines:
  description: The plan of the import, as M(cloudhost.lxd.stack) returns it.
  returned: with O(state=imported)
  type: list
  elements: str
summary:
  description: The plan of the import in one sentence.
  returned: with O(state=imported)
  type: str
failed_resources:
  description: What could not be created, as M(cloudhost.lxd.stack) returns it.
  returned: if an import failed
  type: list
  elements: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_backup import ServerBackup
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(ServerBackup)


if __name__ == "__main__":
    main()
