#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Make a server the first member of a cluster, or one more
version_added: 0.1.0
description:
  - Enables clustering on a server, over C(/1.0/cluster), or with O(cluster_token) has it join the cluster that made the token. Run it on the server itself.
  - A server that is a member under this name is left alone. There is no way back but to remove the member (M(cloudhost.lxd.cluster_member)), which empties it.
  - Joining deletes the database of the server. It is refused while the server has instances, images, storage pools, networks, profiles or projects of its own,
    unless O(force) says so; the error names what would be lost.
  - A join that fails may leave storage pools and networks on the server. Where it had none before, the next attempt removes those that nothing uses, and
    joins. A token is good for one attempt, also for one that fails.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  server_name:
    description: The name of this server as a member.
    type: str
    required: true
  server_address:
    description:
      - The address and port at which the other members reach this server, as in V(10.0.0.2:8443).
      - Not needed where C(core.https_address) is such an address already.
      - An address without a port or one that stands for all addresses of the host is refused. An IPv6 address stands in brackets.
      - The address of a member is not changed. Where it has another one, a warning says so.
    type: str
  cluster_token:
    description:
      - Join the cluster with this token, which M(cloudhost.lxd.cluster_token) makes. It tells the addresses of the cluster, and pins its certificate.
      - Without it this server becomes the first member of a new cluster.
    type: str
  member_config:
    description:
      - What the storage pools and networks of the cluster need to know of this member, as C(lxd init --preseed) takes it. A key that is not given may
        be made up by the daemon; a storage pool without its C(source) becomes a new loop file.
      - A key such as C(size) in the O(cloudhost.lxd.storage_pool#module:config) of a pool is meant for every member, but a server that joins is not told of
        it. The filter P(cloudhost.lxd.joining_config#filter) puts such keys here.
      - The server takes no notice of keys that members do not have of their own. Where it has something else than what is written here, a warning says so.
    type: list
    elements: dict
    suboptions:
      entity:
        description: What the key is of.
        type: str
        required: true
        choices: [storage-pool, network]
      name:
        description: The name of the pool or network.
        type: str
        required: true
      key:
        description: The configuration key, such as V(source) or V(parent).
        type: str
        required: true
      value:
        description: Its value on this member.
        type: str
        required: true
  force:
    description: Join although the server is not empty. What it has is lost.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.cluster_token
  - module: cloudhost.lxd.cluster_member
  - module: cloudhost.lxd.cluster_info
"""

EXAMPLES = r"""
- name: The first member
  cloudhost.lxd.cluster:
    server_name: node1
    server_address: 10.0.0.1:8443

- name: One more, on the second host
  cloudhost.lxd.cluster:
    server_name: node2
    server_address: 10.0.0.2:8443
    cluster_token: "{{ node2_token }}"
    member_config:
      - entity: storage-pool
        name: local
        key: source
        value: /mnt/data/lxd
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [set core.https_address to 10.0.0.1:8443, enable clustering on node1]
cluster:
  description: The answer to C(GET /1.0/cluster).
  returned: success
  type: dict
  contains:
    enabled:
      description: Whether the server is a member of a cluster.
      type: bool
      returned: success
    server_name:
      description: Its name there.
      type: str
      returned: success
    member_config:
      description: Which keys a server that joins has to know.
      type: list
      elements: dict
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.cluster import Cluster
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Cluster)


if __name__ == "__main__":
    main()
