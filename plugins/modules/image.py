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
  - Copies images from image servers, imports them from files, publishes instances, and changes and deletes images, over
    C(/1.0/images).
  - If the alias exists, the module does not create the image again. A newer image on the remote is no change (see
    O(auto_update) and O(refresh)).
  - The module compares the fingerprint of the image only with O(file). If it differs, the module imports the file and
    points the alias at it. The old image stays.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes
  - cloudhost.lxd._connection
options:
  name:
    description: The alias of the image, such as V(debian/12). To change or delete an image, you can also use its
      fingerprint.
    type: str
    required: true
  state:
    description:
      - Whether the image should exist.
    type: str
    choices: [present, absent]
    default: present
  remote:
    description:
      - Copy the image from an image server, as V(images:debian/12) or V(ubuntu:24.04). The name before the colon is one
        that the clients of the daemons know, or one of O(remotes), such as V(own:debian/12).
      - V(images) is images.lxd.canonical.com for LXD and images.linuxcontainers.org for Incus.
      - If it has an image for containers and one for virtual machines under this name, the one for containers is
        copied. For the other one, write a O(source) with C(image_type=virtual-machine).
      - V(docker:nginx:1.27), V(ghcr:…) and V(quay:…) are images of the registries C(docker.io), C(ghcr.io) and
        C(quay.io). Their instances are application containers. They need Incus 6.3 or later, with C(skopeo) on its
        host.
    type: str
  source:
    description:
      - The source to copy the image from, with the keys of the API (C(server), C(protocol), C(alias), C(certificate),
        …). For another registry, C(protocol) is V(oci); the host of the server has to trust the certificate of the
        registry.
      - If C(server) is a dictionary of connection options (C(url), C(server_fingerprint) or C(server_cert),
        C(client_cert), C(client_key), C(trust_token), C(validate_certs)), the image is copied from that server and need
        not be public. Write C(alias) or C(fingerprint), and C(project) if it is not V(default). C(client_cert) and
        C(client_key) default to those of the task.
      - With such a server, C(refresh=true) replaces the image if the alias of the other server names another one, and
        C(move=true) deletes the original. C(mode=pull) (the default) has this server connect to the other one,
        C(mode=push) the other one to this server. See the guide L(moving between servers,
        https://github.com/cloudhost/lxd/blob/main/docs/moving.md).
    type: dict
  refresh:
    description:
      - Whether to replace the image if the alias names another one on its image server now. It needs O(remote), or a
        O(source) with C(protocol=simplestreams).
      - The module reads the index of the image server itself, so the host that runs the module must reach it. The
        daemon then copies the image. If the task runs as root on the host of the daemon, it also removes the index that
        the daemon keeps for up to an hour. Otherwise the task fails if the daemon does not see the newer image yet.
      - Properties that the task does not set are those of the newer image.
    type: bool
    default: false
  file:
    description:
      - Import this file, a unified tarball on the host that runs the module. With O(rootfs), it is the metadata tarball
        of a split image.
    type: path
  rootfs:
    description: The root file system of a split image. It is a squashfs file, or a qcow2 file for virtual machines.
    type: path
  instance:
    description:
      - Publish this instance, or the snapshot V(instance/snapshot). The instance must be stopped. To publish a
        snapshot, it can run.
    type: str
  properties:
    description: Properties, such as C(os) and C(release). Only the properties in this option are compared and changed.
      V(null) unsets a property.
    type: dict
  purge_properties:
    description: Unset the properties that are not in O(properties).
    type: bool
    default: false
  public:
    description: Whether untrusted clients can use the image.
    type: bool
  auto_update:
    description: Whether the daemon keeps the image up to date with its remote.
    type: bool
  expires_at:
    description: The time after which the daemon may delete the image, as in V(2030-01-01T00:00:00Z). V(never) removes
      this time.
    type: str
  profiles:
    description: The profiles of instances that are created from the image without naming profiles.
    type: list
    elements: str
seealso:
  - module: cloudhost.lxd.image_alias
  - module: cloudhost.lxd.instance
"""

EXAMPLES = r"""
- name: Copy an image from an image server, and have the daemon keep it up to date
  cloudhost.lxd.image:
    name: debian/12-current
    remote: images:debian/12
    auto_update: true

- name: Copy an image from an image server of your own, and take a newer one as soon as there is one
  cloudhost.lxd.image:
    name: own/debian
    remote: own:debian/12
    auto_update: true
    refresh: true
    remotes: # or the variable lxd_remotes
      own:
        url: https://images.example.net:443

- name: Copy a private image of another server
  cloudhost.lxd.image:
    name: base
    source:
      server:
        url: https://old.example.net:8443
        server_fingerprint: "{{ old_fingerprint }}"
        client_cert: ~/.config/lxc/client.crt
        client_key: ~/.config/lxc/client.key
      alias: base
      refresh: true

- name: Create a stopped instance to publish
  cloudhost.lxd.instance:
    name: golden
    image: debian/12
    state: present

- name: Publish the instance as an image
  cloudhost.lxd.image:
    name: web/golden
    instance: golden
    properties:
      os: Debian
      release: bookworm
    public: false

- name: Let the image expire
  cloudhost.lxd.image:
    name: web/golden
    expires_at: "2031-01-01T00:00:00Z"

- name: Remove the image
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
  description: The actions that the task performed, in order. In check mode, the actions that it would perform. On
    failure, the actions before the error.
  returned: always
  type: list
  elements: str
  sample: [create image web/golden]
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
image:
  description: The image, as the API returns it.
  returned: if the image exists after the task
  type: dict
  contains:
    fingerprint:
      description: The SHA-256 fingerprint of the files of the image.
      type: str
      returned: success
    aliases:
      description: The aliases of the image.
      type: list
      returned: success
      elements: dict
    properties:
      description: The properties of the image.
      type: dict
      returned: success
    public:
      description: Whether the image is public.
      type: bool
      returned: success
    auto_update:
      description: Whether the daemon keeps the image up to date.
      type: bool
      returned: success
    expires_at:
      description: The time after which the daemon may delete the image.
      type: str
      returned: success
    size:
      description: The size of the image, in bytes.
      type: int
      returned: success
    type:
      description: C(container) or C(virtual-machine).
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

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run


def main() -> None:
    run(Image)


if __name__ == "__main__":
    main()
