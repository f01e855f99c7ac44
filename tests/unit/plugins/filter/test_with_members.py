# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of members, moved to what they are keys of."""

from __future__ import annotations

from ansible_collections.cloudhost.lxd.plugins.filter.with_members import with_members

OWN = {
    "node1": [
        {"entity": "storage-pool", "name": "local", "key": "source", "value": "/dev/sda"},
        {"entity": "storage-pool", "name": "local", "key": "zfs.pool_name", "value": "tank"},
        {"entity": "network", "name": "local", "key": "parent", "value": "eth0"},
    ],
    "node2": [{"entity": "storage-pool", "name": "local", "key": "source", "value": "/dev/sdb"}],
    "node3": [],
}


def test_keys_go_to_what_has_their_entity_and_name() -> None:
    pools = [{"name": "local", "driver": "zfs"}, {"name": "remote", "driver": "ceph"}]
    assert with_members(pools, "storage-pool", OWN) == [
        {
            "name": "local",
            "driver": "zfs",
            "members": {"node1": {"source": "/dev/sda", "zfs.pool_name": "tank"}, "node2": {"source": "/dev/sdb"}},
        },
        {"name": "remote", "driver": "ceph"},
    ]
    assert with_members([{"name": "local"}], "network", OWN) == [
        {"name": "local", "members": {"node1": {"parent": "eth0"}}}
    ]


def test_what_is_given_stays_as_it_is() -> None:
    pools = [{"name": "local"}]
    assert with_members(pools, "storage-pool", OWN) != pools == [{"name": "local"}]
    assert with_members([], "network", OWN) == with_members([], "network", {}) == []


def test_of_whom_nothing_is_known_keeps_what_it_has() -> None:
    pools = [{"name": "local", "config": {"size": "1GiB"}}, {"name": "bare"}]
    assert with_members(pools, "storage-pool", {**OWN, "node9": None}) == [
        {
            **pools[0],
            "members": {
                "node9": None,
                "node1": {"source": "/dev/sda", "zfs.pool_name": "tank"},
                "node2": {"source": "/dev/sdb"},
            },
        },
        {"name": "bare"},
    ]
