# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of a converging resource: what they say of the place and the cause, and the advice for known ones."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

URL = "/1.0/profiles/web"
STORAGE = ("zfs", "lvm", "vgcreate", "pvcreate", "rbd", "btrfs", "mkfs.ext4")


@pytest.fixture
def client(monkeypatch):
    client = MemoryClient(Memory())
    client.pauses = []
    monkeypatch.setattr(client.deadline, "pause", lambda attempt, doing, longest=1.0: client.pauses.append(doing))
    return client


def profile(client, **params):
    return Profile(client, params_of(Profile, name="web", **params))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("The profile is currently in use", "Remove what uses it first"),
        ("The network is in use", "Remove what uses it first"),
        ("Pool still in use", "Remove what uses it first"),
        ("It is used by 3 instances", "Remove what uses it first"),
        (
            'Add profile info to the database: This "profiles" entry already exists',
            "Another object or another server's object has this name",
        ),
        ('Name "web" already in use', "Another object or another server's object has this name"),
        ("Network address is already in use", "Something else on the host has this address or port"),
        (
            "dnsmasq: failed to create listening socket for 10.0.0.1: Address already in use",
            "Something else on the host has this address or port",
        ),
        ("listen tcp 0.0.0.0:80: bind: address already in use", "Something else on the host has this address or port"),
        ('IP address "10.0.0.2" already defined on another NIC', "Another instance has it on this network"),
        ('MAC address "00:16:3e:00:00:01" already defined on another NIC', "Another instance has it on this network"),
        ('Instance DNS name "web" already used on network', "An instance of this name, perhaps in another project"),
        (
            'Instance DNS name "web" conflict between "eth0" and "eth1"',
            "An instance of this name, perhaps in another project",
        ),
        (
            'Forward listen address "10.0.0.1/32" overlaps with another network or NIC',
            "Another network, NIC, forward or proxy has this address",
        ),
        (
            'Listen address "10.0.0.1" conflicts with existing network forward',
            "Another network, NIC, forward or proxy has this address",
        ),
        ('Parent interface "eth1" in use by another network', "An interface is for one network only"),
        ('External interface "eth1" already in use', "An interface is for one network only"),
        ('Network interface "br1" already exists', "The host has an interface or a route of this kind already"),
        (
            "Failed to run: ip route add 10.9.0.0/24: RTNETLINK answers: File exists",
            "The host has an interface or a route of this kind already",
        ),
        ("Instance is running", "Stop it first"),
        ("Instance must be stopped to be moved", "Stop it first"),
        ("No space left on device", "Free space"),
        ("not enough space in the group", "Free space"),
        ("disk quota exceeded", "Free space"),
        (
            "Failed idmapped storage: lstat /x: no such file or directory",
            "A daemon that died while creating it left it without storage",
        ),
        ("Instance storage pool not found", "A daemon that died while creating it left it without storage"),
        ("Could not get subvolume flags", "A daemon that died while creating it left a plain directory"),
        (
            "ERROR: Not a Btrfs subvolume: Invalid argument",
            "A daemon that died while creating it left a plain directory",
        ),
        (
            "Failed generating auto config: Failed to automatically find an unused IPv4 subnet, manual configuration "
            "required",
            "Every subnet that it tried",
        ),
        ("unused IPv6 subnet", "Every subnet that it tried"),
        ("Cluster member is evacuated", "Restore it with cloudhost.lxd.cluster_member"),
        ("not authorized", "This client is limited to some projects"),
        ("Certificate is restricted", "This client is limited to some projects"),
        ("User does not have permission for project", "This client is limited to some projects"),
        ("Only the certificate can be changed", "This client is limited to some projects"),
        ("Unauthenticated image queries are not allowed", "This client is limited to some projects"),
        (
            'Get "https://10.0.0.1/streams/v1/index.json": x509: certificate signed by unknown authority',
            "The certificate of that server is not the one in lxd_remotes",
        ),
        (
            "Hash mismatch for https://10.0.0.1/images/a.squashfs: a != b",
            "A file of the image server is not the one in its index",
        ),
        ("Instance is protected", "Unset security.protection.delete"),
        ("Instance has deletion protection", "Unset security.protection.delete"),
        (
            "Failed to run: rbd --id lxd --cluster ceph --pool lxd map custom_default_v1: exit status 2 (sh: 1: "
            "/sbin/modinfo: not found\nrbd: failed to load rbd kernel module (127)\nrbd: map failed)",
            "The kernel has no RBD, which each volume and each instance on a pool of Ceph needs",
        ),
        (
            'Failed to mount "10.0.0.1:6789:/" on "/tmp/mount" using "ceph": no such device',
            "The kernel has no file system ceph",
        ),
        (
            "Failed to run: ceph --name client.lxd --cluster ceph osd pool delete lxd lxd "
            "--yes-i-really-really-mean-it: exit status 13 (Error EACCES: access denied)",
            "The Ceph client of this pool may not create or delete pools",
        ),
        (
            "Pool 'lxd' in cluster 'ceph' seems to be in use by another LXD instance. Use 'ceph.osd.force_reuse=true' "
            "to force",
            "If no other server uses it, set ceph.osd.force_reuse",
        ),
        ("Failed to run: zpool create x: exit status 1", "The storage tool or its kernel support"),
        *[(f"Failed to run: {tool} x: exit status 1", "The storage tool or its kernel support") for tool in STORAGE],
        ("Unknown configuration key: foo", "Correct or remove the key"),
        ("Invalid config: x", "Correct or remove the key"),
        ("Invalid option for volume", "Correct or remove the key"),
        ("Invalid configuration", "Correct or remove the key"),
        ("invalid option", "Correct or remove the key"),
    ],
)
def test_an_error_says_what_where_why_and_what_to_do(client, text, hint):
    client.trouble = [ServerError("whatever", 400, text)]
    with pytest.raises(LXDError) as caught:
        converge(profile(client))
    assert str(caught.value).startswith(f"Failed to create profile web on lxd 6.1 at memory: {text}. {hint}")


def test_an_error_nobody_knows_has_no_hint(client):
    client.trouble = [ServerError("whatever", 400, "Something odd.")]
    with pytest.raises(LXDError) as caught:
        converge(profile(client))
    assert str(caught.value) == "Failed to create profile web on lxd 6.1 at memory: Something odd."


@pytest.mark.parametrize(
    "exc", [DeadlineExceeded("The timeout is over."), ConnectionFailed("no answer", permanent=True)]
)
def test_other_failures_say_what_was_tried(client, exc):
    client.trouble = [exc]
    with pytest.raises(type(exc), match=f"^Failed to create profile web: {exc}"):
        converge(profile(client))


def test_hints_are_looked_up_in_the_servers_words_only(client):
    """The name of a thing may be anything, is-running included."""
    exc = ServerError("is running", 400, "Something odd")
    assert "Stop it first" not in _converge.explain("Failed to create profile is-running", profile(client), exc)
