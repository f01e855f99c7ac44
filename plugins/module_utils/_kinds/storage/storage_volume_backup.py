# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Backups of volumes."""

from __future__ import annotations

from ..._engine.resource import Resource
from .._backup import Backup, options_of
from ._in_pool import InPool


class StorageVolumeBackup(InPool, Backup):
    """`/1.0/storage-pools/POOL/volumes/custom/VOLUME/backups`."""

    kind = "storage_volume_backup"
    path = "/1.0/storage-pools/{pool}/volumes/custom/{volume}/backups"
    extension = "custom_volume_backup"
    feature = "storage.volumes"
    options = {
        **Backup.options,
        "pool": {"type": "str", "required": True},
        "volume": {"type": "str", "required": True},
        "volume_only": {"type": "bool"},
    }
    refers = {"pool": "storage_pool", "pool/volume": "storage_volume"}
    of = "storage_volume"
    ways = ("compression_algorithm", "optimized_storage", "volume_only")

    def original(self, path: str) -> Resource:
        from .storage_volume import SOURCE, StorageVolume  # only an import needs it

        given = {option: self.params[option] for option in ("pool", "project", "target")}
        source = {**dict.fromkeys(SOURCE), "type": "backup", "file": path}
        return StorageVolume(self.client, options_of(StorageVolume, **given, name=self.params["volume"], source=source))
