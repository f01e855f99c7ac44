#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replicator
short_description: Manage replicators of LXD
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes replicators, over C(/1.0/replicators). A replicator copies the instances of a
    project to another cluster, over a link (M(cloudhost.lxd.cluster_link)).
  - The keys are C(cluster) (the name of the link, which each replicator needs), C(schedule) (when it runs, as a cron
    expression or as V(@daily)) and C(snapshot) (whether it makes snapshots first). The module does not start a
    replicator.
  - LXD only, 6.8 and later. The tests of this collection have no server with this API. So this module has not been
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
    description: The name of the replicator.
    type: str
    required: true
  state:
    description:
      - Whether the replicator exists.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.cluster_link
  - module: cloudhost.lxd.project
"""

EXAMPLES = r"""
- name: Copy the instances of a project to another cluster every day
  cloudhost.lxd.replicator:
    project: shop
    name: to-site-b
    config:
      cluster: site-b
      schedule: "@daily"
      snapshot: true

- name: Remove it
  cloudhost.lxd.replicator:
    project: shop
    name: to-site-b
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create replicator to-site-b]
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
replicator:
  description: The replicator, as the API returns it.
  returned: if the replicator exists after the task
  type: dict
  contains:
    name:
      description: The name of the replicator.
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
    last_run_at:
      description: When it ran last.
      type: str
      returned: success
    last_run_status:
      description: How that ended.
      type: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.replicator import Replicator
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Replicator)


if __name__ == "__main__":
    main()
