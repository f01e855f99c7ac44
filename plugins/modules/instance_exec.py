#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_exec
short_description: Run a command in an instance of LXD or Incus
version_added: 0.1.0
description:
  - Runs a command or a script in a running instance, over C(/1.0/instances/NAME/exec). It works as
    M(ansible.builtin.command) does, without Python and without a login in the instance.
  - The command runs once. If the connection breaks, the module does not run it again, and the error says whether it may
    have run.
  - Input and output go over websockets, for which the module needs no library. The API can record the output in files
    on the host instead. This module does not use that. A command could fill the disk of the host with it, output with
    secrets would stay there after a broken connection, and the command would have no input.
  - The command is killed if it does not end within O(timeout), if it writes more than 32 MiB, and if the task is
    interrupted. Processes that it has started itself may go on.
  - To run many modules in an instance, use the connection plugin P(cloudhost.lxd.api#connection).
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
attributes:
  check_mode:
    support: partial
    details: The command does not run. The task is skipped, unless O(creates) or O(removes) decide.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: With O(creates) and O(removes).
options:
  instance:
    description: The instance, which has to run.
    type: str
    required: true
  command:
    description:
      - The program and its arguments, as a list. No shell is involved.
      - One of O(command) and O(script) is needed.
      - Arguments can be seen by all users of the instance, and by all clients that may list the operations of the
        project. Pass secrets with O(stdin).
    type: list
    elements: str
  script:
    description:
      - A script that C(/bin/sh) of the instance runs, as the argument of its option C(-c). For another interpreter,
        write O(command) and give it the script as O(stdin).
    type: str
  creates:
    description: A path in the instance. If something is there, the command does not run.
    type: str
  removes:
    description: A path in the instance. If nothing is there, the command does not run.
    type: str
  stdin:
    description:
      - The input of the command. Without it, the input is empty.
      - If the connection of the input breaks, the task fails, because the command can have read a part of it only. A
        proxy in front of the server can cause the same error for a command that ends before it has read its input.
    type: str
  environment:
    description:
      - Environment variables of the command, besides those that the instance has in C(environment.*).
      - All clients that may list the operations of the project see them while the command runs.
    type: dict
  cwd:
    description:
      - The directory in which the command runs. It has to exist. The default is the home directory of root for root,
        and the root directory for other users.
    type: str
  user:
    description:
      - The user that runs the command, by number or by a name in C(/etc/passwd) of the instance. A name also sets the
        group, C(HOME), C(USER) and C(LOGNAME). The default is V(root).
    type: str
  group:
    description: The group, by number or by a name in C(/etc/group) of the instance.
    type: str
seealso:
  - module: ansible.builtin.command
  - module: cloudhost.lxd.instance_file
  - plugin: cloudhost.lxd.api
    plugin_type: connection
"""

EXAMPLES = r"""
- name: Create and start an instance
  cloudhost.lxd.instance:
    name: exec1
    image: debian/12
    state: started

- name: Ask for the version of its system
  cloudhost.lxd.instance_exec:
    instance: exec1
    command: [cat, /etc/debian_version]
  register: version
  changed_when: false
  failed_when: version.stdout is not match('1[0-9]')

- name: Make a key, unless there is one
  cloudhost.lxd.instance_exec:
    instance: exec1
    script: |
      umask 077
      head -c 32 /dev/urandom >/root/key
    creates: /root/key

- name: Give a program a secret as its input
  cloudhost.lxd.instance_exec:
    instance: exec1
    command: [tee, /root/password]
    stdin: not-in-any-list-of-processes
  no_log: true

- name: Run as another user
  cloudhost.lxd.instance_exec:
    instance: exec1
    command: [sh, -c, 'echo "$GREETING" >greeting']
    user: nobody
    cwd: /tmp
    environment:
      GREETING: hello

- name: Remove the instance
  cloudhost.lxd.instance:
    name: exec1
    state: absent
    force: true
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [run a command in instance exec1]
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
cmd:
  description: The command, as a list.
  returned: always
  type: list
  elements: str
rc:
  description: The exit code. It is not V(0) on failure of the command.
  returned: always
  type: int
  sample: 0
stdout:
  description: The output, without newlines at its end.
  returned: always
  type: str
stdout_lines:
  description: The lines of RV(stdout).
  returned: always
  type: list
  elements: str
stderr:
  description: The error output, without newlines at its end.
  returned: always
  type: str
stderr_lines:
  description: The lines of RV(stderr).
  returned: always
  type: list
  elements: str
start:
  description: The time at which the command started, by the clock of the host that runs the module.
  returned: if the command ran
  type: str
end:
  description: The time at which it ended.
  returned: if the command ran
  type: str
delta:
  description: How long it took.
  returned: if the command ran
  type: str
msg:
  description: Why the command did not run, or failed.
  returned: always
  type: str
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.instance_exec import InstanceExec
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(InstanceExec)


if __name__ == "__main__":
    main()
