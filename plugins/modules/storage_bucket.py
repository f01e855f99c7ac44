#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_bucket
short_description: Manage storage buckets of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes storage buckets, over C(/1.0/storage-pools/POOL/buckets). The server serves them over
    S3.
  - This needs the extension C(storage_buckets), which LXD 5.0 does not have. The server creates each bucket with a key
    named C(admin). Use M(cloudhost.lxd.storage_bucket_key) to read it.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
options:
  name:
    description: Name of the bucket.
    type: str
    required: true
  pool:
    description: The storage pool that the bucket is in.
    type: str
    required: true
  state:
    description:
      - Whether the bucket exists. V(absent) deletes the objects in it, too.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.storage_bucket_key
  - module: cloudhost.lxd.storage_pool
"""

EXAMPLES = r"""
- name: Read which extensions the server has
  cloudhost.lxd.server_info:
  register: about

- name: Create a bucket for backups
  cloudhost.lxd.storage_bucket:
    pool: default
    name: backups
    description: Nightly backups
    config:
      size: 10GiB
  when: "'storage_bucket_full' in about.server.api_extensions"

- name: Remove it
  cloudhost.lxd.storage_bucket:
    pool: default
    name: backups
    state: absent
  when: "'storage_bucket_full' in about.server.api_extensions"
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create storage_bucket backups]
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
storage_bucket:
  description: The bucket, as the API returns it.
  returned: if the bucket exists after the task
  type: dict
  contains:
    name:
      description: The name of the bucket.
      type: str
      returned: success
    description:
      description: The description of the bucket.
      type: str
      returned: success
    config:
      description: The configuration of the bucket.
      type: dict
      returned: success
    s3_url:
      description: The URL of the bucket for S3 clients. It is empty if the server has no
        C(core.storage_buckets_address).
      type: str
      returned: success
    location:
      description: The cluster member that has the bucket.
      type: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_bucket import StorageBucket
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StorageBucket)


if __name__ == "__main__":
    main()
