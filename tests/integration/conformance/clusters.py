# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of what only clusters have."""

from __future__ import annotations

from .entry import Entry

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
}
