#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_address_set
short_description: Manage network address sets of Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes address sets, over C(/1.0/network-address-sets). Rules of ACLs use them as
    C($name). The server needs the extension C(network_address_set), which Incus 7 has, and LXD and Incus 6.0 do not
    have.
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
    description: The name of the address set.
    type: str
    required: true
  state:
    description:
      - Whether the address set exists.
    type: str
    choices: [present, absent]
    default: present
  addresses:
    description:
      - Addresses and subnets, and ranges on Incus 7. The set has exactly these, in any order.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.network_acl
"""

EXAMPLES = r"""
- name: The addresses of the office
  cloudhost.lxd.network_address_set:
    name: office
    addresses:
      - 192.0.2.0/24
      - "2001:db8::/64"

- name: Let them in
  cloudhost.lxd.network_acl:
    name: ssh
    ingress:
      - {action: allow, protocol: tcp, destination_port: 22, source: $office}

- name: Remove the ACL
  cloudhost.lxd.network_acl:
    name: ssh
    state: absent

- name: Remove the address set
  cloudhost.lxd.network_address_set:
    name: office
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_address_set office]
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
network_address_set:
  description: The address set, as the API returns it.
  returned: if the address set exists after the task
  type: dict
  contains:
    name:
      description: The name of the address set.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    addresses:
      description: The addresses.
      type: list
      returned: success
      elements: str
    config:
      description: The configuration.
      type: dict
      returned: success
    used_by:
      description: The API paths of the ACLs that use the address set.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_address_set import NetworkAddressSet
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkAddressSet)


if __name__ == "__main__":
    main()
