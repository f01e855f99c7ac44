#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Manage LXD and Incus resources from documents
version_added: 0.1.0
description:
  - Reads documents that describe the desired state, determines what differs, and makes only those changes. It changes
    resources in the order of their dependencies, and several at the same time.
  - A document has the format of C(lxd init --preseed). It has a section for each kind of resource. The sections are
    C(config), C(storage_pools), C(networks), C(projects), C(profiles), C(images), C(image_aliases), C(instances),
    C(instance_snapshots) and so on. The name of a section is the plural of the name of the module. C(config) is the
    configuration of the server. Members of clusters and tokens are not part of a document.
  - An entry has the options of the module of its kind, except options and states for a single operation, such as
    C(new_name) and C(restarted). An entry of a kind that lives in a project can have C(project). Every entry can have
    C(depends_on), a list of C(kind/name). It names resources that must exist before the entry. Use it where the
    references in the entry do not show the dependency. Every entry can have C(exact), see O(exact).
  - With O(name), the stack owns what it creates. The configuration key C(user.cloudhost.stack) names the stack, and
    C(user.cloudhost.bearer) names the resource that this mark is for. The module deletes only resources that the stack
    owns by their own mark. It never deletes a copy that inherited the mark of its original.
  - The module reports all unknown keys, wrong references, circular dependencies, and resources that two documents
    claim. It reports them together, with file and line, before it changes anything.
  - If a resource fails, the module skips only the resources that depend on it. The error has the file and line of the
    entry, and says whether another run can help.
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
      - The name of the stack. The module marks what it creates with this name. These resources belong to the stack.
      - Without a name, the stack owns nothing. The module changes existing resources as the documents say, whoever
        created them, and never deletes anything.
    type: str
  state:
    description:
      - V(absent) deletes all resources that belong to the stack O(name), in all projects.
      - It does not delete what the daemon itself created, that is, the server configuration, and the profiles and
        projects named C(default). In these, it unsets the keys and removes the devices that the documents define, if
        they still have the values from the documents.
    type: str
    choices: [present, absent]
    default: present
  definition:
    description:
      - A document, as a dictionary.
      - Ansible has already parsed its YAML. Quote values that must stay text but that YAML reads as numbers, such as a
        C(mode).
    type: dict
  src:
    description:
      - Documents on the controller. Each path is a file or a directory. From a directory, all C(*.yml) and C(*.yaml)
        files are read, sorted by name. You can encrypt the files with Ansible Vault.
      - Plain values, except null, are read as the text that is written in the file, as C(lxd init --preseed) does.
    type: list
    elements: path
  template:
    description:
      - Evaluate the values in O(src) as templates, with the variables of the host, as Ansible does with the values of a
        playbook. Keys are not templates. Errors have the file and line of the option.
      - An entry can then have C(loop) with a list, or C(count) with a number. It stands for one entry for each item.
        Its templates have the variables C(item), which is the item or the number, and C(index), which counts from 1.
      - Templates can run code on the controller, so use this only for documents whose authors you trust.
    type: bool
    default: false
  validate_only:
    description:
      - Check the documents on the controller and do nothing else. No server is asked, and nothing runs on the host.
      - Finds unknown sections, keys and choices, values of the wrong type, missing options, and resources that two
        entries claim. What depends on the server, such as references to what it has, is not checked.
    type: bool
    default: false
  prune:
    description:
      - Delete the resources that belong to the stack and are in no document. No other resources are deleted.
      - If the mark of a resource is for another resource, as in a copy, the module keeps the resource and reports it in
        a warning.
    type: bool
    default: false
  adopt:
    description:
      - Take over existing resources that belong to no stack. The module marks them and changes what differs. From then
        on they belong to the stack.
      - Without this option, an existing resource that differs from the document is an error. A resource that matches
        the document stays unmanaged.
    type: bool
    default: false
  exact:
    description:
      - Unset what an entry does not write, as in a new resource of that entry. That is, unset configuration keys,
        remove devices, empty the description, give an instance the profiles that its image has, and make an image
        private. C(exact) in an entry overrides this option for that entry.
      - Also list in RV(unmanaged) what is in the projects of the documents, that no document has and no stack manages.
        In a project that the documents declare, this covers all kinds that a stack can manage. Elsewhere, it covers the
        kinds that have entries there. C(exact) in the entry of a project overrides this option for that project. No
        resource is deleted.
      - Never unset are keys that the server itself writes, values that cannot be changed, what an image or another
        original has brought, the configuration of the server, the values of single members of a cluster, and secrets,
        which the module reports in a warning.
      - Without C(exact) in its entry, this option does not count for what the daemon itself created, that is, the
        project V(default) and the profiles and cluster groups V(default), because other stacks may write there too. It
        does count for the profile V(default) of a project that the documents declare. It does not count for an instance
        that is a copy or comes from a backup either.
    type: bool
    default: false
  force:
    description: Stop instances immediately before deleting them, instead of waiting for them to shut down.
    type: bool
    default: false
  parallel:
    description: The number of resources to work on at the same time, 1 to 64. Each has its own connection.
    type: int
    default: 8
  progress:
    description:
      - Whether to show the progress of the run on the controller. A line reports each resource that is finished and how
        long it took. If nothing finishes for five seconds, a line reports what the run is waiting for.
      - V(auto) shows it on a terminal and elsewhere, such as in the log of CI, unless the output is for programs, that
        is, with the callbacks C(json) and C(jsonl). V(always) then shows it on the standard error.
      - Check mode and C(no_log) show no progress.
      - If not set, the environment variable E(LXD_STACK_PROGRESS) of the controller is used. If that is not set either,
        V(auto) is used.
    type: str
    choices: [auto, always, never]
  show_text:
    description:
      - Whether the plan and the diff show all text in C(cloud-init.*), C(environment.*), C(raw.*), C(user.user-data)
        and similar keys, and in values of several lines. With V(false), text that seems to contain a secret is only
        reported as changed, with its number of lines.
      - Values encrypted with Ansible Vault, values of keys that name secrets, and logins in URLs are always hidden.
    type: bool
    default: false
seealso:
  - module: cloudhost.lxd.instance
  - module: cloudhost.lxd.stack_export
"""

EXAMPLES = r"""
- name: Apply a small shop
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

- name: Remove everything that is not written here
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

- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ shop.plan_text }}"

- name: Find what somebody changed or created by hand
  cloudhost.lxd.stack:
    name: shop
    exact: true
    definition:
      instances:
        - name: shop-db1
          image: debian/12
          state: stopped
  check_mode: true
  register: drift

- name: Show the difference, and what is unmanaged
  ansible.builtin.debug:
    msg: "{{ drift.plan_lines }}"

- name: Remove the stack
  cloudhost.lxd.stack:
    name: shop
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in an order in which they can be done. In check mode, the actions
    that it would perform.
  returned: always
  type: list
  elements: str
  sample: [create profile web, create instance web1 from image debian/12, start instance web1]
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
plan:
  description: The differences, one entry for each resource that changes. Check mode and real runs return the same plan.
  returned: if the documents are valid
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the resource.
      type: str
      returned: success
    name:
      description: The name of the resource. The names of the resources that it belongs to precede it, separated by
        slashes.
      type: str
      returned: success
    project:
      description: The project of the resource. Null if it is in no project.
      type: str
      returned: success
    action:
      description: One of V(create), V(update), V(replace) and V(delete).
      type: str
      returned: success
    before:
      description: The values that change, before the change.
      type: dict
      returned: success
    after:
      description: The values that change, after the change.
      type: dict
      returned: success
    why:
      description: The reason, as a sentence.
      type: str
      returned: success
plan_text:
  description: The plan as text for people.
  returned: if the documents are valid
  type: str
  sample: |
    stack shop on unix:///var/lib/lxd/unix.socket
      ~ network lxdbr0
          config.ipv4.nat: "true" -> "false"
      + instance web2
    1 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged
plan_lines:
  description: RV(plan_text) as a list of lines.
  returned: if the documents are valid
  type: list
  elements: str
report_lines:
  description:
    - The plan as lines of a diff for a report in Markdown. Each line of what is new begins with V(+), of what is lost
      with V(-), and of what changes with V(!). GitHub and GitLab color these.
  returned: if the documents are valid
  type: list
  elements: str
counts:
  description: The number of resources to create, update, replace and delete, of those that do not change, and of those
    in RV(unmanaged).
  returned: if the documents are valid
  type: dict
  sample: {create: 3, update: 1, replace: 0, delete: 0, unchanged: 56, unmanaged: 0}
unmanaged:
  description:
    - The resources in the projects of the documents that no document has and no stack manages. The list is empty unless
      O(exact) or the entry of a project asks for it. They are no change.
  returned: if the documents are valid
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the resource.
      type: str
      returned: success
    name:
      description: The name of the resource. An image has one of its aliases, or its fingerprint.
      type: str
      returned: success
    project:
      description: The project of the resource.
      type: str
      returned: success
summary:
  description: The last line of the plan.
  returned: if the documents are valid
  type: str
  sample: 1 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged
done:
  description: The resources that were changed, with kind, name, project and action.
  returned: if the documents are valid
  type: list
  elements: dict
failed_resources:
  description: The resources that failed. C(msg) is the error message of each, C(file) and C(line) are the place of its
    entry, if it is in a file, and C(retryable) is whether another run can succeed although nothing else is changed.
  returned: if the documents are valid
  type: list
  elements: dict
skipped_resources:
  description: The resources that were skipped. C(because) is the reason for each.
  returned: if the documents are valid
  type: list
  elements: dict
errors:
  description: Each error by itself, with the file and the line of its entry. C(msg) has all of them.
  returned: if documents have errors, no plan can be made, or resources fail
  type: list
  elements: str
code:
  description: >-
    The error code of the server. V(0) if the error did not come from the server, and if resources of the stack failed,
    which are then in RV(failed_resources).
  returned: failure
  type: int
  sample: 0
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.apply_stack import Stack
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(Stack)


if __name__ == "__main__":
    main()
