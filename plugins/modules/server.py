#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Manage the configuration of an LXD or Incus server
version_added: 0.1.0
description:
  - Sets and unsets configuration keys of the server, over C(/1.0). Keys that the task does not name are kept.
  - Servers do not store default values. If you write the default value of a key, a key that is not set matches.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  config:
    description:
      - Configuration keys, with the names that the daemon uses, such as C(core.https_address). V(null) unsets a key.
      - In a cluster, set the keys of one member (C(core.https_address), C(storage.backups_volume), …) with O(target).
    type: dict
  update_secrets:
    description:
      - Some servers do not return secrets such as C(core.trust_password), so the module cannot compare them.
      - With V(on_create), the module assumes that a secret that is already set is correct.
      - With V(always), the module sends the secret on every run and reports a change.
    type: str
    choices: [on_create, always]
    default: on_create
seealso:
  - module: cloudhost.lxd.server_info
"""

EXAMPLES = r"""
- name: Listen on the network and update images twice a day
  cloudhost.lxd.server:
    config:
      core.https_address: 127.0.0.1:18443
      images.auto_update_interval: 12

- name: Listen locally only, and update images as often as the default
  cloudhost.lxd.server:
    config:
      core.https_address: null
      images.auto_update_interval: null
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: ["update server (config)"]
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
server:
  description: The server, as the API returns it.
  returned: success
  type: dict
  contains:
    config:
      description: The configuration of the server.
      type: dict
      returned: success
    environment:
      description: The implementation, version, drivers, addresses and more.
      type: dict
      returned: success
    api_extensions:
      description: The extensions of the API that the server supports.
      type: list
      returned: success
      elements: str
    auth:
      description: C(trusted) or C(untrusted).
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.server import Server
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Server)


if __name__ == "__main__":
    main()
