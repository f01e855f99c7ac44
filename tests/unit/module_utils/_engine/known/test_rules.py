# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typical mistakes are found, and nothing that is right: tests/integration/test_known.py asks the daemons the same."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import rules
from ansible_collections.cloudhost.lxd.tests.unit.known_cases import (
    PROXY,
    RIGHT_DEVICES,
    RIGHT_VALUES,
    ROOT,
    UNKNOWN_KEYS,
    WRONG_DEVICES,
    WRONG_VALUES,
)

pytestmark = pytest.mark.parametrize("product", ["lxd", "incus"])


def wrong(product, device):
    return rules.wrong_device(product, "d", device, device)


@pytest.mark.parametrize(("kind", "sort", "key", "value", "words"), WRONG_VALUES)
def test_a_wrong_value_is_an_error(product, kind, sort, key, value, words):
    (error,) = rules.wrong_values(product, rules.texts_of(kind, sort), "config", {key: value})
    assert error.startswith(f"config.{key}: '{value}' is not ") and words in error


@pytest.mark.parametrize(("kind", "sort", "key", "value"), RIGHT_VALUES)
def test_a_right_value_is_none(product, kind, sort, key, value):
    texts = rules.texts_of(kind, sort)
    assert rules.wrong_values(product, texts, "config", {key: value}) == []
    assert rules.unknown_keys(product, texts, {key: value}) == []


@pytest.mark.parametrize(("device", "words"), WRONG_DEVICES)
def test_a_wrong_device_is_an_error(product, device, words):
    (error,) = wrong(product, device)
    assert error.startswith("devices.d.") and words in error


@pytest.mark.parametrize("device", RIGHT_DEVICES)
def test_a_right_device_is_none(product, device):
    assert wrong(product, device) == []
    assert rules.unknown_keys(product, rules.device_texts(device), device) == []


@pytest.mark.parametrize(("kind", "sort", "key", "meant"), UNKNOWN_KEYS)
def test_an_unknown_key_is_a_warning_with_the_nearest(product, kind, sort, key, meant):
    texts = rules.texts_of(kind, sort)
    assert rules.unknown_keys(product, texts, {key: "1"}) == [key]
    assert f"Did you mean '{meant}'?" in rules.warning(product, texts, "config", key)
    assert rules.wrong_values(product, texts, "config", {key: "1"}) == []


def test_a_key_of_the_other_product_is_named_as_such(product):
    key = {"lxd": "security.guestapi", "incus": "security.devlxd"}[product]
    words = rules.warning(product, rules.texts_of("instance", ""), "config", key)
    assert {"lxd": "belongs to Incus", "incus": "belongs to LXD"}[product] in words


def test_there_are_enough(product):
    assert len(WRONG_VALUES) + len(WRONG_DEVICES) + len(UNKNOWN_KEYS) >= 60
    assert len(RIGHT_VALUES) + len(RIGHT_DEVICES) >= 90


def test_what_is_not_written_is_not_looked_at(product):
    odd = {"type": "nic", "nictype": "p2p", "hwaddr": "odd"}
    assert rules.changed_devices({"d": odd}, {"d": odd}) == []
    ((name, device, written),) = rules.changed_devices({"d": odd}, {"d": {**odd, "name": "eth0"}})
    assert written == {"name": "eth0"}
    assert rules.wrong_device(product, name, device, written) == []


def test_a_device_that_turns_into_another_is_looked_at_whole(product):
    before = {"type": "nic", "nictype": "p2p", "mtu": "1500"}
    ((_name, _device, written),) = rules.changed_devices({"d": before}, {"d": {**before, "nictype": "routed"}})
    assert written == {"type": "nic", "nictype": "routed", "mtu": "1500"}


def not_one(given, own):
    return rules.not_one_root(rules.roots(given, own), [name for name, _devices in given])


def test_an_instance_has_one_root_disk(product):
    web = ("web", {"root": ROOT})
    assert not_one([web], {}) == not_one([], {"root": ROOT}) == not_one([web], {"root": ROOT}) == ""
    assert "root (profile 'web') and disk (the instance)" in not_one([web], {"disk": ROOT})
    assert "root (profile 'web') and other (profile 'db')" in not_one([web, ("db", {"other": ROOT})], {})
    assert not_one([web], {"root": {"type": "none"}, "disk": ROOT}) == ""
    assert "no root disk, and none of its profiles (web, db) has one" in not_one(
        [web, ("db", {})], {"root": {"type": "none"}}
    )
    assert "there would be no root disk. Give it one" in not_one([], None)
    assert "profiles of the project 'lab' (default)" in rules.not_one_root({}, ["default"], "lab")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "#cloud-config\n{}",
        "\n #Cloud-Config\n",
        "#!/bin/sh",
        "## template: jinja\n#cloud-config",
        "#include\nhttps://x",
        "From: me\nMIME-Version: 1.0",
    ],
)
def test_data_that_cloud_init_knows(product, data):
    texts = rules.texts_of("profile", "")
    assert rules.ignored_user_data(texts, "config", {"cloud-init.user-data": data, "user.user-data": data}) == []


def test_data_that_cloud_init_ignores(product):
    data = {"cloud-init.user-data": "packages: [nginx]", "user.vendor-data": "# cloud-config", "user.note": "x"}
    texts = rules.texts_of("instance", "")
    user, vendor = rules.ignored_user_data(texts, "config", data)
    assert user.startswith("config.cloud-init.user-data: ") and "'#cloud-config'" in user
    assert vendor.startswith("config.user.vendor-data: ")
    assert rules.ignored_user_data(rules.texts_of("project", ""), "config", data) == []


def test_two_disks_have_not_the_same_path(product):
    (error,) = rules.same_paths({}, {"root": ROOT, "other": ROOT})
    assert "devices.other.path: the disks root and other have the same path '/'" in error
    both = {"a": {"type": "disk", "path": "/srv"}, "b": {"type": "disk", "path": "/srv"}}
    assert rules.same_paths(both, both) == [] and len(rules.same_paths({}, both)) == 1
    assert rules.same_paths({}, {"a": PROXY, "root": ROOT}) == []
