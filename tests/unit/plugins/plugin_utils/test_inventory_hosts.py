# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory plugin looks up by itself is what Jinja would find; the rest is left to Jinja."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._inventory_hosts import looked_up

VARIABLES = {"lxd_name": "web1", "lxd_config": {"user.role": "web", "user.empty": ""}, "lxd_addresses": ["10.0.0.1"]}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lxd_name", "web1"),
        ("lxd_config['user.role']", "web"),
        ('lxd_config["user.role"]', "web"),
        ("lxd_config['user.empty']", ""),
        ("lxd_addresses", ["10.0.0.1"]),
        ("lxd_config['user.none']", None),
        ("none", None),
        ("'lxd_name'", None),
        ("lxd_config['user.role\"]", None),
        ("lxd_config['items']", None),
        ("lxd_addresses['items']", None),
        ("lxd_name | upper", None),
        ("lxd_name ~ lxd_name", None),
        (7, None),
    ],
)
def test_looked_up(expression, value) -> None:  # type: ignore[no-untyped-def]
    assert looked_up(expression, VARIABLES) == value
