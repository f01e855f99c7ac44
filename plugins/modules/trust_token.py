#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_token
short_description: Make and revoke tokens with which clients become trusted
version_added: 0.1.0
description:
  - Makes the token with which one client may have its certificate trusted, over C(/1.0/certificates). It can be used once.
  - A token for the name that is pending and still valid is used again. One that allows something else is revoked and made anew.
  - How long tokens are valid is a matter of the server, which has the key C(core.remote_token_expiry).
  - Whoever has the token becomes trusted, so set C(no_log=true) on the task.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: What the client shall be called.
    type: str
    required: true
  restricted:
    description:
      - Whether the client will be limited to O(projects). Without projects it can do nothing.
    type: bool
  projects:
    description:
      - The projects that a restricted client may use. Refused where the token is not restricted, since they would limit nothing.
    type: list
    elements: str
  state:
    description:
      - Whether a token for it shall be pending. V(absent) revokes all with the name; a client that has used one stays trusted.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.certificate
"""

EXAMPLES = r"""
- name: Tokens are used over the network
  cloudhost.lxd.server:
    config:
      core.https_address: 127.0.0.1:8443

- name: Let a laptop in, to one project
  cloudhost.lxd.trust_token:
    name: laptop
    restricted: true
    projects: [default]
  register: laptop
  no_log: true

- name: Think better of it
  cloudhost.lxd.trust_token:
    name: laptop
    state: absent

- name: Listen no longer
  cloudhost.lxd.server:
    config:
      core.https_address: null
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create trust_token laptop]
trust_token:
  description: The pending token.
  returned: when there is one after the task, and not in check mode
  type: dict
  contains:
    token:
      description: The token, as the connection option O(trust_token) takes it. A secret.
      type: str
      returned: success
    addresses:
      description: Where the server is reached with it.
      type: list
      elements: str
      returned: success
    expires_at:
      description: When it ends.
      type: str
      returned: success
    restricted:
      description: Whether the client will be limited to projects.
      type: bool
      returned: success
    projects:
      description: The projects that it will be limited to.
      type: list
      elements: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.trust_token import TrustToken
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(TrustToken)


if __name__ == "__main__":
    main()
