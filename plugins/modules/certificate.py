#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Manage the certificates that LXD and Incus servers trust
version_added: 0.1.0
description:
  - Adds, changes and removes the certificates of clients that a server trusts, over C(/1.0/certificates).
  - The fingerprint of the certificate identifies an entry. Names are for people only. Two entries can have the same
    name.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  certificate:
    description:
      - The certificate, as PEM text, as a path to a PEM file on the host that runs the module, or as DER in base64, as
        in preseed files.
      - Required to add an entry. The private key is not needed and stays where it is.
    type: str
  fingerprint:
    description:
      - The SHA-256 fingerprint of the certificate. Use it to change or remove an entry without its certificate. The
        first 12 digits are enough.
    type: str
  name:
    description:
      - The name of the entry. Required to add an entry.
    type: str
  type:
    description:
      - The type of the certificate. A client with a V(metrics) certificate can only read C(/1.0/metrics). If not set, a
        new entry has the type V(client).
      - You cannot change the type of an existing entry, except with O(recreate).
    type: str
    choices: [client, metrics]
  restricted:
    description:
      - Whether the client is limited to O(projects). Without projects, it can do nothing.
    type: bool
  projects:
    description:
      - The projects that a restricted client can use. The entry gets exactly these projects.
      - The module refuses projects for a certificate that is not restricted, because they would limit nothing.
    type: list
    elements: str
  description:
    description: The description, as text for people. An empty string removes it. Requires the extension
      C(certificate_description), which Incus has.
    type: str
  recreate:
    description:
      - Remove and re-create the entry if O(type) differs.
      - Without this option, such a difference is an error that names both values, and nothing is changed.
    type: bool
    default: false
  state:
    description:
      - Whether the server should trust the certificate.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.trust_token
"""

EXAMPLES = r"""
- name: List the trusted certificates
  cloudhost.lxd.resource_info:
    kind: certificate

- name: Trust a client that can use one project
  cloudhost.lxd.certificate:
    name: ci
    certificate: &ci |
      -----BEGIN CERTIFICATE-----
      MIIBcDCCARegAwIBAgIUfLyfG+0tJH4R/N8aTDGRkUXESn0wCgYIKoZIzj0EAwIw
      DTELMAkGA1UEAwwCY2kwIBcNMjYxMTI0MjIxNjQ1WhgPMjEyNjEwMzEyMjE2NDVa
      MA0xCzAJBgNVBAMMAmNpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESTy7Ctap
      EEQdZYK6IDT4M+cQ+uyZPCdGK/7Dj0ODPA04zgZXMEkynMs+Vr+t3VWv5m5A1fIu
      rwS50RvwBog+vaNTMFEwHQYDVR0OBBYEFG8EjrmLKV8ZpWY2LbRFl40g3SmJMB8G
      A1UdIwQYMBaAFG8EjrmLKV8ZpWY2LbRFl40g3SmJMA8GA1UdEwEB/wQFMAMBAf8w
      CgYIKoZIzj0EAwIDRwAwRAIgVN+rDsazPDaUwJ9Jtx+ThAVdSH0Sdkq32Lw34Z1K
      YdACIDLTFLI8Qq6Fb40DKUtYKK4VqXa/zOszXVqQHI3V5Mpl
      -----END CERTIFICATE-----
    restricted: true
    projects: [default]

- name: Stop trusting the client
  cloudhost.lxd.certificate:
    certificate: *ci
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create certificate ci]
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
certificate:
  description: The entry, as the API returns it.
  returned: if the entry exists after the task
  type: dict
  contains:
    name:
      description: The name of the entry.
      type: str
      returned: success
    fingerprint:
      description: The SHA-256 fingerprint of the certificate.
      type: str
      returned: success
    type:
      description: The type of the certificate.
      type: str
      returned: success
    restricted:
      description: Whether the client is limited to projects.
      type: bool
      returned: success
    projects:
      description: The projects that the client is limited to.
      type: list
      elements: str
      returned: success
    certificate:
      description: The certificate, as PEM.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.certificate import Certificate
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Certificate)


if __name__ == "__main__":
    main()
