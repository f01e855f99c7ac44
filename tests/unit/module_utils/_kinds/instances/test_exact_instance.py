# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`exact` of an instance: it is as a new one of the same options, and nothing is unset that an update cannot unset."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

ROOT = {"type": "disk", "path": "/", "pool": "fast", "size": "8GiB"}
SLOW = {**ROOT, "pool": "slow"}
NIC = {"type": "nic", "network": "br0"}


def instance(found, **options):
    """An instance that exists, with the options of an entry that is exact."""
    memory = Memory()
    memory.put("/1.0/profiles/default", devices={"root": ROOT, "eth0": NIC})
    memory.put("/1.0/profiles/bare")
    memory.put("/1.0/networks/br0")
    for pool in ("fast", "slow"):
        memory.put(f"/1.0/storage-pools/{pool}")
    own = found.get("devices", {})
    memory.put("/1.0/instances/web", **{"expanded_devices": {"root": ROOT, "eth0": NIC, **own}, **found})
    params = {**params_of(Instance, name="web", state="present", **options), "exact": True}
    return Instance(MemoryClient(memory), params)


def after(wanted):
    """The instance once it is as wanted, which it stays."""
    result = converge(wanted).result
    assert wanted.plan(wanted.read()).steps == []
    return result


@pytest.mark.parametrize(
    ("devices", "options", "expected"),
    [
        ({"eth0": {**NIC, "limits.ingress": "1Mbit"}}, {}, {}),
        (
            {"eth0": {**NIC, "limits.ingress": "1Mbit", "limits.egress": "1Mbit"}},
            {"devices": {"eth0": {"limits.ingress": "1Mbit"}}},
            {"eth0": {**NIC, "limits.ingress": "1Mbit"}},  # and not what somebody added to the override
        ),
        ({"root": {**ROOT, "size": "9GiB"}}, {}, {}),  # the profile has a root disk in the same pool
        ({"root": {**SLOW, "size": "9GiB"}}, {}, {"root": SLOW}),  # only a move would change the pool
        ({"root": {**ROOT, "size": "9GiB"}}, {"pool": "fast"}, {"root": ROOT}),  # as it was made
        ({"root": SLOW}, {"pool": "slow"}, {"root": SLOW}),
        ({"root": SLOW}, {"pool": "slow", "devices": {"root": {"size": "2GiB"}}}, {"root": {**SLOW, "size": "2GiB"}}),
        ({"root": {**SLOW, "x": "y"}}, {"devices": {"root": {**SLOW, "size": None}}}, {"root": {**SLOW, "size": ""}}),
        ({"root": ROOT}, {"profiles": ["bare"]}, {"root": {**ROOT, "size": ""}}),  # it has no other
        (
            {"eth0": NIC},
            {"profiles": ["bare"], "devices": {"eth0": {"name": "eth7"}}},
            {"eth0": {**NIC, "name": "eth7"}},
        ),
    ],
)
def test_devices(devices, options, expected):
    found = after(instance({"devices": devices, "profiles": options.get("profiles", ["default"])}, **options))
    assert found["devices"] == {
        name: {key: value for key, value in device.items() if value} for name, device in expected.items()
    }


def test_another_root_disk_replaces_the_one_that_was_there():
    other = {"disk0": {**ROOT, "size": "1GiB"}}
    assert after(instance({"devices": {"root": ROOT}, "profiles": ["bare"]}, devices=other, profiles=["bare"]))[
        "devices"
    ] == {"disk0": {**ROOT, "size": "1GiB"}}


@pytest.mark.parametrize(
    ("found", "options", "words"),
    [
        ({"devices": {"root": SLOW}}, {}, "its root disk is in the storage pool 'slow', and those of its profiles in"),
        ({"devices": {"root": SLOW}}, {"pool": "slow"}, None),
        ({"devices": {"root": ROOT}}, {}, None),
        ({"devices": {"root": SLOW}, "profiles": ["bare"]}, {"profiles": ["bare"]}, None),
    ],
)
def test_a_root_disk_in_another_pool_than_the_profiles_say_is_reported(found, options, words):
    warnings = converge(instance(found, **options)).warnings
    assert [words in warning for warning in warnings] == ([True] if words else [])


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        ({"profiles": ["bare"]}, {}, ["bare"]),
        ({"profiles": []}, {}, ["default"]),
        (None, {}, ["default"]),
        ({"profiles": ["bare"]}, {"profiles": ["default"]}, ["default"]),
        ({"profiles": ["bare"]}, {"source": {"type": "copy", "source": "other"}}, ["extra"]),
    ],
)
def test_profiles(image, options, expected):
    wanted = instance({"profiles": ["extra"], "config": {"volatile.base_image": "f00"}}, **options)
    wanted.client.memory.put("/1.0/profiles/extra")
    if image is not None:
        wanted.client.memory.put("/1.0/images/f00", **image)
    assert after(wanted)["profiles"] == expected


def test_what_an_application_container_has_from_its_image_stays():
    brought = {"oci.entrypoint": "/run", "environment.PATH": "/bin", "volatile.container.oci": "true"}
    assert after(instance({"config": {**brought, "limits.cpu": "1"}}))["config"] == brought
    assert after(instance({"config": {"environment.PATH": "/bin"}}))["config"] == {}


@pytest.mark.parametrize("written", [{}, {"ephemeral": True}])
def test_flags_and_text(written):
    found = after(instance({"description": "x", "ephemeral": True}, **written))
    assert (found["description"], found["ephemeral"]) == ("", bool(written))
