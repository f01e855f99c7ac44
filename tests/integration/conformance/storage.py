# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of storage pools and of what is in them."""

from __future__ import annotations

from .entry import EMPTY, Entry

VOLUME = {"type": "disk", "pool": "default", "source": "suite", "path": "/srv"}

ENTRIES = {
    "storage_bucket": Entry(
        key={"pool": "default", "name": "suite"},
        changes={"description": "of the suite", "config": {"size": "64MiB"}},
        bad={
            "name": ("Suite", ("name", "'Suite'", "lower-case")),
            "config": ({"size": "lots"}, ("config.size", "'lots'", "10GiB")),
        },
        etag=(),
        served="storage_bucket_full",
    ),
    "storage_bucket_key": Entry(
        key={"pool": "default", "bucket": "suite", "name": "reader"},
        changes={"description": "of the suite", "role": "admin", "access_key": "A" * 20, "secret_key": "S" * 40},
        unset={"role": "read-only", "access_key": None, "secret_key": None},
        bad={"name": ("a b", ("name", "'a b'", "no space"))},
        needs=(("storage_bucket", {"pool": "default", "name": "suite"}),),
        theirs={"role": "admin"},
        etag=(),
        served="storage_bucket_full",
        remade=False,  # its secrets are in no document
    ),
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
        etag=("incus",),
        users=(("instance", {"name": "user", "pool": "suite", **EMPTY}),),
    ),
    "storage_volume": Entry(
        key={"pool": "default", "name": "suite"},
        new={"config": {"size": "64MiB"}},
        changes={"description": "of the suite", "config": {"security.shifted": True, "snapshots.expiry": "2d"}},
        bad={
            "name": ("a b", ("name", "'a b'", "no space")),
            "config": ({"size": "lots"}, ("config.size", "'lots'", "10GiB")),
            "source": ({"type": "copy", "name": "nobody"}, ("source.name", "'nobody'")),
        },
        renamed="suite9",
        fixed={"content_type": "block"},
        users=(("instance", {"name": "user", "devices": {"d": VOLUME}, **EMPTY}),),
    ),
    "storage_volume_snapshot": Entry(
        key={"pool": "default", "volume": "suite", "name": "s1"},
        changes={"description": "of the suite", "expires_at": "2031-01-01T00:00:00Z"},
        bad={"name": ("a/b", ("name", "'a/b'", "no slash"))},
        needs=(("storage_volume", {"pool": "default", "name": "suite"}),),
        renamed="s2",
        theirs={"expires_at": "2032-01-01T00:00:00Z"},
    ),
}
