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
  - Changes members of a cluster over C(/1.0/cluster/members), moves their instances away and back, and removes members.
    Run the module on any member.
  - To add a member, use M(cloudhost.lxd.cluster).
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
      - V(evacuated) stops the instances of the member or moves them to other members, as the C(cluster.evacuate) of
        each instance says. The member gets no new instances.
      - V(restored) reverses this.
      - V(present) neither evacuates nor restores the member.
      - V(absent) removes the member from the cluster, and the server deletes its data about the cluster. The module
        refuses to remove the only member. Without O(force), it also refuses to remove a member that is offline or has
        instances or volumes of its own.
    type: str
    choices: [present, evacuated, restored, absent]
    default: present
  failure_domain:
    description:
      - The failure domain of the member, for example a rack or a power feed. Members that may fail together have the
        same failure domain.
      - The cluster spreads its database over failure domains.
    type: str
  roles:
    description:
      - The roles that you assign to the member, such as V(event-hub) or V(ovn-chassis), in any order.
      - The cluster itself assigns the roles of the database. The module keeps them.
    type: list
    elements: str
  groups:
    description: The cluster groups of the member, in any order. A member must be in at least one group.
    type: list
    elements: str
  mode:
    description:
      - How to evacuate or restore the instances. It overrides the C(cluster.evacuate) of each instance. V(skip)
        restores without moving the instances back.
      - Requires the extension C(clustering_evacuation_mode). Incus has it. LXD 5.0 does not.
    type: str
    choices: [auto, stop, migrate, live-migrate, skip]
  force:
    description:
      - Remove a member that is permanently lost, or that still has instances. Everything that only this member had is
        lost. A warning names it.
      - The module still refuses a removal that would end the cluster. It refuses to remove the member that the task
        connects to, the last member that is online, and a member without which too few of the members that keep the
        database are online.
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
- name: Evacuate a member for an upgrade
  cloudhost.lxd.cluster_member:
    name: node2
    state: evacuated

- name: Bring its instances back
  cloudhost.lxd.cluster_member:
    name: node2
    state: restored
    wait_for: [online]

- name: Set the failure domain and the rack
  cloudhost.lxd.cluster_member:
    name: node2
    failure_domain: rack2
    config:
      user.rack: 2

- name: Put the member into cluster groups, and have it pass on events
  cloudhost.lxd.cluster_member:
    name: node2
    groups: [default, gpu]
    roles: [event-hub]

- name: Remove a member that is permanently lost
  cloudhost.lxd.cluster_member:
    name: node3
    state: absent
    force: true
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [evacuate cluster_member node2]
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
cluster_member:
  description: The member, as the API returns it.
  returned: if the member exists after the task
  type: dict
  contains:
    server_name:
      description: The name of the member.
      type: str
      returned: success
    status:
      description: C(Online), C(Offline), C(Evacuated) or C(Blocked).
      type: str
      returned: success
    message:
      description: Details about the status.
      type: str
      returned: success
    roles:
      description: The roles of the member, including those of the database.
      type: list
      elements: str
      returned: success
    groups:
      description: The cluster groups of the member.
      type: list
      elements: str
      returned: if the server supports cluster groups
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterMember)


if __name__ == "__main__":
    main()
