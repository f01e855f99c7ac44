#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: auth_group
short_description: Manage authorization groups of LXD
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes groups, over C(/1.0/auth/groups). Members of a group have its
    permissions. They are identities, and groups of an identity provider.
  - The server refuses changes of its own group C(admins).
  - LXD only, 5.21 and later. The tests of this collection have no server with this API. So this module has not been
    run on one, and its requests are checked against the specification of the API.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: The name of the group.
    type: str
    required: true
  state:
    description:
      - Whether the group exists.
    type: str
    choices: [present, absent]
    default: present
  permissions:
    description:
      - What members may do. The group has exactly these permissions, in any order. An empty list removes all.
      - A permission on something in a project needs another one with which the members can view the project.
    type: list
    elements: dict
    suboptions:
      entity_type:
        description: The kind of what the permission is for, such as V(server), V(project) or V(instance).
        type: str
        required: true
      url:
        description: The API path of what the permission is for, as in V(/1.0), V(/1.0/projects/shop) or
          V(/1.0/instances/web1?project=shop).
        type: str
        required: true
      entitlement:
        description: What it allows, such as V(admin), V(can_view) or V(operator). The API lists what there is for each
          kind, at C(/1.0/auth/permissions).
        type: str
        required: true
seealso:
  - module: cloudhost.lxd.identity
  - module: cloudhost.lxd.identity_provider_group
  - module: cloudhost.lxd.certificate
"""

EXAMPLES = r"""
- name: Let a team operate the instances of its project
  cloudhost.lxd.auth_group:
    name: shop
    description: The team of the shop
    permissions:
      - {entity_type: project, url: /1.0/projects/shop, entitlement: can_view}
      - {entity_type: project, url: /1.0/projects/shop, entitlement: operator}

- name: Remove it
  cloudhost.lxd.auth_group:
    name: shop
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create auth_group shop]
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
auth_group:
  description: The group, as the API returns it.
  returned: if the group exists after the task
  type: dict
  contains:
    name:
      description: The name of the group.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    permissions:
      description: The permissions.
      type: list
      elements: dict
      returned: success
    identities:
      description: The identifiers of its members by the way they authenticate.
      type: dict
      returned: success
    identity_provider_groups:
      description: The groups of the identity provider whose members it has.
      type: list
      elements: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.auth_group import AuthGroup
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(AuthGroup)


if __name__ == "__main__":
    main()
