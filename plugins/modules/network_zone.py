#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_zone
short_description: Manage DNS zones of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes DNS zones, over C(/1.0/network-zones). The server answers for them at
    C(core.dns_address), to the peers that a zone names.
  - A network adds its instances to the zones that it names in C(dns.zone.forward), C(dns.zone.reverse.ipv4) and
    C(dns.zone.reverse.ipv6). M(cloudhost.lxd.network_zone_record) adds other records.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
options:
  name:
    description: The name of the zone, a DNS domain. No two projects can have a zone of the same name.
    type: str
    required: true
  state:
    description:
      - Whether the zone exists.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.network_zone_record
  - module: cloudhost.lxd.network
  - module: cloudhost.lxd.server
"""

EXAMPLES = r"""
- name: A zone for the lab
  cloudhost.lxd.network_zone:
    name: lab.example.net
    description: Names of the lab
    config:
      dns.nameservers: ns1.example.net
      peers.ns1.address: 192.0.2.53

- name: Remove it
  cloudhost.lxd.network_zone:
    name: lab.example.net
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_zone lab.example.net]
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
network_zone:
  description: The zone, as the API returns it. TSIG keys (C(peers.NAME.key)) are masked.
  returned: if the zone exists after the task
  type: dict
  contains:
    name:
      description: The name of the zone.
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
    used_by:
      description: The API paths of the networks that use the zone.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_zone import NetworkZone
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkZone)


if __name__ == "__main__":
    main()
