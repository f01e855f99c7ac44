#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_group
short_description: Manage groups of cluster members
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes cluster groups, over C(/1.0/cluster/groups).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
options:
  name:
    description: Name of the group.
    type: str
    required: true
  state:
    description:
      - Whether the group should exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - The members of the group, in any order. The group gets exactly these members.
      - A member must be in at least one group. The module refuses to remove a member that is in no other group, and
        O(state=absent) while the group has such a member.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.cluster_member
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Create a group of the members with GPUs
  cloudhost.lxd.cluster_group:
    name: gpu
    description: Members with GPUs
    members: [node1, node2]

- name: Remove the group
  cloudhost.lxd.cluster_group:
    name: gpu
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create cluster_group gpu]
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
cluster_group:
  description: The group, as the API returns it.
  returned: if the group exists after the task
  type: dict
  contains:
    name:
      description: The name of the group.
      type: str
      returned: success
    description:
      description: The description of the group.
      type: str
      returned: success
    members:
      description: The members of the group.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_group import ClusterGroup
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterGroup)


if __name__ == "__main__":
    main()
