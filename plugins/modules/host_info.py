#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Read the packages, services and files of an LXD or Incus host
version_added: 0.1.0
description:
  - Reads packages, systemd units, processes, files, users and lxcfs of the host, and whether the daemon answers, in one
    task.
  - The role cloudhost.lxd.install runs this module first. If the host is already in the desired state, the role does
    nothing more.
  - The module reads only what the options request. It reads packages of Debian and Ubuntu. It reads units only if
    systemd runs.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  packages:
    description: Names of packages of the distribution.
    type: list
    elements: str
    default: []
  units:
    description: Names of systemd units, with their suffix, as in V(lxd.socket).
    type: list
    elements: str
    default: []
  processes:
    description: Paths of PID files. For each path, the program that the process should run.
    type: dict
    default: {}
  files:
    description: Paths of files. The content of the files is not returned.
    type: list
    elements: path
    default: []
  users:
    description: Names of users to look up in O(group).
    type: list
    elements: str
    default: []
  group:
    description: The group in which to look up O(users).
    type: str
  lxcfs:
    description: The directory where lxcfs is mounted, usually V(/var/lib/lxcfs).
    type: path
  apt_sources:
    description: Whether to read the package sources of APT.
    type: bool
    default: false
notes:
  - The module contacts the daemon at O(url) once. It does not wait for a daemon that refuses connections. A daemon that
    does not answer within O(timeout) is reported as not answering.
seealso:
  - module: cloudhost.lxd.server_info
  - module: ansible.builtin.package_facts
  - module: ansible.builtin.service_facts
"""

EXAMPLES = r"""
- name: Read whether LXD is installed with what it needs
  cloudhost.lxd.host_info:
    packages: [lxd, lxd-client, lxcfs, dnsmasq-base]
    units: [lxd.socket, lxd.service]
    lxcfs: /var/lib/lxcfs
    users: [alice]
    group: lxd
    timeout: 10
  register: info

- name: Show the version
  ansible.builtin.debug:
    msg: >-
      {{ info.host.packages.lxd | default('LXD is not installed') }};
      it {{ 'answers' if info.daemon.answers else 'does not answer' }}
"""

RETURN = r"""
host:
  description: The requested items that exist on the host.
  returned: success
  type: dict
  contains:
    packages:
      description: The versions of the requested packages that are installed, by name.
      type: dict
      returned: success
      sample: {lxd: 5.0.2-5, lxd-client: 5.0.2-5}
    units:
      description: For each unit that systemd knows, C(active) (its C(ActiveState)) and C(enabled) (its
        C(UnitFileState)).
      type: dict
      returned: success
      sample: {lxd.socket: {active: active, enabled: enabled}}
    processes:
      description: For each PID file, whether its process exists and runs the program.
      type: dict
      returned: success
      sample: {/run/lxd.pid: true}
    files:
      description: For each file that exists, its C(sha256), C(mode) (as in C(0644)), C(uid) and C(gid).
      type: dict
      returned: success
    members:
      description: The users of O(users) that exist and are members of O(group).
      type: list
      elements: str
      returned: success
    lxcfs:
      description:
        - C(possible) is whether the host supports file systems in user space. C(serves) is whether lxcfs serves its
          files. C(killed) is whether the mount of a killed lxcfs is still in place and blocks a new one. Empty if
          O(lxcfs) is not set.
      type: dict
      returned: success
      sample: {possible: true, serves: true, killed: false}
    apt_sources:
      description: The text of the package sources of APT, one file after another. Empty if O(apt_sources) is V(false).
      type: str
      returned: success
daemon:
  description: The daemon at O(url).
  returned: success
  type: dict
  contains:
    answers:
      description: Whether the daemon answers.
      type: bool
      returned: success
    reason:
      description: The reason, if the daemon does not answer.
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.host import HostInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(HostInfo)


if __name__ == "__main__":
    main()
