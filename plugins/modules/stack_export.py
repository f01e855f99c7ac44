#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_export
short_description: Export an LXD or Incus server as a document
version_added: 0.1.0
description:
  - Reads the resources of a server and returns them as a document for M(cloudhost.lxd.stack). If you apply the document
    to the same server, nothing changes.
  - The document leaves out what users did not configure. These are values that the daemon itself writes, interfaces of
    the host that the daemon does not manage, cached images, and projects and profiles named C(default) without any
    settings.
  - Snapshots are often temporary, so the document contains them only if O(kinds) names them.
  - Secrets are left out. RV(left_out) names them.
  - If the keys of the pools and networks of a cluster differ by member, only the keys that all members share are
    exported.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  projects:
    description: Of the resources that live in projects, export only those in these projects. If not set, all projects
      are exported.
    type: list
    elements: str
  kinds:
    description: Export only these kinds. Use the names of the modules, as in V(instance). If not set, all kinds except
      snapshots are exported.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.stack
"""

EXAMPLES = r"""
- name: Export the server
  cloudhost.lxd.stack_export:
  register: export

- name: Save the document on the controller, with certificates and scripts as literal blocks
  ansible.builtin.copy:
    content: "{{ export.definition | cloudhost.lxd.to_document(export.left_out) }}"
    dest: /var/tmp/server.yml
    mode: "0600"
  delegate_to: localhost

- name: Apply the document to the same server, which changes nothing
  cloudhost.lxd.stack:
    src: /var/tmp/server.yml

- name: Export the instances and profiles of one project
  cloudhost.lxd.stack_export:
    projects: [default]
    kinds: [instance, profile]
"""

RETURN = r"""
definition:
  description: The document, as a dictionary of sections.
  returned: success
  type: dict
left_out:
  description: The keys that hold secrets, and that the document does not contain.
  returned: success
  type: list
  elements: str
  sample: ["instance web1: config.user.password"]
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.export_stack import StackExport
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(StackExport)


if __name__ == "__main__":
    main()
