#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Have all resources of a document on LXD and Incus, and no others
version_added: 0.1.0
description:
  - Takes documents that say what shall exist, works out what differs, and makes only that change, in the order in which resources need each
    other and many at a time.
  - A document is what C(lxd init --preseed) takes, with a section for every kind that this collection manages. C(config), C(storage_pools),
    C(networks), C(projects), C(profiles), C(images), C(image_aliases), C(instances), C(instance_snapshots) and so on, the plural of the module's name.
    An entry has the options of the module of its kind; C(project), where it lives in one; and C(depends_on), a list of C(kind/name) that have to be
    there before it where that does not show from what it refers to.
  - With O(name) the stack owns what it creates, by configuration keys C(user.cloudhost.stack) and C(user.cloudhost.bearer), which say whose it is and of
    what that is said. Only what carries that name for itself is ever deleted, and no copy of it.
  - Unknown keys, wrong references, circles and what two documents claim are told all at once, with file and line, before anything is changed.
  - Where one resource fails, only what depends on it is left out; the next run does the rest.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: none
options:
  name:
    description:
      - The name of the stack. What it creates is marked with it and belongs to it.
      - Without a name nothing is owned. What is there is changed as the documents say, whoever made it, and nothing is ever deleted.
    type: str
  state:
    description:
      - With V(absent), all that carries the O(name) of the stack is deleted, in whichever project it is. Of what the daemon made itself (the server's
        configuration and C(default) profiles and projects), the keys and devices that the documents write are taken back where they are still
        as written.
    type: str
    choices: [present, absent]
    default: present
  definition:
    description: A document, as a dictionary. Ansible has parsed it, so quote what YAML makes a number of and is to stay text, such as a C(mode).
    type: dict
  src:
    description:
      - Documents on the controller. Files, and directories of which all C(*.yml) and C(*.yaml) are taken in the order of their names. They may be
        encrypted with Ansible Vault.
      - Plain values are the text that is written, as for C(lxd init --preseed), but for null.
    type: list
    elements: path
  prune:
    description:
      - Delete what carries the name of the stack and is in no document. Never anything else; what has the mark of something else, as copies have it, is told.
    type: bool
    default: false
  adopt:
    description:
      - Take over what is there already and belongs to no stack. It is marked, changed where it differs, and from then on the stack's own.
      - Without it such a resource is an error where it differs from the document, and stays nobody's where it does not.
    type: bool
    default: false
  force:
    description: Stop instances that are deleted at once, instead of waiting for them to shut down.
    type: bool
    default: false
  parallel:
    description: How many resources are worked on at the same time, each on a connection of its own, 1 to 64.
    type: int
    default: 8
  progress:
    description:
      - Whether lines on the controller tell how far a long run is, what is done and what is worked on. V(auto) is on a terminal only.
      - If not set, the environment variable E(LXD_STACK_PROGRESS) of the controller is used, and else V(auto).
    type: str
    choices: [auto, always, never]
  show_text:
    description:
      - Whether the plan and the diff show all of the text in C(cloud-init.*), C(environment.*), C(raw.*), C(user.user-data) and the like, and
        of values with several lines. With V(false), text in which something looks secret is told as changed, with the number of its lines.
      - What Ansible Vault encrypts, values of keys that name secrets, and logins in URLs are hidden in any case.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: A small shop
  cloudhost.lxd.stack:
    name: shop
    prune: true
    definition:
      profiles:
        - name: shop-web
          config:
            limits.memory: 256MiB
          devices:
            root: {type: disk, path: /, pool: default}
            eth0: {type: nic, network: lxdbr0}
      instances:
        - name: shop-web1
          image: debian/12
          profiles: [shop-web]
        - name: shop-db1
          image: debian/12
          state: stopped
      instance_snapshots:
        - instance: shop-db1
          name: fresh

- name: Only what is written here stays
  cloudhost.lxd.stack:
    name: shop
    prune: true
    force: true
    definition:
      instances:
        - name: shop-db1
          image: debian/12
          state: stopped
  register: shop

- name: What was done
  ansible.builtin.debug:
    msg: "{{ shop.plan_text }}"

- name: All of it gone
  cloudhost.lxd.stack:
    name: shop
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in an order in which it can be done.
  returned: success
  type: list
  elements: str
  sample: [create profile web, create instance web1 from image debian/12, start instance web1]
plan:
  description: What differed, one entry for each resource that changes. The same in check mode and in a real run.
  returned: when the documents are right
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      type: str
      returned: success
    name:
      description: Its name, after the names of what it belongs to, with slashes between them.
      type: str
      returned: success
    project:
      description: The project it lives in; none for what is in no project.
      type: str
      returned: success
    action:
      description: One of V(create), V(update), V(replace) and V(delete).
      type: str
      returned: success
    before:
      description: What changes, as it was.
      type: dict
      returned: success
    after:
      description: What changes, as it will be.
      type: dict
      returned: success
    why:
      description: The reason, in words.
      type: str
      returned: success
plan_text:
  description: The plan for people.
  returned: when the documents are right
  type: str
  sample: |
    stack shop on lxd 5.0.2 at unix:///var/lib/lxd/unix.socket
      + instance web2
      ~ network lxdbr0
          config.ipv4.nat: "true" -> "false"
    1 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged
plan_lines:
  description: RV(plan_text) as a list of its lines.
  returned: when the documents are right
  type: list
  elements: str
summary:
  description: The last line of the plan.
  returned: when the documents are right
  type: str
  sample: 1 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged
done:
  description: The resources that were changed, or waited for, with kind, name, project and action.
  returned: when the documents are right
  type: list
  elements: dict
failed_resources:
  description: The resources that failed, each with the words of the server in C(msg).
  returned: when the documents are right
  type: list
  elements: dict
skipped_resources:
  description: The resources that were left out, each with the reason in C(because).
  returned: when the documents are right
  type: list
  elements: dict
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._stacks import Stack
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(Stack)


if __name__ == "__main__":
    main()
