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
  - Creates, changes, renames, moves and deletes instances, and starts, stops and freezes them, over C(/1.0/instances).
    You can create an instance from an image, as a copy of another instance, empty, or from a backup.
  - A stopped instance is changed without being started.
  - The module uses O(image) to create an instance, and with O(state=rebuilt). Otherwise, if an alias later points to
    another image, nothing changes.
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
    details: O(state=restarted) restarts the instance on every run.
options:
  name:
    description: Name of the instance. It is also the host name of the instance.
    type: str
    required: true
  state:
    description:
      - V(started), V(stopped) and V(frozen) create the instance if it does not exist, and then start, stop or freeze it
        if needed.
      - V(present) creates the instance if it does not exist, and does not change whether it runs.
      - V(restarted) restarts the instance. A stopped instance is started.
      - V(absent) deletes the instance with its snapshots. A running instance is first stopped gracefully, or
        immediately with O(force).
      - V(rebuilt) replaces the root disk with O(image) if it was created from another image. Requires the extension
        C(instances_rebuild).
    type: str
    choices: [started, stopped, restarted, frozen, present, absent, rebuilt]
    default: started
  type:
    description: The type of a new instance. If not set, a container is created. You cannot change the type of an
      existing instance.
    type: str
    choices: [container, virtual-machine]
  image:
    description:
      - The image to create the instance from. It is a local alias (V(debian/12)), a fingerprint, or an image of a
        remote (V(images:debian/12), V(ubuntu:24.04)).
      - V(docker:nginx:1.27) is an image of a registry, which becomes an application container. Needs Incus 6.3 or
        later, with C(skopeo) on its host. V(docker), V(ghcr) and V(quay) are C(docker.io), C(ghcr.io) and C(quay.io);
        O(source) names any other registry. The image sets keys C(oci.*) and C(environment.*) of O(config), which tasks
        can set too. A container whose process has ended is stopped.
      - Mutually exclusive with O(source). Set one of them to create an instance. To change an instance, you need
        neither.
    type: str
  source:
    description:
      - The source to create the instance from, with the keys of the API.
      - C(type=image) needs C(alias) or C(fingerprint). For an image of another server, add C(server), C(protocol) and
        C(certificate). For one of a registry, C(protocol) is V(oci); the host of the server has to trust the
        certificate of the registry.
      - C(type=copy) needs C(source), the instance or C(instance/snapshot) to copy. It can have C(project) and
        C(instance_only). Profiles, devices, description and root disk are those of the original, unless the task sets
        them.
      - C(type=copy) with C(server), a dictionary of connection options (C(url), C(server_fingerprint) or
        C(server_cert), C(client_cert), C(client_key), C(trust_token), C(validate_certs)), copies an instance of that
        server, with its snapshots. C(client_cert) and C(client_key) default to those of the task.
      - With C(server), C(refresh=true) brings an existing copy up to date, and C(move=true) deletes the original once
        the copy is whole. With C(keep=true), a move leaves the original stopped instead. C(mode=pull) (the default) has
        this server connect to the other one, and C(mode=push) the reverse. See U(https://github.com/cloudhost/lxd/blob/main/docs/moving.md).
      - C(type=none) creates an empty instance.
      - C(type=backup) needs C(file), the tarball of an export on the host that runs the module.
    type: dict
  profiles:
    description:
      - The profiles of the instance, in order. The instance gets exactly these profiles.
      - If not set, a new instance gets the profiles of its image, or V(default) if the image has none. A copy gets the
        profiles of the original.
    type: list
    elements: str
  ephemeral:
    description:
      - Whether the instance is deleted when it stops.
      - The module does not stop a running ephemeral instance in order to change it. It refuses a move, a new name,
        V(stopped) and V(rebuilt), unless the same task sets this option to V(false). If keys need a restart, it
        restarts the instance with O(restart=if_required).
    type: bool
  pool:
    description:
      - The storage pool of the root disk. An instance in another pool is moved. It must be stopped for the move (see
        O(restart)).
    type: str
  new_project:
    description:
      - The project to move the instance to from O(project). If it has already been moved, nothing changes. It must be
        stopped for the move (see O(restart)).
      - O(profiles) are profiles of the new project. Servers with the extension C(instance_move_config), such as Incus,
        apply them with the move. LXD 5.0 moves an instance with its present profiles and changes them afterwards, so
        the new project needs both. Both servers move snapshots with the profiles that they have. If an instance cannot
        be moved for this reason, the module says what to do and changes nothing.
    type: str
  wait_for:
    description:
      - If the instance runs, wait within O(timeout) until all of these conditions are met. On a timeout, the instance
        stays, and the error reports the state that the module last observed.
      - V(ipv4) and V(ipv6) wait for a global address on any NIC of the instance.
      - V(agent) waits until the instance reports processes. In a virtual machine, the agent reports them.
      - V(ready) waits until the instance reports over its API socket that it is ready.
      - V(cloud_init) waits until cloud-init has finished. If cloud-init failed, the task fails with its output.
    type: list
    elements: str
    choices: [ready, agent, ipv4, ipv6, cloud_init]
  force:
    description:
      - Stop the instance by force if it does not stop gracefully within its C(boot.host_shutdown_timeout) (30 seconds
        if not set).
      - With O(state=absent), stop it by force immediately.
    type: bool
    default: false
  restart:
    description:
      - With V(if_required), the module stops and starts a running instance if a change needs it (a move, a new name,
        keys such as C(security.privileged)).
      - With V(never), moving or renaming a running instance is an error, unless O(state=stopped) or O(state=restarted).
        Keys that need a restart are set, with a warning that they take effect at the next start.
    type: str
    choices: [never, if_required]
    default: never
notes:
  - A device without C(type) overrides a device of a profile. It takes its other properties from there, except
    properties that conflict with its own, such as C(nictype) with C(network).
  - V(null) for a device or key that comes from a profile changes nothing. The module warns about it.
seealso:
  - module: cloudhost.lxd.instance_info
  - module: cloudhost.lxd.instance_snapshot
  - module: cloudhost.lxd.profile
"""

EXAMPLES = r"""
- name: Create a container with limits and wait for its address
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

- name: Give it more memory and a larger root disk than the profile sets
  cloudhost.lxd.instance:
    name: web1
    config:
      limits.memory: 1GiB
    devices:
      root:
        size: 4GiB

- name: Create a stopped copy of it
  cloudhost.lxd.instance:
    name: web2
    source:
      type: copy
      source: web1
    state: stopped

- name: Copy an instance of another server, and bring the copy up to date on every run
  cloudhost.lxd.instance:
    name: standby1
    source: {type: copy, server: "{{ old_server }}", source: web1, refresh: true}
    state: stopped

- name: Move an instance from another server, and stop it there for that
  cloudhost.lxd.instance:
    name: db1
    source: {type: copy, server: "{{ old_server }}", source: db1, move: true}
    restart: if_required

- name: Rename the copy
  cloudhost.lxd.instance:
    name: web2
    new_name: web-spare
    state: present

- name: Create an empty container
  cloudhost.lxd.instance:
    name: blank
    source:
      type: none
    state: present

- name: Create a profile for cloud-init
  cloudhost.lxd.profile:
    name: nginx
    config:
      cloud-init.user-data: |
        #cloud-config
        packages: [nginx]

- name: Create a container with two profiles, and with its root disk in another pool than theirs
  cloudhost.lxd.instance:
    name: web3
    image: debian/12
    profiles: [default, nginx]
    pool: default
    state: stopped

- name: Create a virtual machine from an image server, and wait until cloud-init has set it up
  cloudhost.lxd.instance:
    name: vm1
    type: virtual-machine
    image: images:debian/12/cloud
    config:
      limits.cpu: 2
      limits.memory: 2GiB
      cloud-init.user-data: |
        #cloud-config
        packages: [nginx]
    devices:
      root:
        size: 20GiB
    wait_for: [agent, cloud_init]
    timeout: 900

- name: Run an application of a registry, on Incus 6.3 or later
  cloudhost.lxd.instance:
    name: proxy1
    image: docker:nginx:1.27
    config:
      environment.NGINX_PORT: 8080
    wait_for: [ipv4]

- name: Create a container on a member of a cluster
  cloudhost.lxd.instance:
    name: db1
    image: debian/12
    pool: local
    target: node2
    state: stopped

- name: Have it on any member of a cluster group
  cloudhost.lxd.instance:
    name: db1
    target: "@gpu"
    state: stopped

- name: Remove the instances
  cloudhost.lxd.instance:
    name: "{{ item }}"
    state: absent
    force: true
  loop: [web1, web-spare, blank, web3]

- name: Remove the profile
  cloudhost.lxd.profile:
    name: nginx
    state: absent
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create instance web1 from image debian/12, start instance web1]
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
instance:
  description: The instance, as the API returns it.
  returned: if the instance exists after the task
  type: dict
  contains:
    name:
      description: The name of the instance.
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
      description: The description of the instance.
      type: str
      returned: success
    config:
      description: The configuration of the instance itself.
      type: dict
      returned: success
    expanded_config:
      description: The configuration of the instance, including that of its profiles.
      type: dict
      returned: success
    devices:
      description: The devices of the instance itself.
      type: dict
      returned: success
    expanded_devices:
      description: The devices of the instance, including those of its profiles.
      type: dict
      returned: success
    profiles:
      description: The profiles of the instance, in order.
      type: list
      returned: success
      elements: str
    project:
      description: The project of the instance.
      type: str
      returned: success
    location:
      description: The cluster member that the instance is on, or V(none).
      type: str
      returned: success
    addresses:
      description: The global addresses of the NICs of the instance, IPv4 first. Check mode waits for none, and returns
        those that the instance has now; for a new one the list is empty.
      type: list
      returned: with O(wait_for) (other than V(cloud_init) alone), if the instance runs
      elements: str
    state:
      description: The live state of the instance, with C(network) and all addresses.
      type: dict
      returned: with O(wait_for) (other than V(cloud_init) alone), if the instance runs
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Instance)


if __name__ == "__main__":
    main()
