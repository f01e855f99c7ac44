# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the server is, as V(unix:///path/to/unix.socket) or V(https://host:8443).
      - The default is the first local socket that exists, in this order. E(LXD_SOCKET), E(LXD_DIR), E(INCUS_SOCKET) and E(INCUS_DIR) where set;
        else the ones of the LXD snap, of LXD and of Incus packages (V(/var/snap/lxd/common/lxd/unix.socket), V(/var/lib/lxd/unix.socket),
        V(/run/incus/unix.socket), V(/var/lib/incus/unix.socket)).
      - If not set, the environment variable E(LXD_URL) of the host that runs the module is used.
    type: str
  client_cert:
    description:
      - The client certificate for V(https://) servers, as PEM text or as a path on the host that runs the module.
      - If not set, the environment variable E(LXD_CLIENT_CERT) is used.
    type: str
  client_key:
    description:
      - The key of O(client_cert), as PEM text or as a path on the host that runs the module.
      - If not set, the environment variable E(LXD_CLIENT_KEY) is used.
    type: str
  server_cert:
    description:
      - Pins the server to this certificate, as PEM text or as a path on the host that runs the module.
      - LXD and Incus servers sign their own certificates, so one of O(server_cert) and O(server_fingerprint) is what makes TLS safe.
      - If not set, the environment variable E(LXD_SERVER_CERT) is used.
    type: str
  server_fingerprint:
    description:
      - Pins the server to the certificate with this SHA-256 fingerprint, which C(lxc info) or C(incus info) prints on the server.
      - If not set, the environment variable E(LXD_SERVER_FINGERPRINT) is used.
    type: str
  trust_token:
    description:
      - A one-time token from C(lxc config trust add) or C(incus config trust add). On first contact it makes O(client_cert) trusted, and it pins
        the server it was made on where nothing else does. Once the client is trusted the token is not looked at.
      - If not set, the environment variable E(LXD_TRUST_TOKEN) is used.
    type: str
  validate_certs:
    description:
      - With V(false), a V(https://) server that is not pinned is accepted whoever it is. Anyone between you and the server can then read and change
        everything, so pin the server instead.
    type: bool
    default: true
  project:
    description:
      - The project to work in; V(default) if nothing is said. Ignored by what is not part of a project.
      - If not set, the environment variable E(LXD_PROJECT) is used.
    type: str
  target:
    description:
      - In a cluster, the member that an instance shall be on, or V(@group) for any member of a group (M(cloudhost.lxd.instance)), the member whose
        own configuration is meant (M(cloudhost.lxd.server)), or whose view to read. Other modules do not look at it.
    type: str
  timeout:
    description:
      - Seconds for all that the task does, waiting included. What was done by then stays, and the next run goes on from there.
      - Errors that pass by themselves (a daemon restarting, a cluster electing its leader) are retried within this time; a socket or port that
        refuses connections is retried for at most 30 seconds of it.
    type: int
    default: 600
requirements:
  - LXD 5.0 or later, or Incus 6.0 or later
  - Nothing but Python's standard library on the host that runs the module
"""
