#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: api_request
short_description: Send a request to the API of LXD or Incus
version_added: 0.1.0
description:
  - Sends one request to the REST API, for what no other module of this collection does. If there is a module for the
    resource, use it instead. It compares, merges and predicts, and this module does none of that.
  - If the answer is an operation, the module waits until the operation has ended.
  - A V(GET) is repeated while the server recovers. Any other request is sent again only if the server cannot have
    received it. If its answer is lost, the task fails and says so.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
attributes:
  check_mode:
    support: partial
    details: A V(GET) is sent. Any other request is not sent, and counts as a change, because nobody knows what it would
      do. Its result has no answer then, so all values besides RV(ignore:changed) are null. C(changed_when) decides as
      in a real run, and should not need an answer.
  diff_mode:
    support: none
    details: The module does not know what a request changes.
  idempotent:
    support: N/A
    details: A V(GET) changes nothing. Any other request is a change each time, unless C(changed_when) says otherwise.
options:
  method:
    description:
      - The method of the request.
      - The servers replace an object with the body of a V(PUT), so send all of it, with O(etag). What V(PATCH) leaves
        out is emptied for some resources, such as network ACLs, zones and forwards.
    type: str
    choices: [GET, POST, PUT, PATCH, DELETE]
    default: GET
  path:
    description:
      - The path in the API, V(/1.0) or below, without a query. Write names with the filter C(urlencode), and C(%2F) for
        a slash in them.
    type: str
    required: true
  query:
    description:
      - The query of the request. Parameters that are null are left out.
      - O(project) and O(target) become the parameters C(project) and C(target), unless they are written here. With
        C(all-projects), no project is sent.
    type: dict
  body:
    description: The body of the request, which is sent as JSON. Values have the types of JSON, and most servers take
      the values in C(config) only as strings.
    type: dict
  etag:
    description: RV(etag) of an earlier V(GET). If the object has changed since then, the server refuses the request
      with the code 412, and nothing is changed.
    type: str
  wait:
    description:
      - Whether to wait for the operation that the server starts, if it starts one. If the operation fails, the task
        fails.
      - Operations of the classes C(token) and C(websocket) are never waited for, because they end when somebody uses
        them.
    type: bool
    default: true
  status:
    description:
      - The status codes that are no failure, such as V([200, 404]). The default is every code of success.
      - If a code of failure is accepted, the task has changed nothing.
    type: list
    elements: int
    default: []
  show_secrets:
    description: Whether the result has the values of keys that name secrets, such as C(secret) and C(password). They
      are masked otherwise. Set C(no_log=true) on such a task.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.resource_info
  - module: cloudhost.lxd.operation_info
"""

EXAMPLES = r"""
- name: Read how much of its limits a project uses
  cloudhost.lxd.api_request:
    path: /1.0/projects/default/state
  register: usage

- name: Create a profile
  cloudhost.lxd.api_request:
    method: POST
    path: /1.0/profiles
    body:
      name: by-hand
      config: {limits.cpu: "2"}
    status: [201, 409]

- name: Read it, and its ETag
  cloudhost.lxd.api_request:
    path: /1.0/profiles/by-hand
    status: [200, 404] # it is not there in check mode
  register: profile

- name: Describe it, unless somebody has changed it since
  cloudhost.lxd.api_request:
    method: PUT
    path: /1.0/profiles/by-hand
    etag: "{{ profile.etag }}"
    body: "{{ profile.metadata | combine({'description': 'Made by hand'}) }}"
  when: profile.status_code == 200 and profile.metadata.description != 'Made by hand'

- name: Delete it, if it is there
  cloudhost.lxd.api_request:
    method: DELETE
    path: /1.0/profiles/by-hand
    status: [200, 404]
"""

RETURN = r"""
status_code:
  description: The status code of the answer. For an error, it is the error code of the server.
  returned: success
  type: int
  sample: 200
metadata:
  description: The C(metadata) of the answer, as the API returns it. After O(wait), it is the C(metadata) of the
    operation.
  returned: success
  type: raw
content:
  description: The answer as text, if the server sends a file and no JSON, such as a log.
  returned: success
  type: str
etag:
  description: The ETag of the object that was read.
  returned: success
  type: str
  sample: 8a6c9e2d
operation:
  description: The operation that the server has started. After O(wait), as it has ended.
  returned: success
  type: dict
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.api_request import ApiRequest
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(ApiRequest)


if __name__ == "__main__":
    main()
