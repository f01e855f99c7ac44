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
  - Features that the task does not name keep their values.
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
      - Whether the project should exist.
      - With V(absent), the images that the server cached in the project are deleted with it. If the project contains
        anything else but its own profile C(default), the module names that and changes nothing.
    type: str
    choices: [present, absent]
    default: present
notes:
  - You can change most C(features.*) only while the project is empty.
seealso:
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: Create a project with its own images and profiles, limited to ten instances
  cloudhost.lxd.project:
    name: shop
    description: The web shop
    config:
      features.images: true
      features.profiles: true
      limits.instances: 10

- name: Rename the project
  cloudhost.lxd.project:
    name: shop
    new_name: store

- name: Remove the project
  cloudhost.lxd.project:
    name: store
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create project shop]
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
project:
  description: The project, as the API returns it.
  returned: if the project exists after the task
  type: dict
  contains:
    name:
      description: The name of the project.
      type: str
      returned: success
    description:
      description: The description of the project.
      type: str
      returned: success
    config:
      description: The configuration of the project.
      type: dict
      returned: success
    used_by:
      description: The API paths of the resources in the project.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.project import Project
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Project)


if __name__ == "__main__":
    main()
