# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server lacks of another one, of another product, and in which groups the rest can move."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import COPY, MOVING
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.copied_document import CopiedDocument, Names
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_copy import ServerCopy, _Groups
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._converted import converted
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.view import View
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient

ROOT = {"type": "disk", "path": "/", "pool": "default"}
SOURCE = {"server": {"url": "https://old:8443", "server_fingerprint": "a" * 64}}
OPTIONS = {"projects": None, "kinds": None, "include": None, "exclude": None}


@pytest.fixture
def pair(monkeypatch):
    """Views of LXD, which has something, and of Incus."""
    for path in ("/1.0/images", "/1.0/images/aliases", "/1.0/storage-pools/default/volumes/custom"):
        monkeypatch.setitem(DEFAULTS, path, {})
    old, new = MemoryClient(Memory()), MemoryClient(Memory())
    new.implementation = "incus"
    for one in (old, new):
        one.memory.put("/1.0/projects/default", config={"features.images": "true"})
    old.memory.put("/1.0/storage-pools/default", driver="dir", config={"source": "/srv/pool", "rsync.bwlimit": "1MB"})
    return old, new


def document(pair, pools=None, networks=None, **options):
    old, new = pair
    names = Names(pools or {}, networks or {})
    return CopiedDocument(View(old, KINDS), View(new, KINDS), names, SOURCE, {**OPTIONS, **options})


def groups(pair, pools=None, **options):
    class Work:
        there, here = View(pair[0], KINDS), View(pair[1], KINDS)
        names, params = Names(pools or {}, {}), {**OPTIONS, **options}

    return _Groups(Work).found()


def test_keys_of_the_other_product_are_renamed_or_lost():
    devices = {"eth0": {"type": "nic", "network": "n", "maas.subnet.ipv4": "a"}, "gone": None}
    config = {"security.devlxd": "true", "limits.network.priority": "1", "boot.mode": "uefi-nosecureboot", "user.a": ""}
    made, lost = converted("profile", {"config": {**config, "new.key": "1"}, "devices": devices}, "lxd", "incus")
    assert made["config"] == {
        "security.guestapi": "true", "security.secureboot": "false", "user.a": "", "new.key": "1",
    }  # fmt: skip
    assert made["devices"] == {"eth0": {"type": "nic", "network": "n"}, "gone": None}
    assert lost == ["config.limits.network.priority", "devices.eth0.maas.subnet.ipv4"]
    back, lost = converted(
        "profile", {"config": {"security.guestapi": "true", "limits.memory.hotplug": "1GiB"}}, "incus", "lxd"
    )
    assert (back["config"], lost) == ({"security.devlxd": "true"}, ["config.limits.memory.hotplug"])


def test_a_pool_is_created_anew_and_not_where_the_other_one_is(pair):
    made = document(pair)
    assert made.definition["storage_pools"] == [
        {"name": "default", "driver": "dir", "config": {"rsync.bwlimit": "1MB"}}
    ]
    assert "storage_pools" not in document(pair, pools={"default": "fast"}).definition


def test_a_pool_that_is_not_on_the_host_has_to_be_named(pair):
    pair[0].memory.put("/1.0/storage-pools/remote", driver="ceph", config={})
    with pytest.raises(InvalidInput, match="pools: storage_pool 'remote' .* is not on its host"):
        document(pair)
    document(pair, pools={"remote": "fast"})
    pair[1].memory.put("/1.0/storage-pools/remote", driver="ceph", config={})
    document(pair)


def test_profiles_get_the_names_of_the_other_server(pair):
    devices = {"root": ROOT, "eth0": {"type": "nic", "nictype": "bridged", "parent": "lxdbr0"}}
    pair[0].memory.put("/1.0/profiles/web", config={"environment.PASSWORD": "x"}, devices=devices)
    made = document(pair, pools={"default": "fast"}, networks={"lxdbr0": "incusbr0"}).definition["profiles"][0]
    assert made["devices"]["root"]["pool"] == "fast"
    assert made["devices"]["eth0"]["parent"] == "incusbr0"
    assert made["config"] == {"environment.PASSWORD": "x"}, "secrets go along"


def test_an_image_comes_from_the_other_server(pair):
    alias, plain = "a" * 64, "b" * 64
    pair[0].memory.put(f"/1.0/images/{alias}", fingerprint=alias, aliases=[{"name": "site"}], auto_update=True)
    pair[0].memory.put(f"/1.0/images/{plain}", fingerprint=plain, aliases=[])
    images = {one["name"]: one for one in document(pair).definition["images"]}
    assert images["site"]["source"] == {**SOURCE, "alias": "site"}
    assert images[plain]["source"] == {**SOURCE, "fingerprint": plain}
    assert "auto_update" not in images["site"]


def test_what_is_about_the_host_is_not_copied(pair):
    keys = {"core.https_address": ":8443", "core.trust_password": "x", "images.auto_update_interval": "6"}
    pair[0].memory.objects["/1.0"]["config"] = keys
    assert document(pair).definition["config"] == {"images.auto_update_interval": "6"}


def machine(pair, name, status="Stopped", config=None, **devices):
    used = {
        key: {"type": "disk", "pool": "default", "source": volume, "path": f"/{key}"} for key, volume in devices.items()
    }
    pair[0].memory.put(
        f"/1.0/instances/{name}", name=name, type="container", status=status, config=config or {}, devices=used,
        expanded_devices={"root": ROOT, **used}, location="none",
    )  # fmt: skip


def volume(pair, name, side=0, pool="default", **facts):
    path = f"/1.0/storage-pools/{pool}/volumes/custom/{name}"
    facts = {"type": "custom", "content_type": "filesystem", "location": "none", "config": {}, **facts}
    pair[side].memory.put(path, name=name, **facts)


def test_instances_that_share_a_volume_move_together(pair):
    for name in ("a", "b", "c"):
        volume(pair, name)
    machine(pair, "i1", one="a")
    machine(pair, "i2", one="b", two="c")
    machine(pair, "i3", "Running", one="c", two="a")
    machine(pair, "i4", config={MOVING: "started"})
    volume(pair, "alone")
    volume(pair, "medium", content_type="iso")
    found, left = groups(pair)
    shown = [
        ([one["name"] for one in group["instances"]], [one["name"] for one in group["volumes"]]) for group in found
    ]
    assert sorted((sorted(instances), sorted(volumes)) for instances, volumes in shown) == [
        ([], ["alone"]),
        (["i1", "i2", "i3"], ["a", "b", "c"]),
        (["i4"], []),
    ]
    ran = {one["name"]: one["ran"] for group in found for one in group["instances"]}
    assert ran == {"i1": False, "i2": False, "i3": True, "i4": True}
    assert [one["name"] for one in left] == ["default/medium"]
    assert [group["name"] for group in found if not group["instances"]] == ["storage_volume default/alone"]


def test_devices_of_volumes_come_with_the_volumes(pair):
    volume(pair, "a")
    machine(pair, "i1", one="a")
    (group,), _left = groups(pair, pools={"default": "fast"})
    disk = {"type": "disk", "pool": "fast", "source": "a", "path": "/one"}
    assert group["instances"][0]["devices"] == {"one": disk}
    assert group["instances"][0]["devices_before"] == {"one": None}
    assert group["volumes"][0] == {
        "pool": "fast", "name": "a", "project": "default", "source_pool": "default", "moved": False,
    }  # fmt: skip


def test_what_has_moved_is_known_by_its_mark(pair):
    volume(pair, "a")
    machine(pair, "i1", one="a")
    pair[1].memory.put("/1.0/storage-pools/default", driver="dir")
    volume(pair, "a", side=1, config={COPY: "moved u"})
    assert [one["moved"] for one in groups(pair)[0]] == [False]
    pair[1].memory.put("/1.0/instances/i1", name="i1", type="container", status="Running", config={COPY: "moved u"})
    assert [one["moved"] for one in groups(pair)[0]] == [True]
    assert groups(pair, exclude=["i*", "default/*"])[0] == []


def test_options_that_name_nothing_are_refused(pair):
    for given, words in (({"parallel": 0}, "parallel: 0"), ({"kinds": ["profil"]}, "Did you mean 'profile'")):
        with pytest.raises(InvalidInput, match=words):
            ServerCopy.run(pair[1], {"source": SOURCE, "parallel": 8, **OPTIONS, **given}, True)
