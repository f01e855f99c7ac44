# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Keys of buckets."""

from __future__ import annotations

from typing import Any

from ..._engine.fields import Text
from ._in_pool import InPool


class StorageBucketKey(InPool):
    """`/1.0/storage-pools/POOL/buckets/BUCKET/keys`. The server makes what of a key the task does not write."""

    kind = "storage_bucket_key"
    path = "/1.0/storage-pools/{pool}/buckets/{bucket}/keys"
    extension = "storage_buckets"
    feature = "storage.buckets"
    fields = (
        Text("description"),
        Text("role", choices=["admin", "read-only"]),
        Text("access_key", key="access-key", no_log=False),
        Text("secret_key", key="secret-key", no_log=True),
    )
    options = {"pool": {"type": "str", "required": True}, "bucket": {"type": "str", "required": True}}
    refers = {"pool": "storage_pool", "pool/bucket": "storage_bucket"}
    returned_secrets = ("access-key", "secret-key")
    name_rule = (r"[^/\s]+", "no slash and no space")

    def create_body(self) -> dict[str, Any]:
        return {"role": "read-only", **super().create_body()}
