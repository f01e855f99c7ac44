# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The connection options of the modules, for plugins that run on the controller."""

    CONNECTION = r"""
options:
  url:
    description:
      - The address of the server, as V(unix:///path/to/unix.socket) or V(https://host:8443).
      - A list has several addresses of one server, or those of the members of one cluster. If one of them does not
        answer, the next one is used. Do not list servers that are not members of the same cluster.
      - The default is the first local socket that exists on the controller. The search order is that of
        M(cloudhost.lxd.instance).
    type: list
    elements: str
    vars:
      - name: lxd_url
      - name: ansible_lxd_url
    env:
      - name: LXD_URL
    ini:
      - section: lxd_connection
        key: url
  client_cert:
    description: The client certificate for V(https://) servers, as PEM text or as a path on the controller.
    type: str
    vars:
      - name: lxd_client_cert
      - name: ansible_lxd_client_cert
    env:
      - name: LXD_CLIENT_CERT
    ini:
      - section: lxd_connection
        key: client_cert
  client_key:
    description: The private key of O(client_cert), as PEM text or as a path on the controller.
    type: str
    vars:
      - name: lxd_client_key
      - name: ansible_lxd_client_key
    env:
      - name: LXD_CLIENT_KEY
    ini:
      - section: lxd_connection
        key: client_key
  server_cert:
    description: Pins the server to this certificate, as PEM text or as a path on the controller.
    type: str
    vars:
      - name: lxd_server_cert
      - name: ansible_lxd_server_cert
    env:
      - name: LXD_SERVER_CERT
    ini:
      - section: lxd_connection
        key: server_cert
  server_fingerprint:
    description: Pins the server to the certificate with this SHA-256 fingerprint, which C(lxc info) or C(incus info)
      prints on the server.
    type: str
    vars:
      - name: lxd_server_fingerprint
      - name: ansible_lxd_server_fingerprint
    env:
      - name: LXD_SERVER_FINGERPRINT
    ini:
      - section: lxd_connection
        key: server_fingerprint
  trust_token:
    description: A one-time token from C(lxc config trust add) or C(incus config trust add), used on first contact only.
    type: str
    vars:
      - name: lxd_trust_token
      - name: ansible_lxd_trust_token
    env:
      - name: LXD_TRUST_TOKEN
  validate_certs:
    description: With V(false), the plugin accepts any V(https://) server that is not pinned. Pin the server instead.
    type: bool
    default: true
    vars:
      - name: lxd_validate_certs
      - name: ansible_lxd_validate_certs
    ini:
      - section: lxd_connection
        key: validate_certs
  project:
    description: The project of the instance. If not set, V(default) is used.
    type: str
    vars:
      - name: lxd_project
      - name: ansible_lxd_project
    env:
      - name: LXD_PROJECT
    ini:
      - section: lxd_connection
        key: project
  timeout:
    description:
      - The time limit, in seconds, for the server to start a command, to answer a request, or to come back after a
        restart.
      - It does not limit how long a command runs.
    type: int
    default: 60
    vars:
      - name: ansible_lxd_timeout
    env:
      - name: LXD_TIMEOUT
    ini:
      - section: lxd_connection
        key: timeout
"""
