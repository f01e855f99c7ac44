#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: Read the properties and configuration of an LXD or Incus server
version_added: 0.1.0
description:
  - Reads C(/1.0), that is, the implementation, version, extensions, drivers, addresses and configuration.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
seealso:
  - module: cloudhost.lxd.server
"""

EXAMPLES = r"""
- name: Read the server
  cloudhost.lxd.server_info:
  register: info

- name: Show the implementation and version
  ansible.builtin.debug:
    msg: "{{ info.server.environment.server }} {{ info.server.environment.server_version }}"
"""

RETURN = r"""
server:
  description: The answer to C(GET /1.0).
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.info import ServerInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(ServerInfo)


if __name__ == "__main__":
    main()
