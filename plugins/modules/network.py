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
  - If you write V(auto) as an address, any address that the server chose matches. V(auto) is not sent again.
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
    description: Name of the network. For a bridge, it is also the name of the interface on the host.
    type: str
    required: true
  type:
    description:
      - The type of the network, such as V(bridge), V(macvlan), V(sriov), V(physical) or V(ovn). If not set, a new
        network is a bridge.
      - You cannot change the type of an existing network.
    type: str
  state:
    description:
      - Whether the network should exist.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - In a cluster, the configuration of single members, by the name of the member. Each member has its own value of
        keys such as C(parent) and C(bridge.external_interfaces). Write all other keys in O(config). If you write such a
        key in O(config), it applies to every member.
      - The network is created on all members, whether this option names them or not. A partly created network is
        completed.
      - A member with V(null) keeps its current configuration, even for a key that is in O(config).
    type: dict
notes:
  - You can rename a network only while nothing uses it. You cannot rename it in a cluster.
seealso:
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: Create a bridge with NAT and its own subnet
  cloudhost.lxd.network:
    name: lab0
    description: For the lab
    config:
      ipv4.address: 10.158.10.1/24
      ipv4.nat: true
      ipv6.address: none

- name: Limit DHCP to part of the subnet
  cloudhost.lxd.network:
    name: lab0
    config:
      ipv4.dhcp.ranges: 10.158.10.100-10.158.10.199

- name: Create a network that connects instances to the network of each member of a cluster
  cloudhost.lxd.network:
    name: lan
    type: macvlan
    members:
      node1:
        parent: enp1s0
      node2:
        parent: enp5s0

- name: Create an OVN network over all members of a cluster, which reaches others through the network uplink
  cloudhost.lxd.network:
    name: overlay
    type: ovn
    config:
      network: uplink
      ipv4.address: 10.45.0.1/24
      ipv4.nat: true
      ipv6.address: none

- name: Remove the network
  cloudhost.lxd.network:
    name: lab0
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network lab0]
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
network:
  description: The network, as the API returns it.
  returned: if the network exists after the task
  type: dict
  contains:
    name:
      description: The name of the network.
      type: str
      returned: success
    type:
      description: The type of the network.
      type: str
      returned: success
    description:
      description: The description of the network.
      type: str
      returned: success
    config:
      description: The configuration of the network.
      type: dict
      returned: success
    managed:
      description: Always V(true), because the module manages only such networks.
      type: bool
      returned: success
    status:
      description: C(Created), C(Pending), C(Errored) or C(Unavailable).
      type: str
      returned: success
    locations:
      description: The cluster members that have the network.
      type: list
      returned: success
      elements: str
    used_by:
      description: The API paths of the instances and profiles that use the network.
      type: list
      returned: success
      elements: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Network)


if __name__ == "__main__":
    main()
