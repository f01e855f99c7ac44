#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance
short_description: Manage containers and virtual machines of LXD and Incus
version_added: 0.1.0
description:
  - Creates instances from images, as copies of others, empty or from a backup; changes them in place; starts, stops, freezes, renames, moves and deletes
    them, over C(/1.0/instances).
  - A stopped instance is changed without being started. O(image) is where an instance starts from; an alias that has moved on is no change.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
  - cloudhost.lxd._resource.config
  - cloudhost.lxd._resource.description
  - cloudhost.lxd._resource.devices
  - cloudhost.lxd._resource.new_name
  - cloudhost.lxd._resource.recreate
attributes:
  idempotent:
    support: partial
    details: O(state=restarted) restarts on every run, as it says.
options:
  name:
    description: Name of the instance, which is also its host name.
    type: str
    required: true
  state:
    description:
      - V(started), V(stopped) and V(frozen) create the instance where needed and see to its power; V(present) leaves the power as it is.
      - V(restarted) restarts it, or starts it where it is stopped.
      - V(absent) deletes it with its snapshots. A running instance is stopped first, gracefully, or at once with O(force).
      - V(rebuilt) replaces its root disk with O(image) if it was made from another one. Needs the extension C(instances_rebuild).
    type: str
    choices: [started, stopped, restarted, frozen, present, absent, rebuilt]
    default: started
  type:
    description: What to create, a container if nothing is said. It cannot be changed afterwards.
    type: str
    choices: [container, virtual-machine]
  image:
    description:
      - What to create it from. A local alias (V(debian/12)) or fingerprint, or an image of a remote (V(images:debian/12), V(ubuntu:24.04)).
      - Exclusive with O(source). One of them is needed to create an instance, and neither to change one.
    type: str
  source:
    description:
      - What to create it from, in the words of the API.
      - C(type=image) with C(alias) or C(fingerprint), and C(server), C(protocol), C(certificate) for that of another server.
      - C(type=copy) with C(source), the instance or C(instance/snapshot) to copy, and C(project) and C(instance_only). What the task does not say of profiles,
        devices, description and root disk is that of the original.
      - C(type=none) for an empty one; C(type=backup) with C(file), the tarball of an export on the host that runs the module.
    type: dict
  profiles:
    description: Its profiles, in order; written means exactly these. If nothing is said, new instances have those of their image or else V(default), and
      copies those of the original.
    type: list
    elements: str
  ephemeral:
    description:
      - Whether it is deleted when it stops. So it is not stopped on the way to something else; a move, a new name, V(stopped) and V(rebuilt) are refused
        while it runs, unless it becomes V(false) with them. Keys that need a restart are followed by one with O(restart=if_required).
    type: bool
  pool:
    description: The storage pool of its root disk. An instance in another pool is moved, and must be stopped for that (see O(restart)).
    type: str
  new_project:
    description:
      - The project it shall be in. Where it is still in O(project) it is moved; where that is done, nothing is. It must be stopped for that (see O(restart)).
    type: str
  wait_for:
    description:
      - Wait until all of these hold, if the instance runs, within O(timeout). On a time-out the instance stays, and the error says what was seen.
      - V(ipv4) and V(ipv6) are a global address on any one of its own NICs; V(agent) is processes being reported (for a virtual machine, by its agent);
        V(ready) is the instance saying so itself over its API socket; V(cloud_init) is cloud-init having finished, and fails with its words if that failed.
    type: list
    elements: str
    choices: [ready, agent, ipv4, ipv6, cloud_init]
  force:
    description:
      - Stop by force what does not stop gracefully within its C(boot.host_shutdown_timeout) (30 seconds if unset).
      - With O(state=absent), stop by force at once.
    type: bool
    default: false
  restart:
    description:
      - With V(if_required), a running instance is stopped and started where a change needs it (a move, a new name, keys such as C(security.privileged)).
      - With V(never), such a move is an error, and such keys are set, with a warning that they take effect at the next start.
    type: str
    choices: [never, if_required]
    default: never
notes:
  - A device without C(type) that overrides one of a profile takes the rest of its properties from there, but for what does not go with it, such as
    C(nictype) with C(network).
  - A null for a device or key that a profile gives changes nothing, and is warned of.
seealso:
  - module: cloudhost.lxd.instance_info
  - module: cloudhost.lxd.instance_snapshot
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: A container with limits and an address
  cloudhost.lxd.instance:
    name: web1
    image: debian/12
    description: The first web server
    config:
      limits.cpu: 1
      limits.memory: 512MiB
      security.idmap.isolated: true
    wait_for: [ipv4]
    timeout: 120

- name: More memory, at once; a bigger root disk than the profile gives
  cloudhost.lxd.instance:
    name: web1
    config:
      limits.memory: 1GiB
    devices:
      root:
        size: 4GiB

- name: A stopped copy of it
  cloudhost.lxd.instance:
    name: web2
    source:
      type: copy
      source: web1
    state: stopped

- name: Give the copy another name
  cloudhost.lxd.instance:
    name: web2
    new_name: web-spare
    state: present

- name: An empty container, to be filled by other means
  cloudhost.lxd.instance:
    name: blank
    source:
      type: none
    state: present

- name: Remove them
  cloudhost.lxd.instance:
    name: "{{ item }}"
    state: absent
    force: true
  loop: [web1, web-spare, blank]
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create instance web1 from image debian/12, start instance web1]
instance:
  description: The instance as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    status:
      description: C(Running), C(Stopped), C(Frozen), C(Ready) or C(Error).
      type: str
      returned: success
    type:
      description: C(container) or C(virtual-machine).
      type: str
      returned: success
    description:
      description: Its description.
      type: str
      returned: success
    config:
      description: Its own configuration.
      type: dict
      returned: success
    expanded_config:
      description: Its configuration with that of its profiles.
      type: dict
      returned: success
    devices:
      description: Its own devices.
      type: dict
      returned: success
    expanded_devices:
      description: Its devices with those of its profiles.
      type: dict
      returned: success
    profiles:
      description: Its profiles, in order.
      type: list
      returned: success
      elements: str
    project:
      description: Its project.
      type: str
      returned: success
    location:
      description: The cluster member it is on, or V(none).
      type: str
      returned: success
    addresses:
      description: With O(wait_for), the global addresses of its own NICs, IPv4 first.
      type: list
      returned: with O(wait_for)
      elements: str
    state:
      description: With O(wait_for), its live state, with C(network) and all addresses.
      type: dict
      returned: with O(wait_for)
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Instance)


if __name__ == "__main__":
    main()
