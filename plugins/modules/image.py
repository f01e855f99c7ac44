#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Manage images of LXD and Incus
version_added: 0.1.0
description:
  - Copies images from image servers, imports them from files, publishes instances, and changes and deletes images, over C(/1.0/images).
  - An alias that exists is the image; that its remote has a newer one meanwhile is no change (see O(auto_update)). Only O(file) says exactly what
    the image is; a file with another fingerprint is imported and the alias pointed at it, and the old image stays.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: The alias of the image, such as V(debian/12). To change or delete an image it may also be its fingerprint.
    type: str
    required: true
  state:
    description:
      - Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
  remote:
    description:
      - Copy it from one of the image servers that the daemons' clients know, as V(images:debian/12) or V(ubuntu:24.04).
      - V(images) is images.lxd.canonical.com for LXD and images.linuxcontainers.org for Incus.
    type: str
  source:
    description: Where to copy it from, in the words of the API (C(server), C(protocol), C(alias), C(certificate), …).
    type: dict
  file:
    description:
      - Import this file of the host that runs the module, a unified tarball. With O(rootfs) it is the metadata tarball of a split image.
    type: path
  rootfs:
    description: The root file system of a split image, a squashfs file, or a qcow2 file for virtual machines.
    type: path
  instance:
    description: Publish this instance, or the snapshot of it written as V(instance/snapshot). The instance must be stopped, a snapshot need not.
    type: str
  properties:
    description: Properties, such as C(os) and C(release). Only those written here are compared and changed; V(null) unsets one.
    type: dict
  purge_properties:
    description: Unset the properties that O(properties) does not have.
    type: bool
    default: false
  public:
    description: Whether clients that are not trusted may have it.
    type: bool
  auto_update:
    description: Whether the daemon keeps it up to date with its remote.
    type: bool
  expires_at:
    description: When the daemon may delete it, as in V(2030-01-01T00:00:00Z); V(never) takes that back.
    type: str
  profiles:
    description: Profiles of instances that are made from it and name none.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.image_alias
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: A stopped instance to publish
  cloudhost.lxd.instance:
    name: golden
    image: debian/12
    state: present

- name: An image of it
  cloudhost.lxd.image:
    name: web/golden
    instance: golden
    properties:
      os: Debian
      release: bookworm
    public: false

- name: Let it expire
  cloudhost.lxd.image:
    name: web/golden
    expires_at: "2031-01-01T00:00:00Z"

- name: Remove the image and the instance
  cloudhost.lxd.image:
    name: web/golden
    state: absent

- name: Remove the instance
  cloudhost.lxd.instance:
    name: golden
    state: absent
"""

RETURN = r"""
actions:
  description: What was done (in check mode, what would be), in order.
  returned: success
  type: list
  elements: str
  sample: [create image web/golden]
image:
  description: The image as the API shows it.
  returned: when it exists after the task
  type: dict
  contains:
    fingerprint:
      description: SHA-256 of its files.
      type: str
      returned: success
    aliases:
      description: Its aliases.
      type: list
      returned: success
      elements: dict
    properties:
      description: Its properties.
      type: dict
      returned: success
    public:
      description: Whether it is public.
      type: bool
      returned: success
    auto_update:
      description: Whether the daemon keeps it up to date.
      type: bool
      returned: success
    expires_at:
      description: When it may be deleted.
      type: str
      returned: success
    size:
      description: Bytes.
      type: int
      returned: success
    type:
      description: C(container) or C(virtual-machine).
      type: str
      returned: success
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Image)


if __name__ == "__main__":
    main()
