#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity
short_description: Manage identities of LXD, with their groups
version_added: 0.1.0
description:
  - Creates, changes and deletes identities, over C(/1.0/auth/identities). The permissions of an identity are those of
    its groups (M(cloudhost.lxd.auth_group)). For clients that may do everything, or everything in some projects, use
    M(cloudhost.lxd.certificate).
  - An identity with a certificate is created with O(certificate), or with O(token) for a client that sends its
    certificate later. An identity of OIDC appears when its client logs in for the first time. Only its groups can be
    set. Bearers of tokens need LXD 6.7.
  - LXD only, 5.21 and later. The tests of this collection have no server with this API. So this module has not been
    run on one, and its requests are checked against the specification of the API.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.recreate
options:
  name:
    description: The name of the identity. For OIDC, the email address.
    type: str
    required: true
  state:
    description:
      - Whether the identity exists.
      - V(token_issued) issues a token for a bearer, each time the task runs. The token before it is no longer valid.
    type: str
    choices: [present, absent, token_issued]
    default: present
  authentication_method:
    description: How the client proves who it is.
    type: str
    choices: [tls, oidc, bearer]
    default: tls
  certificate:
    description: The certificate of a client, as text (PEM), as base64, or as the path of a file on the host.
    type: str
  token:
    description:
      - Whether a new identity waits for a client that sends its certificate with a token. The task that creates the
        identity returns the token. No other task can read it.
      - Anyone who has the token can become the identity, so set C(no_log=true) on the task.
    type: bool
    default: false
  type:
    description: Which API a bearer can use, that of the server or that inside of instances. Can be set only at
      creation. Without it, V(Client token bearer).
    type: str
    choices: [Client token bearer, DevLXD token bearer]
  expiry:
    description: How long an issued token is valid, as in V(30d). Without it, the server decides.
    type: str
  groups:
    description:
      - The groups. The identity is in exactly these, in any order. An empty list removes it from all.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.auth_group
  - module: cloudhost.lxd.identity_provider_group
  - module: cloudhost.lxd.certificate
"""

EXAMPLES = r"""
- name: Create an identity for a laptop, which sends its certificate with the token
  cloudhost.lxd.identity:
    name: laptop
    token: true
    groups: [shop]
  register: laptop
  no_log: true

- name: Put somebody who has logged in with OIDC into a group
  cloudhost.lxd.identity:
    name: jane@example.net
    authentication_method: oidc
    groups: [shop]

- name: Issue a token for a program, for 30 days
  cloudhost.lxd.identity:
    name: reports
    authentication_method: bearer
    state: token_issued
    expiry: 30d
  register: reports
  no_log: true

- name: Remove the laptop
  cloudhost.lxd.identity:
    name: laptop
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create identity laptop]
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
identity:
  description: The identity, as the API returns it.
  returned: if the identity exists after the task
  type: dict
  contains:
    name:
      description: The name of the identity.
      type: str
      returned: success
    id:
      description: The identifier, which for a certificate is its fingerprint.
      type: str
      returned: success
    authentication_method:
      description: How the client proves who it is.
      type: str
      returned: success
    type:
      description: The type.
      type: str
      returned: success
    groups:
      description: The groups.
      type: list
      elements: str
      returned: success
    tls_certificate:
      description: The certificate.
      type: str
      returned: success
    token:
      description: The token. It is a secret.
      type: str
      returned: if the task made one
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.identity import Identity
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Identity)


if __name__ == "__main__":
    main()
