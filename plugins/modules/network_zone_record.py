#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_zone_record
short_description: Manage records of DNS zones of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes records of DNS zones, over C(/1.0/network-zones/ZONE/records).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
options:
  zone:
    description: The zone that the record belongs to.
    type: str
    required: true
  name:
    description: The name of the record inside the zone.
    type: str
    required: true
  state:
    description:
      - Whether the record exists.
    type: str
    choices: [present, absent]
    default: present
  entries:
    description:
      - The values of the record. It has exactly these. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      type:
        description: The type of the entry, as in V(A), V(AAAA), V(CNAME), V(MX) or V(TXT).
        type: str
        required: true
      value:
        description: The value, as a zone file has it.
        type: str
        required: true
      ttl:
        description: How long others may keep the entry, in seconds. Without it, and for V(0), the server answers with
          300.
        type: int
seealso:
  - module: cloudhost.lxd.network_zone
"""

EXAMPLES = r"""
- name: A zone for the lab
  cloudhost.lxd.network_zone:
    name: lab.example.net

- name: A name with an address of each family
  cloudhost.lxd.network_zone_record:
    zone: lab.example.net
    name: www
    entries:
      - {type: A, value: 192.0.2.80}
      - {type: AAAA, value: "2001:db8::80", ttl: 3600}

- name: Mail for this name
  cloudhost.lxd.network_zone_record:
    zone: lab.example.net
    name: office
    entries:
      - {type: MX, value: 10 mail.example.net.}

- name: Remove the name
  cloudhost.lxd.network_zone_record:
    zone: lab.example.net
    name: www
    state: absent

- name: Remove the mail
  cloudhost.lxd.network_zone_record:
    zone: lab.example.net
    name: office
    state: absent

- name: Remove the zone
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
  sample: [create network_zone_record www]
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
network_zone_record:
  description: The record, as the API returns it.
  returned: if the record exists after the task
  type: dict
  contains:
    name:
      description: The name of the record.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    entries:
      description: The values.
      type: list
      returned: success
      elements: dict
    config:
      description: The configuration.
      type: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_zone_record import NetworkZoneRecord
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkZoneRecord)


if __name__ == "__main__":
    main()
