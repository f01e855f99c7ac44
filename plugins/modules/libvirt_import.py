#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libvirt_import
short_description: Import a virtual machine of libvirt into LXD or Incus
version_added: 0.1.0
description:
  - Reads a domain of libvirt, and creates an instance of it, with its CPUs, memory, firmware, disks, NICs with their
    MAC addresses, TPM and autostart. Check mode shows all of that, and what has no counterpart.
  - The module runs on the host of libvirt, and reaches the server of the task over the API. The domain and its disks
    stay as they are. It has to be off while its disks are copied.
  - The root disk is uploaded as an image, and each other disk as a backup of a volume. Their checksums are compared. A
    run that broke off is continued by the next one, which deletes and re-creates an instance whose creation broke off.
    An imported instance is not imported again.
  - Snapshots of the domain, variables of its firmware and what its TPM holds stay in libvirt.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
requirements:
  - libvirt-python on the host that runs the module (package C(python3-libvirt), for the Python of the distribution)
  - qemu-img on the same host (package C(qemu-utils))
options:
  domain:
    description: The name or the UUID of the domain.
    type: str
    required: true
  libvirt_uri:
    description: The URI of a libvirt on the host that runs the module. It is opened for reading only, unless
      O(shutdown=true).
    type: str
    default: qemu:///system
  name:
    description: The name of the instance. The default is made of the name of the domain, as a host name can be.
    type: str
  state:
    description:
      - V(present) leaves a new instance stopped.
      - V(started) and V(stopped) also start or stop an instance that was imported before.
    type: str
    choices: [started, stopped, present]
    default: present
  shutdown:
    description: Whether to shut down a domain that runs, before its disks are copied. Without it, such a domain is an
      error. It is not started again.
    type: bool
    default: false
  pool:
    description: The storage pool of the root disk, and of the volumes of other disks. The default of the root disk is
      that of the profiles. Required for a domain with several disks.
    type: str
  profiles:
    description: The profiles of the instance. NICs of profiles that the domain does not have are disabled.
    type: list
    elements: str
  config:
    description: Configuration keys that the instance has besides, or instead of those of the domain.
    type: dict
  devices:
    description: Devices that the instance has besides, or instead of those of the domain, as in the module
      M(cloudhost.lxd.instance).
    type: dict
  networks:
    description:
      - What the NICs become. A key is a MAC address, or what the NIC is connected to, such as V(bridge:br0),
        V(network:default), V(br0) or V(user). A value is a managed network, a dictionary of keys of the device, or null
        to leave the NIC out.
      - Without an entry, a NIC is connected to the managed network of the same name, a bridge to the same bridge of the
        host, and a macvtap to the same interface. Anything else is an error.
    type: dict
  disks:
    description: "The names of the volumes that the disks become, by their target, as in C({vdb: data}), or null to
      leave a disk out. The default is C(INSTANCE-TARGET)."
    type: dict
  allowed_paths:
    description:
      - The directories whose files may be read as disks, and as their backing files. Whoever may define domains could
        name any file of the host in them.
      - Logical volumes are in a directory such as V(/dev/vg0).
    type: list
    elements: str
    default: [/var/lib/libvirt/images]
  work_directory:
    description: The directory for converted disks, until the instance is whole. Only the user of the module can read
      it.
    type: path
    default: /var/tmp/cloudhost-libvirt
  compress:
    description: Whether converted disks are compressed.
    type: bool
    default: true
  verify:
    description: Whether to read all disks back from the server, as backups, to compare their checksums with those of
      the source. Without it, only the server compares the checksum of the root disk that it received.
    type: bool
    default: true
  wait_for:
    description: The conditions to wait for after the start, as in M(cloudhost.lxd.instance). V(agent) needs a guest
      with the agent of LXD or Incus.
    type: list
    elements: str
    choices: [ready, agent, ipv4, ipv6, cloud_init]
seealso:
  - module: cloudhost.lxd.instance
  - module: cloudhost.lxd.image
"""

EXAMPLES = r"""
- name: Show what a domain becomes
  cloudhost.lxd.libvirt_import:
    url: https://incus.example.net:8443
    domain: web1
    networks: {bridge:br0: incusbr0}
  check_mode: true
  register: plan

- name: Import it, and start it
  cloudhost.lxd.libvirt_import:
    url: https://incus.example.net:8443
    domain: web1
    networks: {bridge:br0: incusbr0}
    allowed_paths: [/var/lib/libvirt/images, /dev/vg0]
    pool: default
    shutdown: true
    state: started
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [copy disk vda of domain web1, create instance web1 of domain web1]
steps:
  description: The same as RV(actions), as data.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: What the step does, for example V(stop), V(import), V(create) or V(start).
      type: str
      returned: success
    kind:
      description: The kind of the resource, or V(domain) or V(disk).
      type: str
      returned: success
    name:
      description: The name of the resource.
      type: str
      returned: success
    words:
      description: The sentence in RV(actions). It can change in any release.
      type: str
      returned: success
libvirt_import:
  description: The domain, and what it becomes.
  returned: success, and if the domain cannot be imported
  type: dict
  contains:
    domain:
      description: The domain, with C(name), C(uuid) and C(running).
      type: dict
      returned: always
    instance:
      description: The options of the instance, as in M(cloudhost.lxd.instance).
      type: dict
      returned: always
    disks:
      description: The disks, each with C(target), C(size) in bytes, C(files) with C(path) and C(format), the disk
        itself and its backing files, and C(volume), which is null for the root disk. It is empty for an instance that
        was imported before.
      type: list
      elements: dict
      returned: always
    notes:
      description: What has no counterpart, or another one than before, each with C(what) and C(note).
      type: list
      elements: dict
      returned: always
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_import import LibvirtImport
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_job


def main() -> None:
    run_job(LibvirtImport)


if __name__ == "__main__":
    main()
