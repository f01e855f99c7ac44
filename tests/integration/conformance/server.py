# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of projects."""

from __future__ import annotations

from .entry import EMPTY, Entry

ROOT = {"root": {"type": "disk", "path": "/", "pool": "default"}}

ENTRIES = {
    "project": Entry(
        key={"name": "suite"},
        new={"config": {"features.images": False, "features.profiles": False}},
        changes={"description": "of the suite", "config": {"limits.instances": 3}},
        bad={
            "name": ("my_project", ("name", "'my_project'", "underscore")),
            "config": ({"limits.instances": -1}, ("config.limits.instances", "'-1'")),
        },
        renamed="suite9",
        users=(("instance", {"name": "user", "project": "suite", **EMPTY}),),
    ),
}
