#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Manage networks of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes managed networks, over C(/1.0/networks).
  - V(auto) as an address is satisfied by whatever address the server chose, and is not sent again.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.new_name
  - cloudhost.lxd._resource.recreate
options:
  name:
    description: Name of the network, which is also that of a bridge on the host.
    type: str
    required: true
  type:
    description:
      - The kind of network, such as V(bridge), V(macvlan), V(sriov), V(physical), V(ovn). New networks are bridges if nothing is said.
      - It cannot be changed after creation.
    type: str
  state:
    description:
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - In a cluster, the configuration that single members have, by the name of the member. Each member has its own value of keys such as
        C(parent) and C(bridge.external_interfaces); all other keys are written to O(config). Such a key in O(config) is meant for every member.
      - The network is made on all members, whether they are named here or not. One that is half made is finished.
      - A member with V(null) keeps what it has, also of a key that is in O(config).
    type: dict
notes:
  - A network can be renamed only while nothing uses it, and not in a cluster.
seealso:
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: A bridge with NAT and its own subnet
  cloudhost.lxd.network:
    name: lab0
    description: For the lab
    config:
      ipv4.address: 10.158.10.1/24
      ipv4.nat: true
      ipv6.address: none

- name: Hand out part of the subnet only
  cloudhost.lxd.network:
    name: lab0
    config:
      ipv4.dhcp.ranges: 10.158.10.100-10.158.10.199

- name: Remove it
  cloudhost.lxd.network:
    name: lab0
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create network lab0]
network:
  description: The network as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    type:
      description: Its type.
      type: str
      returned: success
    description:
      description: Its description.
      type: str
      returned: success
    config:
      description: Its configuration.
      type: dict
      returned: success
    managed:
      description: Always V(true) here.
      type: bool
      returned: success
    status:
      description: C(Created), C(Pending), C(Errored) or C(Unavailable).
      type: str
      returned: success
    locations:
      description: Cluster members that have it.
      type: list
      returned: success
      elements: str
    used_by:
      description: API paths of the instances and profiles that use it.
      type: list
      returned: success
      elements: str
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Network)


if __name__ == "__main__":
    main()
