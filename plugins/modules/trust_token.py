#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_token
short_description: Create and revoke tokens with which clients become trusted
version_added: 0.1.0
description:
  - Creates a token with which one client can make its certificate trusted, over C(/1.0/certificates). The token can be
    used once.
  - If a valid token for the name is pending, the module returns this token. If that token allows something else, the
    module revokes it and creates a new one.
  - The server determines how long tokens are valid, with its key C(core.remote_token_expiry).
  - Anyone who has the token can become trusted, so set C(no_log=true) on the task.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: The name of the client.
    type: str
    required: true
  restricted:
    description:
      - Whether the client will be limited to O(projects). Without projects, it can do nothing.
    type: bool
  projects:
    description:
      - The projects that a restricted client can use.
      - The module refuses projects for a token that is not restricted, because they would limit nothing.
    type: list
    elements: str
  state:
    description:
      - Whether a token for the client should be pending. V(absent) revokes all tokens with this name. A client that has
        already used a token stays trusted.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.certificate
"""

EXAMPLES = r"""
- name: Listen on the network, which tokens need
  cloudhost.lxd.server:
    config:
      core.https_address: 127.0.0.1:8443

- name: Create a token for a laptop, limited to one project
  cloudhost.lxd.trust_token:
    name: laptop
    restricted: true
    projects: [default]
  register: laptop
  no_log: true

- name: Revoke the token
  cloudhost.lxd.trust_token:
    name: laptop
    state: absent

- name: Stop listening on the network
  cloudhost.lxd.server:
    config:
      core.https_address: null
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create trust_token laptop]
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
trust_token:
  description: The pending token.
  returned: if a token is pending after the task, and not in check mode
  type: dict
  contains:
    token:
      description: The token, as the connection option O(trust_token) accepts it. It is a secret.
      type: str
      returned: success
    addresses:
      description: The addresses of the server.
      type: list
      elements: str
      returned: success
    expires_at:
      description: The time at which the token expires.
      type: str
      returned: success
    restricted:
      description: Whether the client will be limited to projects.
      type: bool
      returned: success
    projects:
      description: The projects that the client will be limited to.
      type: list
      elements: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.trust_token import TrustToken
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(TrustToken)


if __name__ == "__main__":
    main()
