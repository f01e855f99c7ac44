# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: In check mode, the module sends only C(GET) requests. It returns the same C(changed), C(actions) and
      C(diff) as a real run. If something does not exist that an earlier task of the play can create, such as the
      storage pool of a profile, check mode warns of it, and the real run fails. In a stack it is an error in check
      mode too.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
    details: The diff contains only the keys that change. The values of secret keys are masked.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
      change.
    support: full
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the
      controller.
    support: full
    details: >-
      If a task runs on the controller itself (connection V(local)), the module runs in an existing process of Ansible
      and starts no Python interpreter. With C(become) to another user, C(async), another interpreter, or variables in
      C(environment) other than C(LXD_*) and C(INCUS_*), it runs as other modules do. To turn this off, use the variable
      C(ansible_lxd_direct), the environment variable E(LXD_DIRECT), or C(direct) in the section C(lxd_modules) of
      C(ansible.cfg).
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  action_group:
    description: Use C(group/cloudhost.lxd.lxd) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - cloudhost.lxd.lxd
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: This module only reads.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details: This module only reads.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
      change.
    support: full
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the
      controller.
    support: full
    details: >-
      If a task runs on the controller itself (connection V(local)), the module runs in an existing process of Ansible
      and starts no Python interpreter. With C(become) to another user, C(async), another interpreter, or variables in
      C(environment) other than C(LXD_*) and C(INCUS_*), it runs as other modules do. To turn this off, use the variable
      C(ansible_lxd_direct), the environment variable E(LXD_DIRECT), or C(direct) in the section C(lxd_modules) of
      C(ansible.cfg).
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  action_group:
    description: Use C(group/cloudhost.lxd.lxd) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - cloudhost.lxd.lxd
"""
