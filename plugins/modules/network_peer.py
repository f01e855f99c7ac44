#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_peer
short_description: Manage network peers of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes and deletes peers of OVN networks, over C(/1.0/networks/NETWORK/peers). Instances of two networks
    reach each other when each network has a peer that names the other.
  - A peer whose other side was deleted connects nothing any longer, also if the other side is created again. It is
    re-created if the task names its O(target_network).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.recreate
options:
  network:
    description: The network.
    type: str
    required: true
  name:
    description: The name of the peer.
    type: str
    required: true
  state:
    description:
      - Whether the peer exists.
    type: str
    choices: [present, absent]
    default: present
  type:
    description: Whether the other network is on this server, or reached over an integration. Incus only. Can be set
      only at creation.
    type: str
    choices: [local, remote]
  target_network:
    description: The other network. Can be set only at creation.
    type: str
  target_project:
    description: The project of the other network. Without it, that of the peer. Can be set only at creation.
    type: str
  target_integration:
    description: The integration for peers of O(type=remote). Incus only. Can be set only at creation.
    type: str
  wait_for:
    description:
      - Wait until the peer is in this state, at most O(timeout) seconds. V(created) needs the peer of the other
        network.
      - A stack creates all peers before it waits for the first.
    type: list
    elements: str
    choices: [created]
seealso:
  - module: cloudhost.lxd.network
  - module: cloudhost.lxd.network_integration
"""

EXAMPLES = r"""
- name: Connect the office with the lab
  cloudhost.lxd.network_peer:
    network: ovn-office
    name: lab
    target_network: ovn-lab

- name: Connect the lab with the office, and wait until both sides are there
  cloudhost.lxd.network_peer:
    network: ovn-lab
    name: office
    target_network: ovn-office
    wait_for: [created]

- name: Remove one side, which ends the connection
  cloudhost.lxd.network_peer:
    network: ovn-lab
    name: office
    state: absent

- name: Remove the other side
  cloudhost.lxd.network_peer:
    network: ovn-office
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_peer lab]
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
network_peer:
  description: The peer, as the API returns it.
  returned: if the peer exists after the task
  type: dict
  contains:
    name:
      description: The name of the peer.
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
    status:
      description: V(Pending) until the other side exists, then V(Created). V(Errored) if the other side is gone.
      type: str
      returned: success
    target_network:
      description: The other network.
      type: str
      returned: success
    target_project:
      description: The project of the other network.
      type: str
      returned: success
    used_by:
      description: The API paths of the ACLs that use the peer.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_peer import NetworkPeer
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkPeer)


if __name__ == "__main__":
    main()
