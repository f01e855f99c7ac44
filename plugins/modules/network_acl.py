#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_acl
short_description: Manage network ACLs of LXD and Incus
version_added: 0.1.0
description:
  - Creates, changes, renames and deletes network ACLs, over C(/1.0/network-acls). An ACL takes effect where a
    network, or a NIC, names it in C(security.acls).
  - The order of rules has no meaning. The servers apply V(drop) before V(reject), and that before V(allow).
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
    description: The name of the ACL.
    type: str
    required: true
  state:
    description:
      - Whether the ACL exists.
    type: str
    choices: [present, absent]
    default: present
  ingress:
    description:
      - The rules for traffic to the instances. The ACL has exactly these. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      action:
        description: What happens to traffic that the rule matches. V(allow-stateless) needs Incus, and an OVN
          network.
        type: str
        required: true
        choices: [allow, allow-stateless, drop, reject]
      state:
        description: Whether the rule is in effect. V(logged) also logs the traffic that it matches.
        type: str
        choices: [enabled, disabled, logged]
        default: enabled
      source:
        description:
          - Addresses, subnets and ranges that the traffic comes from, with commas. Without it, any.
          - On OVN networks also names of ACLs, V(@internal), V(@external) and peers as V(@network/peer). Servers with
            the extension C(network_address_set), as Incus 7, also take address sets as V($name).
        type: str
      destination:
        description: The same for where the traffic goes to.
        type: str
      protocol:
        description: The protocol. Without it, any.
        type: str
        choices: [tcp, udp, icmp4, icmp6]
      source_port:
        description: Ports and ranges of ports with commas, as in V(80,8000-8010), for V(tcp) and V(udp).
        type: str
      destination_port:
        description: Ports and ranges of ports with commas, for V(tcp) and V(udp).
        type: str
      icmp_type:
        description: The type of ICMP messages, for V(icmp4) and V(icmp6).
        type: str
      icmp_code:
        description: The code of ICMP messages, for V(icmp4) and V(icmp6).
        type: str
      description:
        description: The description of the rule.
        type: str
  egress:
    description:
      - The rules for traffic from the instances. The ACL has exactly these. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      action:
        description: What happens to traffic that the rule matches. V(allow-stateless) needs Incus, and an OVN
          network.
        type: str
        required: true
        choices: [allow, allow-stateless, drop, reject]
      state:
        description: Whether the rule is in effect. V(logged) also logs the traffic that it matches.
        type: str
        choices: [enabled, disabled, logged]
        default: enabled
      source:
        description:
          - Addresses, subnets and ranges that the traffic comes from, with commas. Without it, any.
          - On OVN networks also names of ACLs, V(@internal), V(@external) and peers as V(@network/peer). Servers with
            the extension C(network_address_set), as Incus 7, also take address sets as V($name).
        type: str
      destination:
        description: The same for where the traffic goes to.
        type: str
      protocol:
        description: The protocol. Without it, any.
        type: str
        choices: [tcp, udp, icmp4, icmp6]
      source_port:
        description: Ports and ranges of ports with commas, as in V(80,8000-8010), for V(tcp) and V(udp).
        type: str
      destination_port:
        description: Ports and ranges of ports with commas, for V(tcp) and V(udp).
        type: str
      icmp_type:
        description: The type of ICMP messages, for V(icmp4) and V(icmp6).
        type: str
      icmp_code:
        description: The code of ICMP messages, for V(icmp4) and V(icmp6).
        type: str
      description:
        description: The description of the rule.
        type: str
seealso:
  - module: cloudhost.lxd.network
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Let only the web in
  cloudhost.lxd.network_acl:
    name: web
    description: HTTP and HTTPS from everywhere, SSH from the office
    ingress:
      - {action: allow, protocol: tcp, destination_port: "80,443"}
      - {action: allow, protocol: tcp, destination_port: 22, source: 192.0.2.0/24, description: Office}
      - {action: allow, protocol: icmp4, icmp_type: 8}
    egress:
      - action: allow

- name: Apply it to a network
  cloudhost.lxd.network:
    name: acl-test0
    config:
      ipv4.address: 10.158.31.1/24
      ipv6.address: none
      security.acls: web

- name: Remove the network
  cloudhost.lxd.network:
    name: acl-test0
    state: absent

- name: Remove the ACL
  cloudhost.lxd.network_acl:
    name: web
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create network_acl web]
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
network_acl:
  description: The ACL, as the API returns it.
  returned: if the ACL exists after the task
  type: dict
  contains:
    name:
      description: The name of the ACL.
      type: str
      returned: success
    description:
      description: The description.
      type: str
      returned: success
    ingress:
      description: The rules for traffic to the instances.
      type: list
      returned: success
      elements: dict
    egress:
      description: The rules for traffic from the instances.
      type: list
      returned: success
      elements: dict
    config:
      description: The configuration.
      type: dict
      returned: success
    used_by:
      description: The API paths of what uses the ACL.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network_acl import NetworkAcl
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(NetworkAcl)


if __name__ == "__main__":
    main()
