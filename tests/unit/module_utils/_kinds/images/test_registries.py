# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of registries (OCI), and the containers that they become."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

SOURCE = {"type": "image", "mode": "pull", "server": "https://docker.io", "protocol": "oci", "alias": "nginx:1.27"}


@pytest.fixture
def client(clock):
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += ["instance_oci"]
    memory.put("/1.0/profiles/default")
    client = MemoryClient(memory)
    client.implementation = "incus"
    return client


def instance(client, **options):
    return Instance(client, params_of(Instance, name="web", **{"state": "present", **options}))


@pytest.mark.parametrize(
    ("image", "server", "alias"),
    [
        ("docker:nginx:1.27", "https://docker.io", "nginx:1.27"),
        ("ghcr:team/app@sha256:00", "https://ghcr.io", "team/app@sha256:00"),
        ("quay:team/app", "https://quay.io", "team/app"),
    ],
)
def test_an_image_of_a_registry(client, image, server, alias):
    source = {**SOURCE, "server": server, "alias": alias}
    assert converge(instance(client, image=image), check_mode=True).result["source"] == source
    assert converge(Image(client, params_of(Image, name="i", remote=image)), check_mode=True).result["source"] == source


@pytest.mark.parametrize("given", [{"image": "docker:nginx:1.27"}, {"source": SOURCE}])
def test_it_becomes_no_virtual_machine(client, given):
    with pytest.raises(InvalidInput, match=r"type: an image of a registry \(OCI\) becomes a container"):
        converge(instance(client, type="virtual-machine", **given))


def test_a_certificate_that_the_server_would_not_look_at(client):
    source = {**SOURCE, "certificate": "a certificate"}
    for resource in (instance(client, source=source), Image(client, params_of(Image, name="i", source=source))):
        with pytest.raises(InvalidInput, match="source.certificate: .*/etc/containers/certs.d"):
            converge(resource)


@pytest.mark.parametrize(("oci", "warned"), [("true", ["oci.cwd", "environment.A"]), ("", ["oci.cwd"])])
def test_what_takes_effect_at_the_next_start(client, oci, warned):
    """The process of an application container has the environment that it began with."""
    there = {"config": {"volatile.container.oci": oci}, "expanded_config": {}, "expanded_devices": {}}
    client.memory.put("/1.0/instances/web", status="Running", **there)
    outcome = converge(instance(client, config={"oci.cwd": "/srv", "environment.A": "b"}), check_mode=True)
    (warning,) = outcome.warnings
    assert f"{', '.join(sorted(warned))} takes effect at its next start" in warning
