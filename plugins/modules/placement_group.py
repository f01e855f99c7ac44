#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: placement_group
short_description: Manage placement groups of LXD
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes placement groups, over C(/1.0/placement-groups). A placement group spreads
    instances over the members of a cluster, or keeps them together. Instances and profiles name their group in the key
    C(placement.group).
  - Each group needs C(policy), which is V(spread) or V(compact), and C(rigor), which is V(strict) or V(permissive).
  - LXD only, 6.6 and later. The tests of this collection have no server with this API. So this module has not been
    run on one, and its requests are checked against the specification of the API.
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
    description: The name of the group.
    type: str
    required: true
  state:
    description:
      - Whether the group exists.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.instance
  - module: cloudhost.lxd.cluster_group
"""

EXAMPLES = r"""
- name: Keep the databases on different members
  cloudhost.lxd.placement_group:
    name: databases
    config:
      policy: spread
      rigor: strict

- name: Remove it
  cloudhost.lxd.placement_group:
    name: databases
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create placement_group databases]
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
placement_group:
  description: The group, as the API returns it.
  returned: if the group exists after the task
  type: dict
  contains:
    name:
      description: The name of the group.
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
    project:
      description: The project.
      type: str
      returned: success
    used_by:
      description: The API paths of the instances and profiles that name the group.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.placement_group import PlacementGroup
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(PlacementGroup)


if __name__ == "__main__":
    main()
