#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Read the members and groups of a cluster
version_added: 0.1.0
description:
  - Reads whether a server is clustered (C(/1.0/cluster)), the members of the cluster with their state
    (C(/1.0/cluster/members)), and the cluster groups (C(/1.0/cluster/groups)).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
seealso:
  - module: cloudhost.lxd.cluster
  - module: cloudhost.lxd.cluster_member
"""

EXAMPLES = r"""
- name: Read the members of the cluster
  cloudhost.lxd.cluster_info:
  register: info

- name: Show the members that are not online
  ansible.builtin.debug:
    msg: "{{ info.members | rejectattr('status', 'equalto', 'Online') | map(attribute='server_name') }}"
"""

RETURN = r"""
cluster:
  description: The answer to C(GET /1.0/cluster).
  returned: success
  type: dict
members:
  description:
    - The members, as the API returns them. Empty if the server is not clustered.
    - If there are members and RV(cluster) has C(enabled=false), a join broke off after the database of the server had
      joined. Incus takes itself for a member as of its next start.
  returned: success
  type: list
  elements: dict
groups:
  description: The cluster groups. Empty if there are none.
  returned: success
  type: list
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.info import ClusterInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(ClusterInfo)


if __name__ == "__main__":
    main()
