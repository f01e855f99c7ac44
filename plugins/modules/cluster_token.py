#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_token
short_description: Create and revoke tokens to join a cluster
version_added: 0.1.0
description:
  - Creates a token with which one server can join, over C(/1.0/cluster/members). Run the module on any member.
  - If a valid token for the name is pending, the module returns this token, because a new token would cancel it.
  - Anyone who has the token can become a member, so set C(no_log=true) on the task.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: Name of the server that can join.
    type: str
    required: true
  state:
    description:
      - Whether a token for the server should be pending. V(absent) revokes the token.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.cluster
"""

EXAMPLES = r"""
- name: Create a token for node4
  cloudhost.lxd.cluster_token:
    name: node4
  register: node4
  no_log: true

- name: Revoke the token
  cloudhost.lxd.cluster_token:
    name: node4
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create cluster_token node4]
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
cluster_token:
  description: The pending token.
  returned: if a token is pending after the task, and not in check mode
  type: dict
  contains:
    token:
      description: The token. It is a secret.
      type: str
      returned: success
    addresses:
      description: The addresses of the cluster.
      type: list
      elements: str
      returned: success
    expires_at:
      description: The time at which the token expires.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_token import ClusterToken
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterToken)


if __name__ == "__main__":
    main()
