# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a running instance takes in only when it starts."""

from __future__ import annotations

from typing import Any

from .. import values

#: Config keys (doc/reference/instance_options.md, "Live update: no").
AT_START = (
    *("limits.kernel.*", "limits.memory.hugepages", "linux.*", "nvidia.*", "raw.*", "migration.*"),
    *("security.devlxd", "security.guestapi", "security.idmap.*", "security.privileged", "security.syscalls.*"),
    *("security.csm", "security.secureboot", "security.sev*", "agent.nic_config.*", "oci.*"),
)
#: Those of them that take effect at once: AppArmor loads the profile of a running instance anew.
AT_ONCE = ("raw.apparmor", "linux.kernel_modules", "migration.incremental.*", "security.syscalls.intercept.mount.*")
#: The same as `AT_START` of an application container, whose one process has had its environment since it began.
AT_START_OF_APPLICATION = (*AT_START, "environment.*")


def waits_for_start(key: str, at_start: tuple[str, ...] = AT_START) -> bool:
    """Whether a config key of a running instance takes effect at its next start.

    :param at_start: patterns of the keys that do, but for `AT_ONCE`
    """
    return values.matches(key, at_start) and not values.matches(key, AT_ONCE)


def keys_at_start(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The config keys that differ between two objects, and take effect at the next start; and the sizes of disks that
    the server has stored, and could not give to a disk in use.
    """
    had, has = old.get("config") or {}, new.get("config") or {}
    before, after = values.changes(had, has)
    is_application = values.is_true(had.get("volatile.container.oci") or "")
    at_start = AT_START_OF_APPLICATION if is_application else AT_START
    keys = {key for key in {**before, **after} if waits_for_start(key, at_start)}
    return sorted({*keys, *sizes_at_start(had)})


def sizes_at_start(config: dict[str, Any]) -> list[str]:
    """The sizes of disks that the server keeps for the next start: `volatile.NAME.apply_quota`. Whether a disk grows
    in use depends on the driver of the pool and the version, and only the server knows.
    """
    prefix, suffix = "volatile.", ".apply_quota"
    return [
        f"devices.{key[len(prefix) : -len(suffix)]}.size"
        for key, value in config.items()
        if key.startswith(prefix) and key.endswith(suffix) and values.is_true(value)
    ]
