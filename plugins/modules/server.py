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
  - A wish for a default value is met by the key being unset, since servers do not store defaults.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  config:
    description:
      - Configuration keys, in the daemon's own words, such as C(core.https_address). V(null) unsets a key.
      - In a cluster, keys of one member (C(core.https_address), C(storage.backups_volume), …) are set with O(target).
    type: dict
  update_secrets:
    description:
      - Some servers do not show secrets such as C(core.trust_password) again, so they cannot be compared. With V(on_create) one that is set is taken to
        be right; with V(always) it is sent on every run, and that is a change.
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

- name: Local only again
  cloudhost.lxd.server:
    config:
      core.https_address: null
      images.auto_update_interval: null
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: ["update server (config)"]
server:
  description: The server as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    config:
      description: Its configuration.
      type: dict
      returned: success
    environment:
      description: Implementation, version, drivers, addresses and more.
      type: dict
      returned: success
    api_extensions:
      description: What its API can do.
      type: list
      returned: success
      elements: str
    auth:
      description: C(trusted) or C(untrusted).
      type: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server import Server
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Server)


if __name__ == "__main__":
    main()
