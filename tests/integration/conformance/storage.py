# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of storage pools and of what is in them."""

from __future__ import annotations

from .entry import EMPTY, Entry

ENTRIES = {
    "storage_pool": Entry(
        key={"name": "suite"},
        new={"driver": "dir"},
        changes={"description": "of the suite", "config": {"volume.size": "1GiB", "rsync.bwlimit": "1MiB"}},
        bad={
            "name": ("a/b", ("name", "'a/b'", "no slash")),
            "driver": ("btrsf", ("driver", "'btrsf'", "Did you mean 'btrfs'?")),
            "config": ({"rsync.compression": "fast"}, ("config.rsync.compression", "'fast'", "a boolean")),
            "members": ({"nobody": {"source": "/srv"}}, ("members", "not clustered")),
        },
        fixed={"driver": "btrfs"},
        users=(("instance", {"name": "user", "pool": "suite", **EMPTY}),),
    ),
}
