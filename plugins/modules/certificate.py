#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Manage whom LXD and Incus servers trust
version_added: 0.1.0
description:
  - Adds, changes and removes the certificates of clients that a server trusts, over C(/1.0/certificates).
  - An entry is known by the fingerprint of its certificate. Names are for people, and two entries can have the same.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  certificate:
    description:
      - The certificate, as PEM text, as a path to a PEM file on the host that runs the module, or as DER in base64, which preseed files have.
      - Needed to add one. The private key is not needed and stays where it is.
    type: str
  fingerprint:
    description:
      - Its SHA-256 fingerprint, to change or remove an entry whose certificate is not at hand. The first 12 digits are enough.
    type: str
  name:
    description:
      - What the entry is called. Needed to add one.
    type: str
  type:
    description:
      - What the certificate is for. V(metrics) may read C(/1.0/metrics) and nothing else. V(client) where nothing is said.
      - Cannot be changed, except by O(recreate).
    type: str
    choices: [client, metrics]
  restricted:
    description:
      - Whether the client is limited to O(projects). Without projects it can do nothing.
    type: bool
  projects:
    description:
      - The projects that a restricted client may use, exactly these. Refused where the certificate is not restricted, since they would limit nothing.
    type: list
    elements: str
  description:
    description: A text for people. An empty string empties it. Needs the extension C(certificate_description), which Incus has.
    type: str
  recreate:
    description:
      - Where O(type) differs, remove the entry and add it anew.
      - Without it such a difference is an error that names both values, and nothing is changed.
    type: bool
    default: false
  state:
    description:
      - Whether it shall be trusted.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: cloudhost.lxd.trust_token
"""

EXAMPLES = r"""
- name: Who is trusted
  cloudhost.lxd.resource_info:
    kind: certificate

- name: A client that may use one project
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

- name: Trust it no longer
  cloudhost.lxd.certificate:
    certificate: *ci
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create certificate ci]
certificate:
  description: The entry as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    fingerprint:
      description: The SHA-256 fingerprint of the certificate.
      type: str
      returned: success
    type:
      description: What it is for.
      type: str
      returned: success
    restricted:
      description: Whether it is limited to projects.
      type: bool
      returned: success
    projects:
      description: The projects that it is limited to.
      type: list
      elements: str
      returned: success
    certificate:
      description: The certificate, as PEM.
      type: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.certificate import Certificate
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Certificate)


if __name__ == "__main__":
    main()
