#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_load_balancer
short_description: Manage network load balancers of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes load balancers of OVN networks, over C(/1.0/networks/NETWORK/load-balancers). LXD
    5.21 and later, and Incus.
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
    description: The address that traffic arrives at. Every spelling of an address is the same load balancer.
    type: str
    required: true
  state:
    description:
      - Whether the load balancer exists.
    type: str
    choices: [present, absent]
    default: present
  backends:
    description:
      - The targets. The load balancer has exactly these. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the backend, for O(ports[].target_backend).
        type: str
        required: true
      target_address:
        description: The address in the network that traffic is passed on to.
        type: str
        required: true
      target_port:
        description: The ports there, one or as many as in O(ports[].listen_port). Without it, the same ports.
        type: str
      description:
        description: The description of the backend.
        type: str
  ports:
    description:
      - The ports. The load balancer has exactly these. An empty list removes all.
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
      target_backend:
        description: The names of the backends that answer.
        type: list
        elements: str
      target_pool:
        description: The pool that answers, in place of backends. LXD 6.9 and later.
        type: str
      description:
        description: The description of the port.
        type: str
seealso:
  - module: cloudhost.lxd.network
  - module: cloudhost.lxd.network_forward
"""

EXAMPLES = r"""
- name: Share the web between two instances
  cloudhost.lxd.network_load_balancer:
    network: ovn1
    listen_address: 192.0.2.150
    backends:
      - {name: web1, target_address: 10.44.0.11}
      - {name: web2, target_address: 10.44.0.12}
    ports:
      - {protocol: tcp, listen_port: "80,443", target_backend: [web1, web2]}

- name: Take one of them out
  cloudhost.lxd.network_load_balancer:
    network: ovn1
    listen_address: 192.0.2.150
    backends:
      - {name: web1, target_address: 10.44.0.11}
    ports:
      - {protocol: tcp, listen_port: "80,443", target_backend: [web1]}

- name: Remove the load balancer
  cloudhost.lxd.network_load_balancer:
    network: ovn1
    listen_address: 192.0.2.150
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_load_balancer 192.0.2.150]
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
network_load_balancer:
  description: The load balancer, as the API returns it.
  returned: if the load balancer exists after the task
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
    backends:
      description: The targets.
      type: list
      returned: success
      elements: dict
    ports:
      description: The ports.
      type: list
      returned: success
      elements: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_load_balancer import (
    NetworkLoadBalancer,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkLoadBalancer)


if __name__ == "__main__":
    main()
