#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: profile
short_description: Manage profiles of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes profiles, over C(/1.0/profiles).
  - The server creates the C(default) profile together with its project. A task with this name changes that profile.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.devices
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: Name of the profile.
    type: str
    required: true
  state:
    description:
      - Whether the profile should exist.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Create a profile for web servers
  cloudhost.lxd.profile:
    name: web
    description: Web servers
    config:
      limits.cpu: 2
      limits.memory: 1GiB
      boot.autostart: true
    devices:
      root:
        type: disk
        path: /
        pool: default
      eth0:
        type: nic
        network: lxdbr0

- name: Have cloud-init set up instances that use the profile
  cloudhost.lxd.profile:
    name: web
    config:
      cloud-init.user-data: |
        #cloud-config
        package_update: true
        packages: [nginx]
        ssh_authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample alice"]

- name: Remove one key and one device, and keep the rest
  cloudhost.lxd.profile:
    name: web
    config:
      limits.cpu: null
    devices:
      eth0: null

- name: Set exactly this configuration, without devices
  cloudhost.lxd.profile:
    name: web
    config:
      limits.memory: 1024MiB
    purge_config: true
    purge_devices: true

- name: Remove the profile
  cloudhost.lxd.profile:
    name: web
    state: absent
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
profile:
  description: The profile, as the API returns it.
  returned: if the profile exists after the task
  type: dict
  contains:
    name:
      description: The name of the profile.
      type: str
      returned: success
    description:
      description: The description of the profile.
      type: str
      returned: success
    config:
      description: The configuration of the profile.
      type: dict
      returned: success
    devices:
      description: The devices of the profile, by name.
      type: dict
      returned: success
    used_by:
      description: The API paths of the instances that use the profile.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Profile)


if __name__ == "__main__":
    main()
