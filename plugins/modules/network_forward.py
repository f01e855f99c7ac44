#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_forward
short_description: Manage network forwards of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes network forwards, over C(/1.0/networks/NETWORK/forwards). A forward passes on what
    arrives at an address, all of it to one instance, or each port to another.
  - In a cluster, a forward of a bridge is on one member. Name the member with O(target). Forwards of OVN networks are
    the same on all members.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
options:
  network:
    description: The network.
    type: str
    required: true
  listen_address:
    description: The address that traffic arrives at. Every spelling of an address is the same forward.
    type: str
    required: true
  state:
    description:
      - Whether the forward exists.
    type: str
    choices: [present, absent]
    default: present
  ports:
    description:
      - The ports that go to other addresses than C(target_address) in O(config). The forward has exactly these. An
        empty list removes all.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The protocol.
        type: str
        required: true
        choices: [tcp, udp]
      listen_port:
        description: Ports and ranges of ports at the listen address with commas, as in V(80,8000-8010).
        type: str
        required: true
      target_address:
        description: The address in the network that the ports are passed on to.
        type: str
        required: true
      target_port:
        description: The ports there, one or as many as in O(ports[].listen_port). Without it, the same ports.
        type: str
      snat:
        description: Whether connections of the target from this port also get the listen address. Needs the extension
          C(network_forward_snat), as of Incus 7.
        type: bool
      description:
        description: The description of the port.
        type: str
seealso:
  - module: cloudhost.lxd.network
  - module: cloudhost.lxd.network_load_balancer
"""

EXAMPLES = r"""
- name: Create a network
  cloudhost.lxd.network:
    name: fwd-test0
    config:
      ipv4.address: 10.158.32.1/24
      ipv6.address: none

- name: Pass on HTTP and HTTPS to one instance, and all else to another
  cloudhost.lxd.network_forward:
    network: fwd-test0
    listen_address: 192.0.2.10
    description: Address of the shop
    config:
      target_address: 10.158.32.20
    ports:
      - {protocol: tcp, listen_port: "80,443", target_address: 10.158.32.21}
      - {protocol: tcp, listen_port: 2222, target_address: 10.158.32.22, target_port: 22}

- name: Remove the forward
  cloudhost.lxd.network_forward:
    network: fwd-test0
    listen_address: 192.0.2.10
    state: absent

- name: Remove the network
  cloudhost.lxd.network:
    name: fwd-test0
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_forward 192.0.2.10]
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
network_forward:
  description: The forward, as the API returns it.
  returned: if the forward exists after the task
  type: dict
  contains:
    listen_address:
      description: The address that traffic arrives at.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    config:
      description: The configuration.
      type: dict
      returned: success
    ports:
      description: The ports that go to other addresses.
      type: list
      returned: success
      elements: dict
    location:
      description: The cluster member that has the forward.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_forward import NetworkForward
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkForward)


if __name__ == "__main__":
    main()
