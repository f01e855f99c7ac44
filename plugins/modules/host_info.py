#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Read what a host has of what LXD or Incus needs
version_added: 0.1.0
description:
  - Reads packages, systemd units, processes, files, users and lxcfs of the host, and whether the daemon answers, in one task.
  - The role cloudhost.lxd.install asks this first, and on a host that is as it shall be it asks and does nothing more.
  - Only what is asked for is read. Packages are those of Debian and Ubuntu; units are read where systemd runs.
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
    description: Units of systemd, with their suffix, as in V(lxd.socket).
    type: list
    elements: str
    default: []
  processes:
    description: For paths of pid files, the program that the process shall run.
    type: dict
    default: {}
  files:
    description: Paths of files. What is in them is not returned.
    type: list
    elements: path
    default: []
  users:
    description: Names of users that may be members of O(group).
    type: list
    elements: str
    default: []
  group:
    description: The group of which O(users) may be members.
    type: str
  lxcfs:
    description: The folder at which lxcfs serves, usually V(/var/lib/lxcfs).
    type: path
  apt_sources:
    description: Whether to read the sources of APT.
    type: bool
    default: false
notes:
  - The daemon at O(url) is asked once. One that refuses is not waited for, and one that does not answer within O(timeout) counts as away.
seealso:
  - module: cloudhost.lxd.server_info
  - module: ansible.builtin.package_facts
  - module: ansible.builtin.service_facts
"""

EXAMPLES = r"""
- name: Is LXD there, with what it needs?
  cloudhost.lxd.host_info:
    packages: [lxd, lxd-client, lxcfs, dnsmasq-base]
    units: [lxd.socket, lxd.service]
    lxcfs: /var/lib/lxcfs
    users: [alice]
    group: lxd
    timeout: 10
  register: info

- name: Say which version
  ansible.builtin.debug:
    msg: "{{ info.host.packages.lxd | default('LXD is not installed') }}; it {{ 'answers' if info.daemon.answers else 'does not answer' }}"
"""

RETURN = r"""
host:
  description: What was asked for, and is there.
  returned: success
  type: dict
  contains:
    packages:
      description: The versions of those packages that are installed, by name.
      type: dict
      returned: success
      sample: {lxd: 5.0.2-5, lxd-client: 5.0.2-5}
    units:
      description: For each unit that systemd knows, C(active) (its C(ActiveState)) and C(enabled) (its C(UnitFileState)).
      type: dict
      returned: success
      sample: {lxd.socket: {active: active, enabled: enabled}}
    processes:
      description: For each pid file, whether its process is there and runs the program.
      type: dict
      returned: success
      sample: {/run/lxd.pid: true}
    files:
      description: For each file that is there, its C(sha256), its C(mode) (as in C(0644)), C(uid) and C(gid).
      type: dict
      returned: success
    members:
      description: Those of O(users) that exist and are members of O(group).
      type: list
      elements: str
      returned: success
    lxcfs:
      description:
        - C(possible), whether the host can have a file system in user space; C(serves), whether lxcfs does; and C(killed), whether the mount of one
          that was killed is in the way. Empty where O(lxcfs) is not given.
      type: dict
      returned: success
      sample: {possible: true, serves: true, killed: false}
    apt_sources:
      description: The text of the sources of APT, one file after another; empty where O(apt_sources) is V(false).
      type: str
      returned: success
daemon:
  description: The daemon at O(url).
  returned: success
  type: dict
  contains:
    answers:
      description: Whether it answers.
      type: bool
      returned: success
    reason:
      description: Why not, if it does not.
      type: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._host import HostInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(HostInfo)


if __name__ == "__main__":
    main()
