#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_export
short_description: Write down an LXD or Incus server as a document
version_added: 0.1.0
description:
  - Reads what there is on a server and returns it as a document for M(cloudhost.lxd.stack). Applied to the same server it changes nothing.
  - What is not anybody's wish is left out. That is what the daemon writes itself, interfaces of the host that it does not manage, cached images, and
    projects and profiles named C(default) that say nothing.
  - Snapshots come and go, so they are in the document only when O(kinds) asks for them.
  - Secrets are left out, and RV(left_out) names them. Where the keys of a cluster's pools and networks differ by member, the shared ones are exported.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  projects:
    description: Of what is in projects, only what is in these. All projects where nothing is said.
    type: list
    elements: str
  kinds:
    description: Only these kinds, in the words of the modules, as in V(instance). All of them but snapshots where nothing is said.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.stack
"""

EXAMPLES = r"""
- name: What is on this server?
  cloudhost.lxd.stack_export:
  register: export

- name: Keep it as a file
  ansible.builtin.copy:
    content: "{{ export.definition | to_nice_yaml }}"
    dest: /var/tmp/server.yml
    mode: "0600"

- name: The instances and profiles of one project
  cloudhost.lxd.stack_export:
    projects: [default]
    kinds: [instance, profile]
"""

RETURN = r"""
definition:
  description: The document, by section.
  returned: success
  type: dict
left_out:
  description: The keys that hold secrets, which the document does not have.
  returned: success
  type: list
  elements: str
  sample: ["instance web1: config.user.password"]
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._stacks import StackExport
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(StackExport)


if __name__ == "__main__":
    main()
