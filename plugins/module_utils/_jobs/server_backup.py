# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `server_backup`: a server exported to a directory, and imported from it."""

from __future__ import annotations

from typing import Any

from .._api.client import Client
from .._api.errors import InvalidInput

#: The states that an option is for, where it is not for all of them.
STATES = {
    "max_age": ("exported", "verified"),
    "keep": ("exported",),
    "projects": ("exported",),
    "include": ("exported",),
    "exclude": ("exported",),
    "images": ("exported",),
    "snapshots": ("exported",),
    "compression_algorithm": ("exported",),
    "optimized_storage": ("exported",),
    "daemon_directory": ("exported",),
    "run": ("verified", "imported"),
    "verify": ("verified", "imported"),
    "partial": ("verified", "imported"),
    "start": ("imported",),
}


class ServerBackup:
    """Backups of a whole server."""

    spec: dict[str, dict[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["exported", "verified", "imported"], "default": "exported"},
        "max_age": {"type": "str"},
        "keep": {"type": "int"},
        "projects": {"type": "list", "elements": "str"},
        "include": {"type": "list", "elements": "str"},
        "exclude": {"type": "list", "elements": "str"},
        "images": {"type": "str", "choices": ["local", "all", "none"]},
        "snapshots": {"type": "bool"},
        "compression_algorithm": {"type": "str"},
        "optimized_storage": {"type": "bool"},
        "daemon_directory": {"type": "path"},
        "parallel": {"type": "int", "default": 2},
        "run": {"type": "str"},
        "verify": {"type": "str", "choices": ["checksum", "size"]},
        "partial": {"type": "bool"},
        "start": {"type": "bool"},
    }
    constraints = {"required_if": [("state", "exported", ("max_age",))]}

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        for option, states in STATES.items():
            if params[option] is not None and params["state"] not in states:
                raise InvalidInput(f"{option}: it is for state: {' and '.join(states)}, and not for {params['state']}.")
        if not 1 <= params["parallel"] <= 16:
            raise InvalidInput(f"parallel: {params['parallel']} is no number of exports at a time; it is 1 to 16.")
        if params["state"] == "exported":
            from .backup_export import BackupExport  # each state needs its own half of the code

            return BackupExport(client, params, check_mode).result()
        from .backup_import import BackupImport

        job = BackupImport(client, params, check_mode)
        return job.verified() if params["state"] == "verified" else job.imported()
