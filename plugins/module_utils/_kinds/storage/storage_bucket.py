# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Buckets that the daemon serves over S3."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Map, Text
from ._in_pool import InPool

#: Drivers of pools without buckets, as the daemons have it in `Buckets` of internal/server/storage/drivers.
_WITHOUT = ("ceph", "cephfs", "linstor", "truenas", "alletra", "powerflex", "powerstore", "pure")


class StorageBucket(InPool):
    """`/1.0/storage-pools/POOL/buckets`. The server makes each with a key `admin`."""

    kind = "storage_bucket"
    path = "/1.0/storage-pools/{pool}/buckets"
    extension = "storage_buckets"
    feature = "storage.buckets"
    copied = False
    fields = (Text("description"), Map("config"))
    options = {"pool": {"type": "str", "required": True}}
    refers = {"pool": "storage_pool"}
    server_keys = ("volatile.*", "size")  # the servers copy what the pool has as `volume.size`
    name_rule = (
        r"[a-z0-9][-.a-z0-9]{2,62}",
        "3 to 63 lower-case letters, digits, dashes and full stops, starting with a letter or a digit",
    )

    @classmethod
    def unfit(cls, parent: dict[str, Any]) -> str:
        driver = parent.get("driver")
        return f"pools of the driver {driver} have no buckets" if driver in _WITHOUT else ""

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        return ["the objects in it are lost"]
