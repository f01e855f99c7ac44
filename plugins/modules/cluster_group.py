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
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - The members in it, exactly these, in any order.
      - A member has to be in one group at least. One that is in no other is not taken out, and O(state=absent) is refused while there is one.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.cluster_member
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Members with GPUs
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
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create cluster_group gpu]
cluster_group:
  description: The group as the API shows it.
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
    members:
      description: The members in it.
      type: list
      elements: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.cluster_group import ClusterGroup
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterGroup)


if __name__ == "__main__":
    main()
