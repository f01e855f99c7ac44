#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_bucket_key
short_description: Manage keys of storage buckets of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes keys of storage buckets, over C(/1.0/storage-pools/POOL/buckets/BUCKET/keys).
  - This needs the extension C(storage_buckets), which LXD 5.0 does not have.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.description
options:
  name:
    description: Name of the key.
    type: str
    required: true
  pool:
    description: The storage pool of the bucket.
    type: str
    required: true
  bucket:
    description: The bucket that the key belongs to.
    type: str
    required: true
  state:
    description:
      - Whether the key exists.
    type: str
    choices: [present, absent]
    default: present
  role:
    description: What clients with the key can do. The default for a new key is V(read-only).
    type: str
    choices: [admin, read-only]
  access_key:
    description: The access key of S3. The server generates one for a new key if you do not write it.
    type: str
  secret_key:
    description: The secret key of S3. The server generates one for a new key if you do not write it.
    type: str
seealso:
  - module: cloudhost.lxd.storage_bucket
"""

EXAMPLES = r"""
- name: Read which extensions the server has
  cloudhost.lxd.server_info:
  register: about

- name: Create a bucket
  cloudhost.lxd.storage_bucket:
    pool: default
    name: reports
  when: "'storage_bucket_full' in about.server.api_extensions"

- name: Create a key that can only read
  cloudhost.lxd.storage_bucket_key:
    pool: default
    bucket: reports
    name: reader
    role: read-only
  register: reader
  no_log: true
  when: "'storage_bucket_full' in about.server.api_extensions"

- name: Remove the bucket and its keys
  cloudhost.lxd.storage_bucket:
    pool: default
    name: reports
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
  sample: [create storage_bucket_key reader]
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
storage_bucket_key:
  description:
    - The key, as the API returns it, with its secrets. Write C(no_log) on the task to keep them out of the output.
    - M(cloudhost.lxd.resource_info) hides them.
  returned: if the key exists after the task
  type: dict
  contains:
    name:
      description: The name of the key.
      type: str
      returned: success
    description:
      description: The description of the key.
      type: str
      returned: success
    role:
      description: C(admin) or C(read-only).
      type: str
      returned: success
    access_key:
      description: The access key of S3.
      type: str
      returned: success
    secret_key:
      description: The secret key of S3.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_bucket_key import StorageBucketKey
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(StorageBucketKey)


if __name__ == "__main__":
    main()
