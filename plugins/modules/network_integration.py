#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_integration
short_description: Manage network integrations of Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes network integrations, over C(/1.0/network-integrations). An integration
    connects OVN networks with those of another server. Incus only.
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
    description: The name of the integration.
    type: str
    required: true
  state:
    description:
      - Whether the integration exists.
    type: str
    choices: [present, absent]
    default: present
  type:
    description: The type of the integration. Can be set only at creation. Without it, V(ovn).
    type: str
seealso:
  - module: cloudhost.lxd.network_peer
"""

EXAMPLES = r"""
- name: The OVN interconnection of another site
  cloudhost.lxd.network_integration:
    name: site-b
    config:
      ovn.northbound_connection: tcp:192.0.2.6:6645
      ovn.southbound_connection: tcp:192.0.2.6:6646

- name: Remove it
  cloudhost.lxd.network_integration:
    name: site-b
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_integration site-b]
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
network_integration:
  description: The integration, as the API returns it. The client key is masked.
  returned: if the integration exists after the task
  type: dict
  contains:
    name:
      description: The name of the integration.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    type:
      description: The type of the integration.
      type: str
      returned: success
    config:
      description: The configuration.
      type: dict
      returned: success
    used_by:
      description: The API paths of the peers that use the integration.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_integration import (
    NetworkIntegration,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkIntegration)


if __name__ == "__main__":
    main()
