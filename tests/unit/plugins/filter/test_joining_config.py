# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that are meant for every member, told to one that joins."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.filter.joining_config import joining_config
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput


def entry(entity: str, name: str, key: str, value: Any) -> dict[str, Any]:
    return {"entity": entity, "name": name, "key": key, "value": value}


def test_what_stands_in_config_is_told_and_what_the_server_has_of_its_own_wins() -> None:
    pools = [
        {"name": "local", "config": {"source": "/mnt", "size": 5, "rsync.compression": False, "volatile.x": None}},
        {"name": "plain"},
    ]
    networks = [{"name": "local", "config": {"parent": "eth0"}}, {"name": "none", "config": None}]
    own = [entry("storage-pool", "local", "source", "/srv"), entry("network", "wan", "parent", "eth1")]
    assert joining_config(own, pools, networks) == [
        entry("storage-pool", "local", "source", "/srv"),
        entry("storage-pool", "local", "size", "5"),
        entry("storage-pool", "local", "rsync.compression", "false"),
        entry("network", "local", "parent", "eth0"),
        entry("network", "wan", "parent", "eth1"),
    ]
    assert joining_config([], [], []) == []


def test_what_the_api_has_no_words_for_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"local.source: a value is a string"):
        joining_config([], [{"name": "local", "config": {"source": ["/mnt"]}}], [])
