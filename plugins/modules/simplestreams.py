#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: simplestreams
short_description: Publish images of LXD and Incus in a directory of an image server
version_added: 0.1.0
description:
  - Writes a directory with images and their index, in the simplestreams format that LXD and Incus read. A web server
    that serves this directory over HTTPS is an image server. The role cloudhost.lxd.image_server sets one up.
  - Each image is the newest version of a product, which O(images[].os), O(images[].release), O(images[].variant), the
    architecture and the type of the image determine. A different image of the same product is another version, and the
    aliases then name it.
  - Clients can read the directory at any time. A file is complete before the index names it, and the index is replaced
    by renaming. A run that was interrupted is continued by the next one.
  - The index has entries for both products, LXD and Incus. The module does not contact a server.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  directory:
    description: The directory, on the host that runs the module. It must exist.
    type: path
    required: true
  images:
    description: The images to publish.
    type: list
    elements: dict
    required: true
    suboptions:
      aliases:
        description: The names that clients use, such as V(debian/12). An image of a container and one of a virtual
          machine can have the same aliases, and so can images of different architectures.
        type: list
        elements: str
        required: true
      file:
        description: The metadata tarball of the image, or with no O(images[].rootfs) a unified tarball, on the host
          that runs the module.
        type: path
        required: true
      rootfs:
        description: The root file system. It is a squashfs file or a tarball compressed with xz for containers, and a
          qcow2 file for virtual machines.
        type: path
      os:
        description: The operating system, such as V(Debian).
        type: str
        required: true
      release:
        description: The release, such as V(bookworm).
        type: str
        required: true
      variant:
        description: The variant, such as V(cloud).
        type: str
        default: default
      architecture:
        description: The architecture. The default is that in the metadata of the image. A different one is an error.
        type: str
        choices: [amd64, arm64, armhf, i386, ppc64el, riscv64, s390x]
      requirements:
        description: What instances need to run the image, such as C(secureboot=false) for a virtual machine whose boot
          loader is not signed.
        type: dict
        default: {}
  keep:
    description: The number of versions of each product that stay in the index, the newest included.
    type: int
    default: 2
  grace:
    description: The time for which files stay that the index no longer names, as in V(12h) or V(2d). Servers can use an
      index for an hour after they have read it.
    type: str
    default: 1d
  purge:
    description: Whether to remove the products that O(images) does not have.
    type: bool
    default: false
notes:
  - The module accepts the connection options because they can be defaults of the action group. It uses none of them.
seealso:
  - module: cloudhost.lxd.image
"""

EXAMPLES = r"""
- name: Create the directory of an image server
  ansible.builtin.file:
    path: /srv/images
    state: directory
    mode: "0755"

- name: Publish an image
  cloudhost.lxd.simplestreams:
    directory: /srv/images
    images:
      - aliases: [debian/12, debian/bookworm]
        os: Debian
        release: bookworm
        file: /var/tmp/image/metadata.tar.gz
        rootfs: /var/tmp/image/rootfs.squashfs
    keep: 3
"""

RETURN = r"""
actions:
  description: The actions that the task performed, in order. In check mode, the actions that it would perform.
  returned: success
  type: list
  elements: str
  sample: ["publish debian:bookworm:default:amd64 (1f3e5a7c9b20) as debian/12,debian/bookworm"]
images:
  description: The images of the task, in its order.
  returned: success
  type: list
  elements: dict
  contains:
    product:
      description: The product that the image is the newest version of.
      type: str
      returned: success
    aliases:
      description: The aliases of the product.
      type: list
      elements: str
      returned: success
    fingerprint:
      description: The fingerprint that servers give the image.
      type: str
      returned: success
    type:
      description: C(container) or C(virtual-machine).
      type: str
      returned: success
    architecture:
      description: The architecture, as image servers name it.
      type: str
      returned: success
code:
  description: Always V(0), because no server is involved.
  returned: failure
  type: int
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
      description: Always null.
      type: str
      returned: failure
    retryable:
      description: Whether the same task can succeed later although nothing else is changed.
      type: bool
      returned: failure
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.publish_images import PublishImages
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_files


def main() -> None:
    run_files(PublishImages)


if __name__ == "__main__":
    main()
