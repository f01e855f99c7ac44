#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_token
short_description: Make and revoke tokens to join a cluster
version_added: 0.1.0
description:
  - Makes the token with which one server may join, over C(/1.0/cluster/members). Run it on any member.
  - A token for the name that is pending and still valid is used again; asking anew would cancel it.
  - Whoever has the token can become a member, so set C(no_log=true) on the task.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: Name of the server that may join.
    type: str
    required: true
  state:
    description:
      - Whether a token for it shall be pending. V(absent) revokes it.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.cluster
"""

EXAMPLES = r"""
- name: Let node4 join
  cloudhost.lxd.cluster_token:
    name: node4
  register: node4
  no_log: true

- name: Think better of it
  cloudhost.lxd.cluster_token:
    name: node4
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create cluster_token node4]
cluster_token:
  description: The pending token.
  returned: when there is one after the task, and not in check mode
  type: dict
  contains:
    token:
      description: The token. A secret.
      type: str
      returned: success
    addresses:
      description: Where the cluster is reached with it.
      type: list
      elements: str
      returned: success
    expires_at:
      description: When it ends.
      type: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.cluster_token import ClusterToken
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterToken)


if __name__ == "__main__":
    main()
