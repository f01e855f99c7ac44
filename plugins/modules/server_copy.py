#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_copy
short_description: Create on a server of LXD or Incus what another server has
version_added: 0.1.0
description:
  - Reads another server, and creates on the server of the task what that has and this one lacks. This is the
    configuration of the server, its storage pools, networks, ACLs, zones, projects, profiles, images and certificates,
    with their secrets. What exists stays as it is. Of the project and the profile C(default) and of the configuration
    of the server, only keys that are not set are copied.
  - The other server is of the same product, or it is LXD and the server of the task is Incus. Keys that only LXD knows
    are renamed or left out.
  - Instances and custom volumes are not copied, because their time is a decision of the user. The module returns them
    in groups. M(cloudhost.lxd.instance) and M(cloudhost.lxd.storage_volume) copy and move them, as the playbook
    C(cloudhost.lxd.move_to_incus) does.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  source:
    description: What is copied.
    type: dict
    required: true
    suboptions:
      server:
        description:
          - The other server. It is a dictionary of connection options (C(url), C(server_fingerprint) or C(server_cert),
            C(client_cert), C(client_key), C(trust_token), C(validate_certs)). C(client_cert) and C(client_key) default
            to those of the task.
        type: dict
        required: true
  projects:
    description: Of what lives in projects, copy only what is in these projects. If not set, all projects are copied.
    type: list
    elements: str
  kinds:
    description: Copy only these kinds. Use the names of the modules, as in V(profile). If not set, all of them are
      copied.
    type: list
    elements: str
  include:
    description: Return only instances and volumes that match one of these patterns, as in V(web*). The name of a volume
      is V(POOL/VOLUME).
    type: list
    elements: str
  exclude:
    description: Do not return instances and volumes that match one of these patterns.
    type: list
    elements: str
  pools:
    description:
      - "The storage pools of the server of the task that take the place of pools of the other server, as in C({default:
        fast}). They have to exist. Profiles and devices get the new name."
      - Any other pool is created with the same driver, in a place that the server chooses.
    type: dict
  networks:
    description: "The networks of the server of the task that take the place of networks of the other server, as in
      C({lxdbr0: incusbr0}). They have to exist."
    type: dict
  parallel:
    description: How many resources are created at a time.
    type: int
    default: 8
seealso:
  - module: cloudhost.lxd.instance
  - module: cloudhost.lxd.storage_volume
  - module: cloudhost.lxd.stack_export
"""

EXAMPLES = r"""
- name: Create the profiles and projects of another server
  cloudhost.lxd.server_copy:
    source:
      server:
        url: https://old.example.net:8443
        server_fingerprint: "{{ old_fingerprint }}"
    kinds: [project, profile]
  register: copied

- name: Show what can be moved
  ansible.builtin.debug:
    msg: "{{ copied.server_copy.groups | map(attribute='name') }}"
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create profile web]
steps:
  description: The same as RV(actions), as data.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: What the step does, for example V(create) or V(update).
      type: str
      returned: success
    kind:
      description: The kind of the resource.
      type: str
      returned: success
    name:
      description: The name of the resource.
      type: str
      returned: success
    words:
      description: The sentence in RV(actions). It can change in any release.
      type: str
      returned: success
server_copy:
  description: The other server, and what of it was not copied.
  returned: success
  type: dict
  contains:
    server:
      description: The product (C(implementation)), version and name of the other server.
      type: dict
      returned: always
    groups:
      description:
        - The instances and custom volumes of the other server. Instances that use the same volume are in one group with
          it, because they can only be moved together.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The first instance or volume of the group, in words.
          type: str
          returned: always
        moved:
          description: Whether all of the group has moved to the server of the task.
          type: bool
          returned: always
        instances:
          description:
            - The instances, each with C(name), C(project), C(type), C(ran), C(moved) and C(with_volumes_of_profiles).
              C(ran) is true if it runs, or ran before a move that was interrupted.
            - C(devices) has the devices that differ on the server of the task, and those with volumes.
              C(devices_before) are those without volumes, for a copy before the volumes are there.
          type: list
          elements: dict
          returned: always
        volumes:
          description: The volumes, each with C(pool), C(name), C(project), C(source_pool) and C(moved).
          type: list
          elements: dict
          returned: always
    left_out:
      description: What has not been copied, each with C(kind), C(name), C(project) and C(reason).
      type: list
      elements: dict
      returned: always
plan_lines:
  description: The plan, as M(cloudhost.lxd.stack) returns it.
  returned: success
  type: list
  elements: str
summary:
  description: The plan in one sentence.
  returned: success
  type: str
failed_resources:
  description: What could not be created, as M(cloudhost.lxd.stack) returns it.
  returned: if something failed
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_copy import ServerCopy
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(ServerCopy)


if __name__ == "__main__":
    main()
