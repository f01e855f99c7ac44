#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: warning
short_description: Acknowledge and delete warnings of LXD and Incus
version_added: 0.1.0
description:
  - Acknowledges and deletes warnings, over C(/1.0/warnings). Servers list what they warn of until somebody acknowledges
    or deletes it.
  - A warning is found by what it is about. If several match, all of them are meant. If none matches, nothing is
    changed. A server that meets the reason again makes the warning again, and a deleted one gets another UUID then.
  - M(cloudhost.lxd.resource_info) reads warnings.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  type:
    description: The type of the warnings, as the API returns it. One of O(type), O(entity_url) and O(uuid) is required.
    type: str
  entity_url:
    description: The URL of what the warnings are about, such as V(/1.0/networks/lxdbr0). With a query, as in
      V(/1.0/networks/lxdbr0?project=shop), it is compared with the query.
    type: str
  location:
    description: The cluster member that has the warnings.
    type: str
  uuid:
    description: The UUID of one warning.
    type: str
  state:
    description:
      - V(acknowledged) hides the warnings from the default listing of the clients. V(new) shows them again. V(absent)
        deletes them.
      - A warning that the server has resolved by itself is not changed, but V(absent) deletes it.
    type: str
    choices: [acknowledged, new, absent]
    default: acknowledged
seealso:
  - module: cloudhost.lxd.resource_info
"""

EXAMPLES = r"""
- name: Acknowledge that instances did not start with the server, on all members of a cluster
  cloudhost.lxd.warning:
    type: Failed to autostart instance

- name: Delete all warnings about a network that was repaired
  cloudhost.lxd.warning:
    entity_url: /1.0/networks/lxdbr0
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform.
  returned: success
  type: list
  elements: str
  sample: [acknowledge warning Failed to autostart instance (/1.0/instances/web1) (node1)]
resources:
  description: The warnings that match, as the API returns them after the task.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: The UUID of the warning.
      type: str
      returned: success
    type:
      description: What it warns of.
      type: str
      returned: success
    status:
      description: Whether it is C(new), C(acknowledged) or C(resolved).
      type: str
      returned: success
    entity_url:
      description: What it is about. Empty for the server itself.
      type: str
      returned: success
    location:
      description: The cluster member that has it.
      type: str
      returned: success
    last_message:
      description: What the server said at last.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_warnings import Warnings
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(Warnings)


if __name__ == "__main__":
    main()
