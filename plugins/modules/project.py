#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: project
short_description: Manage projects of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes projects, over C(/1.0/projects).
  - Features that the task does not name keep their value.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: Name of the project.
    type: str
    required: true
  state:
    description:
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Most C(features.*) can be changed only while the project is empty.
seealso:
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: A project with its own images and profiles, limited to ten instances
  cloudhost.lxd.project:
    name: shop
    description: The web shop
    config:
      features.images: true
      features.profiles: true
      limits.instances: 10

- name: Give it another name
  cloudhost.lxd.project:
    name: shop
    new_name: store

- name: Remove it
  cloudhost.lxd.project:
    name: store
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create project shop]
project:
  description: The project as the API shows it.
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
    used_by:
      description: API paths of what is in it.
      type: list
      returned: success
      elements: str
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.project import Project
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Project)


if __name__ == "__main__":
    main()
