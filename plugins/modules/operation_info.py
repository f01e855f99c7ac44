#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_info
short_description: Read the operations of LXD and Incus
version_added: 0.1.0
description:
  - Reads what the server works on, in one request, over C(/1.0/operations). In a cluster, these are the operations of
    all members.
  - Servers forget an operation some five seconds after its end.
  - If no operation is found, the list is empty.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  id:
    description: Read only the operation with this UUID.
    type: str
  class:
    description: Read only the operations of this class. V(task) is work of the server, V(websocket) waits for or serves
      a client, as a command in an instance, and V(token) is a token that nobody has used yet.
    type: str
    choices: [task, websocket, token]
  status:
    description: Read only the operations with this status, such as V(Running), in any case.
    type: str
  resource:
    description: Read only the operations on this resource, by its URL, such as V(/1.0/instances/web1).
    type: str
  all_projects:
    description: Whether to read the operations of all projects.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.api_request
"""

EXAMPLES = r"""
- name: Read what the server works on
  cloudhost.lxd.operation_info:
    class: task
    status: Running
    all_projects: true
  register: work

- name: Wait until nothing works on an instance
  cloudhost.lxd.operation_info:
    resource: /1.0/instances/web1
    class: task
    status: Running
  register: work
  until: not work.operations
  retries: 60
  delay: 1
"""

RETURN = r"""
operations:
  description: The operations that were found, as the API returns them. Secrets in them are masked.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The UUID of the operation.
      type: str
      returned: success
    class:
      description: The class of the operation.
      type: str
      returned: success
    description:
      description: What it does, in the words of the server.
      type: str
      returned: success
    status:
      description: The status of the operation.
      type: str
      returned: success
    resources:
      description: What it works on, as lists of URLs by kind.
      type: dict
      returned: success
    may_cancel:
      description: Whether it can be cancelled.
      type: bool
      returned: success
    location:
      description: The cluster member that it runs on.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.info import OperationInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(OperationInfo)


if __name__ == "__main__":
    main()
