# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of what only clusters have."""

from __future__ import annotations

from .entry import EMPTY, Entry

SPREAD = {"policy": "spread", "rigor": "permissive"}
LINK = {"name": "suite", "auth_groups": []}

ENTRIES = {
    "cluster_group": Entry(
        key={"name": "suite"},
        changes={"description": "of the suite", "members": ["node1"]},
        bad={
            "name": ("a_b", ("name", "'a_b'", "underscore")),
            "members": (["nobody"], ("members", "'nobody'", "node1")),
        },
        renamed="suite9",
        theirs={"members": ["node1"]},
        etag=(),
        place="cluster",
    ),
    "cluster_link": Entry(
        key={"name": "suite"},
        changes={"description": "of the suite", "config": {"user.a": 1}},
        bad={
            "name": ("a&b", ("name", "'a&b'", "ampersand")),
            "config": ({"a": []}, ("config.a", "not a list")),
        },
        renamed="suite9",
        fixed={"type": "bidirectional"},
        users=(("replicator", {"name": "user", "config": {"cluster": "suite"}}),),
        place="cluster",
    ),
    "placement_group": Entry(
        key={"name": "suite"},
        new={"config": SPREAD},
        changes={"description": "of the suite", "config": {"user.a": 1}},
        bad={
            "name": ("a b", ("name", "'a b'", "dashes")),
            "config": ({**SPREAD, "policy": "spred"}, ("config.policy", "Did you mean 'spread'?")),
        },
        renamed="suite9",
        users=(("instance", {"name": "user", "config": {"placement.group": "suite"}, **EMPTY}),),
        place="cluster",
    ),
    "replicator": Entry(
        key={"name": "suite"},
        new={"config": {"cluster": "suite"}},
        changes={"description": "of the suite", "config": {"schedule": "@daily"}},
        bad={
            "name": ("a b", ("name", "'a b'", "dashes")),
            "config": ({"cluster": "nobody"}, ("config.cluster", "'nobody'")),
        },
        needs=(("cluster_link", LINK),),
        renamed="suite9",
        place="cluster",
    ),
}
