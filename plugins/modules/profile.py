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
  - The C(default) profile of a project is made with the project; a task that names it changes it.
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
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: What every web server gets
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

- name: Take back one key and one device, keep the rest
  cloudhost.lxd.profile:
    name: web
    config:
      limits.cpu: null
    devices:
      eth0: null

- name: Exactly this and nothing else
  cloudhost.lxd.profile:
    name: web
    config:
      limits.memory: 1024MiB
    purge_config: true
    purge_devices: true

- name: Remove it
  cloudhost.lxd.profile:
    name: web
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create profile web]
profile:
  description: The profile as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    description:
      description: Its description.
      type: str
      returned: success
    config:
      description: Its configuration.
      type: dict
      returned: success
    devices:
      description: Its devices by name.
      type: dict
      returned: success
    used_by:
      description: API paths of the instances that have it.
      type: list
      returned: success
      elements: str
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Profile)


if __name__ == "__main__":
    main()
