# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input is refused before anything is changed, in check mode as for real, with option, value and remedy in the
words.
"""

from __future__ import annotations

import os

import pytest
from integration.modules import ModuleFailed

NEW = {"image": "debian/12", "state": "present"}
REFUSED = [
    # module, arguments, words that the error must have
    ("storage_pool", {"name": "p", "driver": "zfs"}, ["driver", "'zfs'", "not available", "kernel modules"]),
    ("storage_pool", {"name": "p"}, ["'driver' is needed"]),
    ("storage_pool", {"name": "default", "driver": "dir"}, ["driver is 'btrfs'", "'dir' is wanted", "recreate: true"]),
    (
        "storage_pool",
        {"name": "default", "config": {"source": "/dev/sdz9"}},
        ["config.source", "/dev/sdz9", "recreate: true"],
    ),
    (
        "storage_pool",
        {"name": "default", "config": {"size": "1GiB"}},
        ["config.size", "8GiB", "1GiB", "cannot be shrunk"],
    ),
    (
        "storage_pool",
        {"name": "p", "driver": "btrfs", "config": {"size": "10 gigs"}},
        ["config.size", "'10 gigs'", "10GiB"],
    ),
    ("network", {"name": "br/0"}, ["name", "'br/0'", "2 to 15"]),
    ("network", {"name": "lxdbr0", "type": "macvlan"}, ["type is 'bridge'", "'macvlan' is wanted", "recreate: true"]),
    ("network", {"name": "lo"}, ["'lo'", "interface of the host", "another name"]),
    (
        "network",
        {"name": "net9", "type": "macvlan", "config": {"parent": "lxdbr1"}},
        ["config.parent", "'lxdbr1'", "Did you mean 'lxdbr0'?"],
    ),
    (
        "network",
        {"name": "net9", "config": {"ipv4.address": ["10.0.0.1/24"]}},
        ["config.ipv4.address", "not a list", "commas"],
    ),
    (
        "profile",
        {"name": "p", "devices": {"root": {"type": "disk", "path": "/", "pool": "defualt"}}},
        ["devices.root.pool", "'defualt'", "'default'"],
    ),
    (
        "profile",
        {
            "name": "p",
            "devices": {"eth0": {"type": "nic", "nictype": "bridged", "parent": "lxdbr1", "ipv4.address": "10.0.0.9"}},
        },
        ["devices.eth0.parent", "'lxdbr0'"],
    ),
    ("profile", {"name": "p", "devices": {"a b": {"type": "none"}}}, ["'a b'", "slashes", "1 to 64"]),
    (
        "profile",
        {"name": "p", "devices": {"kvm": {"type": "unix-char", "source": "/dev/kvm", "mode": 0o660}}},
        ["devices.kvm.mode", "432", "quote it"],
    ),
    (
        "profile",
        {"name": "p", "devices": {"eth0": {"type": "nic", "network": "lxdbr0", "hwaddr": 7999999}}},
        ["devices.eth0.hwaddr", "quote it"],
    ),
    (
        "profile",
        {"name": "p", "config": {"cloud-init.user-data": {"packages": []}}},
        ["config.cloud-init.user-data", "to_nice_yaml"],
    ),
    ("instance", {"name": "-bad", **NEW}, ["name", "'-bad'", "starting with a letter"]),
    ("instance", {"name": "a" * 64, **NEW}, ["name", "1 to 63"]),
    ("instance", {"name": "x", "image": "debian/21"}, ["image", "'debian/21'", "Did you mean 'debian/12'?"]),
    ("instance", {"name": "x", "image": "imges:debian/12"}, ["image", "'imges'", "Did you mean 'images'?"]),
    ("instance", {"name": "x", "image": "images:"}, ["image", "images:debian/12"]),
    ("instance", {"name": "x", "image": "0123456789abcdef"}, ["image", "'0123456789abcdef'"]),
    ("instance", {"name": "x"}, ["image", "does not exist yet", "source: {type: none}"]),
    ("instance", {"name": "x", "source": {"type": "copy", "source": "nobody"}}, ["source.source", "'nobody'"]),
    ("instance", {"name": "x", "source": {"type": "clone"}}, ["source.type", "'clone'", "copy"]),
    (
        "instance",
        {"name": "x", "source": {"type": "backup", "file": "/no/such.tar"}},
        ["source.file", "'/no/such.tar'"],
    ),
    ("instance", {"name": "x", **NEW, "pool": "slow"}, ["devices.root.pool", "'slow'", "default"]),
    (
        "instance",
        {
            "name": "x",
            "image": "debian/12",
            "devices": {"eth0": {"type": "nic", "nictype": "bridged", "parent": "lxdbr1"}},
        },
        ["devices.eth0.parent", "'lxdbr1'", "'lxdbr0'"],
    ),
    ("instance", {"name": "x", **NEW, "devices": {"rot": {"size": "1GiB"}}}, ["devices.rot", "'root'", "type"]),
    (
        "instance",
        {"name": "x", **NEW, "devices": {"root": {"size": "1 GB of disk"}}},
        ["devices.root.size", "'1 GB of disk'", "10GiB"],
    ),
    ("image", {"name": "i", "file": "/no/such.tar.gz"}, ["file", "'/no/such.tar.gz'"]),
    ("image", {"name": "i"}, ["'i'", "remote, source, file or instance"]),
    ("image", {"name": "i", "instance": "nobody"}, ["instance", "'nobody'"]),
    ("image", {"name": "i", "remote": "nowhere:x"}, ["remote", "'nowhere'"]),
    ("image_alias", {"name": "al"}, ["'fingerprint' says which image"]),
    ("server", {"config": {"core.https_address": {"a": 1}}}, ["config.core.https_address", "not a dict"]),
    ("resource_info", {"kind": "instance_snapshot"}, ["parent", "'instance_snapshot'"]),
    ("profile", {"name": "p", "url": "http://localhost"}, ["url", "'http://localhost'", "https://host:8443"]),
    ("profile", {"name": "p", "url": "unix://relative/socket"}, ["url", "absolute path"]),
    ("profile", {"name": "p", "url": "unix:///no/such/folder/unix.socket"}, ["no such socket", "'url'"]),
    ("profile", {"name": "p", "url": "unix:///var/tmp/not-there.socket", "timeout": 2}, ["no such socket", "'url'"]),
    ("profile", {"name": "p", "timeout": 0}, ["timeout", "0", "seconds"]),
    (
        "profile",
        {"name": "p", "url": "https://127.0.0.1:1", "server_fingerprint": "abc"},
        ["server_fingerprint", "'abc'", "64"],
    ),
    (
        "profile",
        {"name": "p", "url": "https://127.0.0.1:1", "server_cert": "/no/such.crt"},
        ["server_cert", "'/no/such.crt'"],
    ),
    (
        "profile",
        {"name": "p", "url": "https://127.0.0.1:1", "trust_token": "not-a-token"},
        ["trust_token", "config trust add"],
    ),
]


@pytest.mark.parametrize(
    ("module", "arguments", "words"), REFUSED, ids=[f"{case[0]}-{number}" for number, case in enumerate(REFUSED)]
)
def test_refused(server, module: str, arguments: dict[str, object], words: list[str]) -> None:
    message = server.fails(module, **arguments)
    assert [word for word in words if word not in message] == [], message


def test_there_are_enough() -> None:
    assert len(REFUSED) >= 40


def test_type_and_moves_of_an_instance(api, running: str) -> None:
    for arguments, words in (
        ({"type": "virtual-machine"}, ["type is 'container'", "'virtual-machine' is wanted", "recreate: true"]),
        ({"new_name": "other"}, ["is Running", "restart: if_required"]),
        ({"pool": "slow"}, ["pool", "'slow'"]),
        ({"new_project": "nowhere"}, ["new_project", "'nowhere'"]),
    ):
        message = api.fails("instance", name=running, **arguments)
        assert [word for word in words if word not in message] == [], message
    assert "has no snapshot 'gone'" in api.fails("instance_snapshot", instance=running, name="gone", state="restored")
    api.run("instance", name="taken", image="debian/12", state="present")
    assert "'taken' in project" in api.fails("instance", name=running, new_name="taken")


def test_missing_extension(api, running: str) -> None:
    if api.has("instances_rebuild"):
        assert api.run("instance", name=running, state="rebuilt", image="busybox")["changed"] is False
        return
    message = api.fails("instance", name=running, state="rebuilt", image="busybox")
    assert "needs the extension 'instances_rebuild'" in message
    assert "lxd 5.0" in message


def test_the_servers_own_refusal_is_explained(api) -> None:
    before = api.query("/1.0/profiles/default")
    with pytest.raises(ModuleFailed, match="Failed to update profile default") as caught:
        api.run("profile", name="default", config={"no.such.key": 1})
    assert "no.such.key" in str(caught.value)
    assert "Correct or remove the key" in str(caught.value)
    assert api.query("/1.0/profiles/default") == before


def test_permission_denied(server) -> None:
    """The daemon's own socket, as somebody who may not open it."""
    server.run("profile", name="default")  # what has to be imported is
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        with pytest.raises(ModuleFailed, match="permission denied.*become: true"):
            server.run("profile", name="default", url=server.daemon.url)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
