# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a plan says of a resource besides values: who else is affected by a change, and what no plan can check."""

from __future__ import annotations

from typing import Any, Iterator

from .._engine import secrets, values
from .._engine.fields import Devices
from .._engine.users import listed
from .planner import UPDATE, Node

#: The most users of a kind that a plan names.
MOST = 10
#: Options that mean nothing to those who use a resource: free text, and keys that no daemon knows.
_IDLE = ("description", "config.user.*")


def remarks(node: Node, changed: list[str], rules: secrets.Rules) -> Iterator[str]:
    """Sentences on a resource that is created or changed.

    :param changed: the options and keys that change, as in `config.limits.cpu`
    :param rules: which values are hidden
    """
    if node.action == UPDATE and node.kind.affects and node.found:
        users = listed(node.found.object.get("used_by") or [], MOST, node.project or "default")
        if users and not all(values.matches(key, _IDLE) for key in changed):
            yield f"it is used by {' and '.join(users)}"
    for field in node.kind.fields:
        if isinstance(field, Devices):
            before = (node.found.object.get(field.key) if node.found else None) or {}
            after = (node.plan.result or {}).get(field.key) or {}
            for name in _paths(before, after):
                _old, path = secrets.mask_pair(None, after[name]["source"], rules, name)
                words = f"{field.name}.{name}.source: {path} has to exist on the server, which no plan can check"
                yield values.printable(words)


def _paths(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The disks that are new, or have another source, and need a directory or file of the host."""
    for name, device in after.items():
        path = str(device.get("source") or "")
        new = path.startswith("/") and path != (before.get(name) or {}).get("source")
        needed = device.get("type") == "disk" and values.is_true(device.get("required", "true"))
        if new and needed:
            yield name
