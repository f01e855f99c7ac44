# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a list of tenants means for a server: a document, and what is removed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tenants_plan
short_description: Turn tenants into a document for a stack
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Returns the projects, networks, profiles, images and certificates of tenants as a definition for
    M(cloudhost.lxd.stack), and what the role C(cloudhost.lxd.tenants) removes.
  - Reports all that is wrong with the tenants together.
options:
  _input:
    description: The tenants, as the variable C(tenants_list) of the role C(cloudhost.lxd.tenants) has them.
    type: list
    elements: dict
    required: true
  settings:
    description: What tenants have that do not say otherwise. C(pool), C(uplink), C(images), C(quota), C(defaults),
      C(isolated) and C(unreachable), as the variables of the role. Also C(accepted_gaps).
    type: dict
    required: true
  found:
    description: What the server has. C(certificate), C(project), C(network) and C(network_acl) are lists of what
      M(cloudhost.lxd.resource_info) returns, and C(extensions) and C(environment) are those of the API.
    type: dict
    required: true
positional: settings, found
"""

EXAMPLES = r"""
- name: Show what a tenant is made of
  ansible.builtin.debug:
    msg: "{{ [{'name': 'blue', 'subnet': '10.60.0.0/24'}] | cloudhost.lxd.tenants_plan(settings, found) }}"
  vars:
    settings:
      pool: default
      uplink: ""
      images: []
      quota: {}
      defaults: {memory: 1GiB}
      isolated: true
      unreachable: []
      accepted_gaps: []
    found: {certificate: [], project: [], network: [], network_acl: [], extensions: [], environment: {server: incus}}
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    definition:
      description: The definition for M(cloudhost.lxd.stack).
      type: dict
    revoked:
      description: The certificates that lose their last project, with C(name) and C(fingerprint).
      type: list
      elements: dict
    removed:
      description: The tenants that are removed and exist. C(instances), C(rest), C(networks) and C(acls) are what is
        deleted, and C(lost) is what of it the role has not made.
      type: list
      elements: dict
    forgotten:
      description: The names of projects of tenants that are no longer in the list.
      type: list
      elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._tenants import Tenants


def tenants_plan(tenants: list[dict[str, Any]], settings: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The plan for these tenants; AnsibleFilterError with all that is wrong with them."""
    planned = Tenants(tenants, settings, found)
    errors = planned.errors()
    if errors:
        raise AnsibleFilterError("Nothing was changed. " + "\n".join(errors))
    return planned.plan()


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"tenants_plan": tenants_plan}
