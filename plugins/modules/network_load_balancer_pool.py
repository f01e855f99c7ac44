#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_load_balancer_pool
short_description: Manage pools of load balancers of LXD
version_added: 0.1.0
description:
  - Creates, changes and deletes pools of load balancers, over C(/1.0/networks/NETWORK/load-balancer-pools), of OVN
    networks. A pool has the instances that answer for the ports of load balancers which name the pool.
  - The key C(target_port) is the port on the instances, and each pool needs it. The key C(protocol) is V(tcp) or
    V(udp).
  - LXD only, 6.9 and later. The tests of this collection have no server with this API. So this module has not been
    run on one, and its requests are checked against the specification of the API.
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
  name:
    description: The name of the pool.
    type: str
    required: true
  state:
    description:
      - Whether the pool exists.
    type: str
    choices: [present, absent]
    default: present
  instances:
    description:
      - The instances, which are in the project of the network. The pool has exactly these, in any order. An empty list
        removes all.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the instance.
        type: str
        required: true
      target_port:
        description: The port on this instance. Without it, that of the pool.
        type: str
seealso:
  - module: cloudhost.lxd.network_load_balancer
  - module: cloudhost.lxd.network
"""

EXAMPLES = r"""
- name: Let two instances answer
  cloudhost.lxd.network_load_balancer_pool:
    network: ovn1
    name: web
    config:
      target_port: 80
    instances:
      - name: web1
      - name: web2
        target_port: "8080"

- name: Remove the pool
  cloudhost.lxd.network_load_balancer_pool:
    network: ovn1
    name: web
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_load_balancer_pool web]
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
network_load_balancer_pool:
  description: The pool, as the API returns it.
  returned: if the pool exists after the task
  type: dict
  contains:
    name:
      description: The name of the pool.
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
    instances:
      description: The instances.
      type: list
      elements: dict
      returned: success
    used_by:
      description: The API paths of the load balancers that name the pool.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_load_balancer_pool import (
    NetworkLoadBalancerPool,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkLoadBalancerPool)


if __name__ == "__main__":
    main()
