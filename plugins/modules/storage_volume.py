#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_volume
short_description: Manage storage volumes of LXD and Incus
version_added: 0.1.0
description:
  - Creates, copies, changes, renames, moves and deletes custom storage volumes, over
    C(/1.0/storage-pools/POOL/volumes/custom).
  - An instance uses a volume through a device of type C(disk) with C(pool) and C(source). Several instances can share a
    volume of files.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
  - cloudhost.lxd._resource.recreate
options:
  name:
    description: Name of the volume.
    type: str
    required: true
  pool:
    description: The storage pool that the volume is in.
    type: str
    required: true
  state:
    description:
      - V(present) creates the volume if it does not exist.
      - V(absent) deletes the volume. A volume with snapshots is deleted only with O(force=true).
    type: str
    choices: [present, absent]
    default: present
  content_type:
    description:
      - What the volume holds. V(filesystem) holds files. V(block) is a disk for virtual machines. V(iso) is an ISO
        image for virtual machines and needs O(source).
      - The default for a new volume is V(filesystem). You cannot change the content type of an existing volume.
    type: str
    choices: [filesystem, block, iso]
  type:
    description: The type of the volume, as preseed files have it. Volumes of other types belong to an instance or an
      image.
    type: str
    choices: [custom]
  source:
    description:
      - What a new volume is made from. Without it, the volume is empty. An existing volume is not compared with it,
        except with O(source.refresh) and O(source.move).
    type: dict
    suboptions:
      type:
        description:
          - V(backup) imports an export, with the configuration and snapshots in it.
            M(cloudhost.lxd.storage_volume_backup) writes such files. The volume belongs to no stack unless the task is
            part of one.
          - V(copy) copies a volume of the same server, or of O(source.server), with its configuration and snapshots.
            The copy belongs to no stack unless the task is part of one.
          - V(iso) uploads a file. This needs the extension C(custom_volume_iso).
        type: str
        choices: [backup, copy, iso]
        required: true
      server:
        description:
          - Another server, which has the volume to copy. It is a dictionary of connection options (C(url),
            C(server_fingerprint) or C(server_cert), C(client_cert), C(client_key), C(trust_token), C(validate_certs)).
            C(client_cert) and C(client_key) default to those of the task.
          - See the guide L(moving between servers, https://github.com/cloudhost/lxd/blob/main/docs/moving.md).
        type: dict
      mode:
        description: With O(source.server), V(pull) has this server connect to the other one, and V(push) the other one
          to this server. The default is V(pull). V(relay) has the module export the volume there and import it here,
          so the servers need not reach each other. Only V(relay) copies a volume from LXD to Incus.
        type: str
        choices: [pull, push, relay]
      refresh:
        description:
          - With O(source.server), bring an existing copy up to date if its original can have changed. No instance that
            uses the copy can be running.
        type: bool
      move:
        description: With O(source.server), delete the original once the copy is whole. Nothing can be using it.
        type: bool
      keep:
        description: With O(source.move=true), the original stays. Stopped instances can be using it. Whatever becomes
          of it, it is not copied again.
        type: bool
      compression_algorithm:
        description: With O(source.mode=relay), how the other server compresses the export, for example V(none).
        type: str
      pool:
        description: The storage pool of the volume to copy. The default is O(pool).
        type: str
      name:
        description: The name of the volume to copy. Required with O(source.type=copy).
        type: str
      project:
        description: The project of the volume to copy. The default is the project of the new volume.
        type: str
      volume_only:
        description: Whether to copy the volume without its snapshots.
        type: bool
      file:
        description: The path of an ISO image or of an export, on the host that runs the module. Required with
          O(source.type=iso) and O(source.type=backup).
        type: path
  new_pool:
    description:
      - Another storage pool. Moves the volume there, with its snapshots. If it has already been moved, nothing changes.
      - No instance that uses the volume can be running.
    type: str
  new_project:
    description:
      - Another project. Moves the volume there, with its snapshots. If it has already been moved, nothing changes.
      - No instance that uses the volume can be running.
    type: str
  new_target:
    description:
      - Another member of the cluster. Moves the volume of the member in O(target) there, with its snapshots. If it has
        already been moved, nothing changes. Needs O(target).
      - Nothing can be using the volume.
    type: str
  force:
    description: Whether O(state=absent) deletes the snapshots of the volume, too.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.storage_pool
  - module: cloudhost.lxd.storage_volume_backup
  - module: cloudhost.lxd.storage_volume_snapshot
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Create a storage pool
  cloudhost.lxd.storage_pool:
    name: volumes
    driver: btrfs
    config:
      size: 1GiB

- name: Create a volume of files, with a daily snapshot that is kept for a week
  cloudhost.lxd.storage_volume:
    pool: volumes
    name: site
    description: Files of the site
    config:
      size: 64MiB
      snapshots.schedule: "@daily"
      snapshots.expiry: 7d

- name: Create an instance that uses it
  cloudhost.lxd.instance:
    name: files1
    image: debian/12
    state: stopped
    devices:
      site:
        type: disk
        pool: volumes
        source: site
        path: /srv/site

- name: Copy it
  cloudhost.lxd.storage_volume:
    pool: volumes
    name: site-test
    source:
      type: copy
      name: site

- name: Move a volume from another server
  cloudhost.lxd.storage_volume:
    pool: volumes
    name: archive
    source:
      type: copy
      server:
        url: https://old.example.net:8443
        server_fingerprint: "{{ old_fingerprint }}"
        client_cert: ~/.config/lxc/client.crt
        client_key: ~/.config/lxc/client.key
      pool: default
      name: archive
      move: true

- name: Move the copy to another pool
  cloudhost.lxd.storage_volume:
    pool: volumes
    name: site-test
    new_pool: default

- name: Remove the instance
  cloudhost.lxd.instance:
    name: files1
    state: absent

- name: Remove the volumes
  cloudhost.lxd.storage_volume:
    pool: "{{ item.pool }}"
    name: "{{ item.name }}"
    state: absent
  loop:
    - {pool: volumes, name: site}
    - {pool: default, name: site-test}

- name: Remove the pool
  cloudhost.lxd.storage_pool:
    name: volumes
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create storage_volume site]
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
storage_volume:
  description: The volume, as the API returns it.
  returned: if the volume exists after the task
  type: dict
  contains:
    name:
      description: The name of the volume.
      type: str
      returned: success
    description:
      description: The description of the volume.
      type: str
      returned: success
    type:
      description: C(custom).
      type: str
      returned: success
    content_type:
      description: C(filesystem), C(block) or C(iso).
      type: str
      returned: success
    config:
      description: The configuration of the volume.
      type: dict
      returned: success
    location:
      description: The cluster member that has the volume.
      type: str
      returned: success
    used_by:
      description: The API paths of the instances and profiles that use the volume.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume import StorageVolume
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StorageVolume)


if __name__ == "__main__":
    main()
