#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_alias
short_description: Manage image aliases of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes aliases of local images, over C(/1.0/images/aliases).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: The alias. It may contain slashes, as in V(debian/12).
    type: str
    required: true
  fingerprint:
    description:
      - The fingerprint of the image that the alias names, or the first digits of it. The API calls this C(target).
      - Required to create an alias.
    type: str
  state:
    description:
      - Whether the alias should exist.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.image
"""

EXAMPLES = r"""
- name: Look up an image
  cloudhost.lxd.resource_info:
    kind: image
    name: debian/12
  register: found

- name: Create a second alias for it
  cloudhost.lxd.image_alias:
    name: web/stable
    fingerprint: "{{ found.resources[0].fingerprint }}"
    description: What web servers start from

- name: Rename the alias
  cloudhost.lxd.image_alias:
    name: web/stable
    new_name: web/current

- name: Remove the alias and keep the image
  cloudhost.lxd.image_alias:
    name: web/current
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create image_alias web/stable]
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
image_alias:
  description: The alias, as the API returns it.
  returned: if the alias exists after the task
  type: dict
  contains:
    name:
      description: The alias.
      type: str
      returned: success
    target:
      description: The fingerprint of the image.
      type: str
      returned: success
    type:
      description: C(container) or C(virtual-machine).
      type: str
      returned: success
    description:
      description: The description of the alias.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image_alias import ImageAlias
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ImageAlias)


if __name__ == "__main__":
    main()
