#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_file
short_description: Manage files, directories and links in instances of LXD and Incus
version_added: 0.1.0
description:
  - Writes, changes and removes files, directories and links in an instance, over C(/1.0/instances/NAME/sftp). A
    container need not run. A virtual machine has to run, with its agent.
  - The daemon works with the rights of root in the instance. No path and no link leads out of it.
  - The new content of a file takes the place of the old one at once, so nobody sees half of it. Hard links, extended
    attributes and access control lists of the old file do not last.
  - No part of stacks. A stack plans on listings of resources, and no listing has what is in an instance. A file has no
    place for the mark of a stack either, so a stack could not know which files are its own.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  instance:
    description: The instance that has the file.
    type: str
    required: true
  path:
    description:
      - The path in the instance, from its root directory, without V(.) and V(..). The directory that it is in has to
        exist.
      - A link in the middle of the path is followed, within the instance. A link at its end is what is managed.
    type: str
    required: true
  state:
    description:
      - V(file) is a regular file with the content of O(content) or O(src). It replaces a link. Without both, the file
        has to exist, and only its owner, group and mode change.
      - V(directory) is a directory. What is in it stays as it is.
      - V(link) is a symbolic link that leads to O(src). It replaces another link, and nothing else.
      - V(absent) removes a file, a link, an empty directory, and anything else that is no directory. A directory that
        is not empty is an error.
    type: str
    choices: [file, directory, link, absent]
    default: file
  content:
    description:
      - The content of the file, as text. Logs and callbacks do not show this option. A diff shows the content; write
        C(no_log) on the task if it is secret and not encrypted with Ansible Vault.
    type: str
  src:
    description:
      - With O(state=file), the path of a file on the host that runs the module. It is sent in pieces, so it can be
        large and binary.
      - With O(state=link), what the link leads to. It need not exist.
    type: path
  owner:
    description:
      - The user that owns the file, by number or by a name in C(/etc/passwd) of the instance. The default for a new
        file is V(root).
      - A file that exists keeps its owner, group and mode unless the task writes them, whoever made it. Write all three
        for a file with secrets.
    type: str
  group:
    description:
      - The group of the file, by number or by a name in C(/etc/group) of the instance. The default for a new file is
        V(root).
    type: str
  mode:
    description:
      - The permissions, as octal digits in quotes, such as V('0644'). The default is V('0644') for a new file, and
        V('0755') for a new directory.
      - The servers that the tests use do not set the bits for setuid, setgid and sticky. That is an error.
    type: raw
seealso:
  - module: cloudhost.lxd.instance_exec
  - module: cloudhost.lxd.instance_template
  - plugin: cloudhost.lxd.api
    plugin_type: connection
"""

EXAMPLES = r"""
- name: Create an instance
  cloudhost.lxd.instance:
    name: files1
    image: debian/12
    state: stopped

- name: Write a file into it before it starts for the first time
  cloudhost.lxd.instance_file:
    instance: files1
    path: /etc/motd
    content: |
      Managed by Ansible.
    owner: root
    mode: "0644"

- name: Make a directory for one user
  cloudhost.lxd.instance_file:
    instance: files1
    path: /srv/data
    state: directory
    owner: www-data
    group: www-data
    mode: "0750"

- name: Have the time of Berlin
  cloudhost.lxd.instance_file:
    instance: files1
    path: /etc/localtime
    state: link
    src: /usr/share/zoneinfo/Europe/Berlin

- name: Copy a file of the host that runs the task
  cloudhost.lxd.instance_file:
    instance: files1
    path: /srv/data/hosts
    src: /etc/hosts

- name: Remove the message
  cloudhost.lxd.instance_file:
    instance: files1
    path: /etc/motd
    state: absent

- name: Remove the instance
  cloudhost.lxd.instance:
    name: files1
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create instance_file /etc/motd]
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
instance_file:
  description: What is at the path.
  returned: if there is something after the task
  type: dict
  contains:
    path:
      description: The path in the instance.
      type: str
      returned: success
    state:
      description: The type, V(file), V(directory) or V(link).
      type: str
      returned: success
    uid:
      description: The number of the user that owns it.
      type: int
      returned: success
    gid:
      description: The number of its group.
      type: int
      returned: success
    mode:
      description: The permissions, as octal digits.
      type: str
      returned: success
      sample: "0644"
    size:
      description: The number of bytes of a file.
      type: int
      returned: if it is a file
    checksum:
      description: The SHA-256 checksum of a file that the task writes.
      type: str
      returned: if O(content) or O(src) is written
    src:
      description: What a link leads to, as it is written in it.
      type: str
      returned: if it is a link
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_file import InstanceFile
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(InstanceFile)


if __name__ == "__main__":
    main()
