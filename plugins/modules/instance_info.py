#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_info
short_description: Read instances of LXD and Incus
version_added: 0.1.0
description:
  - Reads all or some instances, with their state, addresses and snapshots, in one request to C(/1.0/instances).
  - If no instance is found, the list is empty.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  name:
    description: Read only the instance with this name.
    type: str
  filter:
    description: Read only the instances that match this filter, in the filter language of the API, as in V(status eq
      Running).
    type: str
  all_projects:
    description: Whether to read the instances of all projects.
    type: bool
    default: false
  state_details:
    description: Whether to include the state, addresses, snapshots and backups of each instance. With V(false), the
      server has less work.
    type: bool
    default: true
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Read all instances, with their addresses
  cloudhost.lxd.instance_info:
  register: all

- name: Read one instance
  cloudhost.lxd.instance_info:
    name: web1
  register: one
"""

RETURN = r"""
instances:
  description: The instances that were found, as the API returns them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web1
      status: Running
      type: container
      addresses: [10.158.1.23]
  contains:
    addresses:
      description: The global addresses of the NICs of the instance, IPv4 first.
      type: list
      elements: str
      returned: with O(state_details)
    state:
      description: The answer to C(GET /1.0/instances/NAME/state).
      type: dict
      returned: with O(state_details)
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.info import InstanceInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(InstanceInfo)


if __name__ == "__main__":
    main()
