#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Create a cluster or join a server to one
version_added: 0.1.0
description:
  - Enables clustering on a server, over C(/1.0/cluster). With O(cluster_token), the server joins the cluster that
    created the token. Run the module on the server itself.
  - A server that is already a member with this name is not changed. You cannot disable clustering again. You can only
    remove the member with M(cloudhost.lxd.cluster_member), which empties the server.
  - Joining deletes the database of the server. The module refuses to join while the server has instances, images,
    storage pools, networks, profiles or projects of its own, unless O(force) is set. The error names what would be
    lost.
  - A join that fails may leave storage pools and networks on the server. If the server had none before, the next
    attempt removes those that nothing uses, and then joins. A token is valid for one attempt, even if the attempt
    fails.
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
      - Not needed if C(core.https_address) is already such an address.
      - The module refuses an address without a port, and an address that stands for all addresses of the host. Write an
        IPv6 address in brackets.
      - The address of an existing member is not changed. If it differs, the module warns about it.
    type: str
  cluster_token:
    description:
      - Join the cluster with this token, which M(cloudhost.lxd.cluster_token) creates. The token contains the addresses
        of the cluster, and pins its certificate.
      - Without a token, this server becomes the first member of a new cluster.
    type: str
  member_config:
    description:
      - The keys of the storage pools and networks of the cluster that are specific to this member, in the format of
        C(lxd init --preseed). The daemon may choose a value for a key that is not set. For example, a storage pool
        without its C(source) becomes a new loop file.
      - A key such as C(size) in the O(cloudhost.lxd.storage_pool#module:config) of a pool applies to every member, but
        the cluster does not pass it to a server that joins. The filter P(cloudhost.lxd.joining_config#filter) adds such
        keys to this option.
      - The server ignores keys that are not specific to members. If the server has another value than this option, the
        module warns about it.
    type: list
    elements: dict
    suboptions:
      entity:
        description: The type of the resource that the key belongs to.
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
        description: The value of the key on this member.
        type: str
        required: true
  force:
    description: Join even if the server is not empty. Everything on the server is lost.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.cluster_token
  - module: cloudhost.lxd.cluster_member
  - module: cloudhost.lxd.cluster_info
"""

EXAMPLES = r"""
- name: Create a cluster with this server as its first member
  cloudhost.lxd.cluster:
    server_name: node1
    server_address: 10.0.0.1:8443

- name: Join the second host to the cluster
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
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [set core.https_address to 10.0.0.1:8443, enable clustering on node1]
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
      description: The name of the server as a member.
      type: str
      returned: success
    member_config:
      description: The keys that a server needs to join.
      type: list
      elements: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster import Cluster
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Cluster)


if __name__ == "__main__":
    main()
