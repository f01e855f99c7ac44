#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Read networks of LXD and Incus, with their state and leases
version_added: 0.1.0
description:
  - Reads all or some networks, in one request, and more of each of them on request.
  - The interfaces of the host that the server does not manage are listed too, with C(managed=false).
  - If no network is found, the list is empty.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  name:
    description: Read only the network with this name.
    type: str
  all_projects:
    description: Whether to read the networks of all projects. This needs the extension C(networks_all_projects).
    type: bool
    default: false
  details:
    description:
      - What to read besides the networks. V(state) and V(leases) take one request for each network, V(allocations)
        takes one for all.
      - V(state) are the addresses, counters and the MTU of the interface on the server, or on O(target).
      - V(leases) are the addresses that DHCP has given to instances, and those that are fixed.
      - V(allocations) are all addresses in use, also those of forwards, load balancers and routers. This needs the
        extension C(network_allocations), which LXD 5.0 does not have.
    type: list
    elements: str
    choices: [allocations, leases, state]
    default: []
seealso:
  - module: cloudhost.lxd.network
"""

EXAMPLES = r"""
- name: Read the network of the instances, and who has which address on it
  cloudhost.lxd.network_info:
    name: lxdbr0
    details: [leases, state]
  register: bridge

- name: Show the addresses by the names of the instances
  ansible.builtin.debug:
    msg: "{{ bridge.networks | map(attribute='leases') | flatten | items2dict('hostname', 'address') }}"
"""

RETURN = r"""
networks:
  description: The networks that were found, as the API returns them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the network.
      type: str
      returned: success
    managed:
      description: Whether the server manages it.
      type: bool
      returned: success
    state:
      description: The answer to C(GET /1.0/networks/NAME/state).
      type: dict
      returned: with O(details) of V(state)
    leases:
      description: The answer to C(GET /1.0/networks/NAME/leases).
      type: list
      elements: dict
      returned: with O(details) of V(leases)
    allocations:
      description: Of the answer to C(GET /1.0/network-allocations), what is on this network.
      type: list
      elements: dict
      returned: with O(details) of V(allocations)
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.network_info import NetworkInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(NetworkInfo)


if __name__ == "__main__":
    main()
