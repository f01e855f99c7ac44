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
  - Reads all instances, or some, with their state, addresses and snapshots, in one request.
  - Nothing found is an empty list.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  name:
    description: Only the instance with this name.
    type: str
  filter:
    description: Only what matches, in the API's filter language, as in V(status eq Running).
    type: str
  all_projects:
    description: Those of all projects.
    type: bool
    default: false
  state_details:
    description: Include state, addresses, snapshots and backups of each. Without it the server has less to do.
    type: bool
    default: true
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: All instances, with their addresses
  cloudhost.lxd.instance_info:
  register: all

- name: One of them
  cloudhost.lxd.instance_info:
    name: web1
  register: one
"""

RETURN = r"""
instances:
  description: The instances found, as the API shows them.
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
      description: The global addresses of its own NICs, IPv4 first; only with O(state_details).
      type: list
      elements: str
      returned: with O(state_details)
    state:
      description: The answer to C(GET /1.0/instances/NAME/state); only with O(state_details).
      type: dict
      returned: with O(state_details)
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._info import InstanceInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(InstanceInfo)


if __name__ == "__main__":
    main()
