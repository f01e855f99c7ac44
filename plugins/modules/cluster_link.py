#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_link
short_description: Link LXD clusters
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes links to other clusters, over C(/1.0/cluster/links).
    M(cloudhost.lxd.replicator) copies instances over a link.
  - Both clusters need a link. On the first, a task without O(token) creates a link and returns a token. On the second,
    the task has that token. No other task can read the token.
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
  - cloudhost.lxd._resource.recreate
options:
  name:
    description: The name of the link.
    type: str
    required: true
  state:
    description:
      - Whether the link exists.
    type: str
    choices: [present, absent]
    default: present
  token:
    description:
      - The token that the link of the other cluster was created with. Only for a new link.
    type: str
  type:
    description: The type of the link. Can be set only at creation. Without it, V(bidirectional).
    type: str
    choices: [bidirectional]
  auth_groups:
    description:
      - The groups whose permissions the other cluster has (M(cloudhost.lxd.auth_group)). Only for a new link.
        Later, change the groups of the identity with the name of the link (M(cloudhost.lxd.identity)).
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.replicator
  - module: cloudhost.lxd.auth_group
  - module: cloudhost.lxd.identity
"""

EXAMPLES = r"""
- name: Create the link of the first cluster
  cloudhost.lxd.cluster_link:
    url: https://192.0.2.10:8443
    name: site-b
    auth_groups: [replicators]
  register: link
  no_log: true

- name: Create the link of the second cluster
  cloudhost.lxd.cluster_link:
    url: https://192.0.2.20:8443
    name: site-a
    auth_groups: [replicators]
    token: "{{ link.cluster_link.token }}"

- name: Remove it
  cloudhost.lxd.cluster_link:
    url: https://192.0.2.20:8443
    name: site-a
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create cluster_link site-b]
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
cluster_link:
  description: The link, as the API returns it.
  returned: if the link exists after the task
  type: dict
  contains:
    name:
      description: The name of the link.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    type:
      description: The type.
      type: str
      returned: success
    config:
      description: The configuration.
      type: dict
      returned: success
    used_by:
      description: The API paths of the replicators that use the link.
      type: list
      elements: str
      returned: success
    token:
      description: The token for the link of the other cluster. It is a secret.
      type: str
      returned: if the task created a link without O(token)
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_link import ClusterLink
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(ClusterLink)


if __name__ == "__main__":
    main()
