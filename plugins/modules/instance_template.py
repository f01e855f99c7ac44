#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_template
short_description: Manage templates of instances of LXD and Incus
version_added: 0.1.0
description:
  - Manages files that the daemon writes into an instance when it is created, copied or started, over
    C(/1.0/instances/INSTANCE/metadata/templates) and C(/1.0/instances/INSTANCE/metadata).
  - An instance gets the templates of its image. To change one of those, write its name and its path.
  - The daemon fills in a template with Pongo2. Its variables are C(instance), C(config), C(devices), C(properties),
    C(trigger) and C(path).
  - No part of stacks. A stack plans on listings of resources, and no listing has the content of a template.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: The file name of the template, as in V(hosts.tpl).
    type: str
    required: true
  instance:
    description: The instance that the template belongs to.
    type: str
    required: true
  state:
    description:
      - Whether the template exists. V(absent) removes the template and all of its entries in the metadata. The file
        that it wrote in the instance stays.
    type: str
    choices: [present, absent]
    default: present
  content:
    description:
      - The content of the template. A new template needs it. Logs and callbacks do not show this option.
    type: str
  path:
    description:
      - The path in the instance of the file that the daemon writes. A new template needs it.
    type: str
  when:
    description:
      - The events after which the daemon writes the file. A new template needs it.
    type: list
    elements: str
    choices: [create, copy, start]
  create_only:
    description: Whether the file is left as it is where it exists.
    type: bool
  properties:
    description: Values for the template, as C(properties) in it. A key that is null is removed.
    type: dict
  purge_properties:
    description: Whether to remove the properties that the task does not write.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.instance
  - module: cloudhost.lxd.instance_file
"""

EXAMPLES = r"""
- name: Create an instance
  cloudhost.lxd.instance:
    name: templates1
    image: debian/12
    state: stopped

- name: Have its name in a message at each start
  cloudhost.lxd.instance_template:
    instance: templates1
    name: issue.tpl
    path: /etc/issue
    content: |
      {{ '{{ instance.name }}' }} on {{ '{{ properties.site }}' }}
    when: [create, copy, start]
    properties:
      site: lab

- name: Remove the template
  cloudhost.lxd.instance_template:
    instance: templates1
    name: issue.tpl
    state: absent

- name: Remove the instance
  cloudhost.lxd.instance:
    name: templates1
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create instance_template issue.tpl]
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
instance_template:
  description: The template, with its entry in the metadata of the instance.
  returned: if the template exists after the task
  type: dict
  contains:
    name:
      description: The file name of the template.
      type: str
      returned: success
    content:
      description: The content of the template.
      type: str
      returned: success
    path:
      description: The path of the file that the daemon writes.
      type: str
      returned: success
    when:
      description: The events after which the daemon writes it.
      type: list
      elements: str
      returned: success
    create_only:
      description: Whether the file is left as it is where it exists.
      type: bool
      returned: success
    properties:
      description: The values for the template.
      type: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_template import InstanceTemplate
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(InstanceTemplate)


if __name__ == "__main__":
    main()
