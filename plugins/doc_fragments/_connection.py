# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The address of the server, as V(unix:///path/to/unix.socket) or V(https://host:8443).
      - A list has several addresses of one server, or those of the members of one cluster. If one of them does not
        answer, the next one is used. Do not list servers that are not members of the same cluster.
      - The default is the first local socket that exists. If E(LXD_SOCKET), E(LXD_DIR), E(INCUS_SOCKET) or E(INCUS_DIR)
        are set, the module looks at these, in this order. Otherwise it looks at the sockets of the LXD snap, of LXD
        packages and of Incus packages (V(/var/snap/lxd/common/lxd/unix.socket), V(/var/lib/lxd/unix.socket),
        V(/run/incus/unix.socket), V(/var/lib/incus/unix.socket)), in this order.
      - If not set, the variable C(lxd_url) is used, or else E(LXD_URL) in the environment of the module. In
        text, commas separate addresses.
    type: list
    elements: str
  client_cert:
    description:
      - The client certificate for V(https://) servers, as PEM text or as a path on the host that runs the module.
      - If not set, the variable C(lxd_client_cert) is used, or else E(LXD_CLIENT_CERT).
    type: str
  client_key:
    description:
      - The private key of O(client_cert), as PEM text or as a path on the host that runs the module.
      - If not set, the variable C(lxd_client_key) is used, or else E(LXD_CLIENT_KEY).
    type: str
  server_cert:
    description:
      - Pins the server to this certificate, as PEM text or as a path on the host that runs the module.
      - LXD and Incus servers use self-signed certificates, so set O(server_cert) or O(server_fingerprint) to make TLS
        secure.
      - If not set, the variable C(lxd_server_cert) is used, or else E(LXD_SERVER_CERT).
    type: str
  server_fingerprint:
    description:
      - Pins the server to the certificate with this SHA-256 fingerprint, which C(lxc info) or C(incus info) prints on
        the server.
      - If not set, the variable C(lxd_server_fingerprint) is used, or else E(LXD_SERVER_FINGERPRINT).
    type: str
  trust_token:
    description:
      - A one-time token from C(lxc config trust add) or C(incus config trust add). On first contact, it makes
        O(client_cert) trusted. It also pins the server that created it, if no other option pins the server. The token
        is ignored once the client is trusted.
      - If not set, the variable C(lxd_trust_token) is used, or else E(LXD_TRUST_TOKEN).
    type: str
  validate_certs:
    description:
      - With V(false), the module accepts any V(https://) server that is not pinned. Anyone between you and the server
        can then read and change everything, so pin the server instead.
      - If not set, the variable C(lxd_validate_certs) is used.
    type: bool
    default: true
  project:
    description:
      - The project to work in. If not set, V(default) is used. Ignored for resources that are not part of a project.
      - If not set, the variable C(lxd_project) is used, or else E(LXD_PROJECT).
    type: str
  target:
    description:
      - A member of the cluster. For M(cloudhost.lxd.instance), it is the member that the instance should be on, or
        V(@group) for any member of a group. For M(cloudhost.lxd.server), it is the member whose own configuration to
        change. For M(cloudhost.lxd.server_info) and M(cloudhost.lxd.network_info), it is the member to read. For
        M(cloudhost.lxd.api_request), it is a parameter of the query. Other modules ignore it.
    type: str
  remotes:
    description:
      - Image servers of your own, by the name that they have in V(NAME:ALIAS), as in V(own:debian/12).
        M(cloudhost.lxd.image), M(cloudhost.lxd.instance) and M(cloudhost.lxd.stack) use them. Other modules ignore this
        option.
      - Each is a dictionary with C(url) (an address that begins with C(https://)), C(certificate) (the certificate of
        the server, or of the authority that signed it, as PEM text or as a path on the host that runs the module), and
        C(protocol) (V(simplestreams), the default, or V(oci) for a registry, which has no C(certificate)).
      - The server verifies the image server with C(certificate) and with the authorities that its host trusts. Without
        C(certificate), it uses only these authorities.
      - A name that the clients of the daemons know, such as V(images), then stands for your server.
      - If not set, the variable C(lxd_remotes) is used. See the guide L(image server,
        https://github.com/cloudhost/lxd/blob/main/docs/image-server.md).
    type: dict
  timeout:
    description:
      - The time limit for the whole task, in seconds. It includes all waiting. Changes made within this time stay, and
        the next run continues from there.
      - Temporary errors (a daemon that restarts, a cluster that elects its leader) are retried within this time. If a
        socket or port refuses connections, the module retries for at most 30 seconds.
    type: int
    default: 600
notes:
  - The variables C(lxd_url), C(lxd_client_cert), C(lxd_client_key), C(lxd_server_cert), C(lxd_server_fingerprint),
    C(lxd_trust_token), C(lxd_validate_certs) and C(lxd_project) of a host describe its server as the controller reaches
    it. The playbook C(cloudhost.lxd.trust) writes them. Tasks that run on the controller (connection V(local), or
    C(delegate_to=localhost)) use all of them. On another host, a module uses only C(lxd_project), and C(lxd_url) if it
    is a socket.
  - The variable C(lxd_remotes) describes image servers. Tasks use it wherever they run.
  - An option of the task or of C(module_defaults) takes precedence over a variable, and a variable over the
    environment. A task whose O(url) is not C(lxd_url) uses none of the variables, because they describe another server.
  - The modules connect to the server directly. They never use C(http_proxy) or C(https_proxy) of the environment.
requirements:
  - LXD 5.0 or later, or Incus 6.0 or later
  - On the host that runs the module, only the standard library of Python
"""
