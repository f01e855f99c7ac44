#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_member
short_description: Configure, evacuate, restore and remove members of a cluster
version_added: 0.1.0
description:
  - Changes members of a cluster over C(/1.0/cluster/members), moves their instances away and back, and removes members. Run it on any member.
  - A server becomes a member with M(cloudhost.lxd.cluster).
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
    description: Name of the member.
    type: str
    required: true
  state:
    description:
      - V(evacuated) stops the instances of the member or moves them to others, each as its C(cluster.evacuate) says, and keeps new ones away.
      - V(restored) takes that back. V(present) leaves it as it is.
      - V(absent) removes the member from the cluster, and the server forgets what it knew of it. It is refused for the only member, and without O(force)
        for one that is offline or has instances or volumes of its own.
    type: str
    choices: [present, evacuated, restored, absent]
    default: present
  failure_domain:
    description: What members have in common that may fail together; the database is spread over failure domains.
    type: str
  roles:
    description: The roles that people give, such as V(event-hub) or V(ovn-chassis), in any order. Those of the database are the cluster's own.
    type: list
    elements: str
  groups:
    description: The cluster groups that it is in, in any order; one at least.
    type: list
    elements: str
  mode:
    description:
      - How to evacuate or restore, instead of what the C(cluster.evacuate) of each instance says. V(skip) restores without moving the instances back.
      - Needs the extension C(clustering_evacuation_mode), which Incus has and LXD 5.0 does not.
    type: str
    choices: [auto, stop, migrate, live-migrate, skip]
  force:
    description:
      - Remove a member that is gone for good, or that still has instances. What only it had is lost, and a warning names it.
      - What would end the cluster is refused all the same. So are the member that the task speaks to, the last one that is online, and one without which
        too few of those that keep the database are online.
    type: bool
    default: false
  wait_for:
    description: Wait within O(timeout) until the member is online.
    type: list
    elements: str
    choices: [online]
    default: []
seealso:
  - module: cloudhost.lxd.cluster
  - module: cloudhost.lxd.cluster_group
  - module: cloudhost.lxd.cluster_info
"""

EXAMPLES = r"""
- name: Empty it for an upgrade
  cloudhost.lxd.cluster_member:
    name: node2
    state: evacuated

- name: Bring its instances back
  cloudhost.lxd.cluster_member:
    name: node2
    state: restored
    wait_for: [online]

- name: Where it stands
  cloudhost.lxd.cluster_member:
    name: node2
    failure_domain: rack2
    config:
      user.rack: 2

- name: Remove a member that is gone for good
  cloudhost.lxd.cluster_member:
    name: node3
    state: absent
    force: true
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [evacuate cluster_member node2]
cluster_member:
  description: The member as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    server_name:
      description: Its name.
      type: str
      returned: success
    status:
      description: C(Online), C(Offline), C(Evacuated) or C(Blocked).
      type: str
      returned: success
    message:
      description: More about the status.
      type: str
      returned: success
    roles:
      description: Its roles, with those of the database.
      type: list
      elements: str
      returned: success
    groups:
      description: The cluster groups that it is in.
      type: list
      elements: str
      returned: where the server has cluster groups
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterMember)


if __name__ == "__main__":
    main()
