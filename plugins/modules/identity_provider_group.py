#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_provider_group
short_description: Map groups of an identity provider to groups of LXD
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes groups of an identity provider, over
    C(/1.0/auth/identity-provider-groups). Who logs in with OIDC has the permissions of the groups that the groups of
    the identity provider are mapped to.
  - The server reads the groups of a client from the claim in its key C(oidc.groups.claim).
  - LXD only, 5.21 and later. The tests of this collection have no server with this API. So this module has not been
    run on one, and its requests are checked against the specification of the API.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: The name that the identity provider gives the group.
    type: str
    required: true
  state:
    description:
      - Whether the mapping exists.
    type: str
    choices: [present, absent]
    default: present
  groups:
    description:
      - The groups of the server. Members have exactly these, in any order. An empty list removes all.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.auth_group
  - module: cloudhost.lxd.identity
  - module: cloudhost.lxd.server
"""

EXAMPLES = r"""
- name: Map the group of the identity provider to a group of the server
  cloudhost.lxd.identity_provider_group:
    name: shop-developers
    groups: [shop]

- name: Remove the mapping
  cloudhost.lxd.identity_provider_group:
    name: shop-developers
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create identity_provider_group shop-developers]
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
identity_provider_group:
  description: The group, as the API returns it.
  returned: if the group exists after the task
  type: dict
  contains:
    name:
      description: The name of the group.
      type: str
      returned: success
    groups:
      description: The groups of the server.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.identity_provider_group import (
    IdentityProviderGroup,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(IdentityProviderGroup)


if __name__ == "__main__":
    main()
