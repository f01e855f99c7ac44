# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Backups of instances."""

from __future__ import annotations

from ..._engine.resource import Resource
from .._backup import Backup, options_of


class InstanceBackup(Backup):
    """`/1.0/instances/INSTANCE/backups`."""

    kind = "instance_backup"
    path = "/1.0/instances/{instance}/backups"
    extension = "container_backup"
    options = {
        **Backup.options,
        "instance": {"type": "str", "required": True},
        "instance_only": {"type": "bool"},
        "pool": {"type": "str"},
    }
    refers = {"instance": "instance"}
    of = "instance"
    ways = ("compression_algorithm", "instance_only", "optimized_storage")

    def original(self, path: str) -> Resource:
        from .instance import Instance  # only an import needs it

        given = {option: self.params[option] for option in ("pool", "project", "target")}
        source = {"type": "backup", "file": path}
        options = options_of(Instance, **given, name=self.params["instance"], state="present", source=source)
        return Instance(self.client, options)
