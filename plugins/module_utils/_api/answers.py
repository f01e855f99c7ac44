# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an answer of the API looks like, so that the layers above may take it as it comes: whoever answers may be no
server at all.
"""

from __future__ import annotations

import json
from typing import Any

#: How deep an answer goes at most. Those of the daemons go some ten levels; what walks through them calls itself at
#: each.
DEEPEST = 100
#: Of which type the values are that objects of most kinds have. Null is the same as nothing.
TYPES = {
    dict: ("config", "devices", "expanded_config", "expanded_devices", "environment", "properties"),
    list: ("api_extensions", "profiles", "projects", "used_by", "aliases", "members", "snapshots", "roles", "groups"),
    str: (
        "name",
        "description",
        "status",
        "type",
        "location",
        "project",
        "architecture",
        "fingerprint",
        "target",
        "driver",
        "err",
        "id",
    ),
    int: ("status_code",),
}
_TYPE_OF = {key: kind for kind, keys in TYPES.items() for key in keys}


def envelope(body: bytes) -> dict[str, Any]:
    """The envelope of an answer. Raises `ValueError` for whatever is none."""
    try:
        read = json.loads(body)
    except RecursionError as exc:
        raise ValueError("it is nested without end") from exc
    if not isinstance(read, dict) or read.get("type") not in ("sync", "async", "error"):
        raise ValueError("it is no envelope")
    for key, kind in (("error", str), ("error_code", int), ("status_code", int), ("operation", str)):
        if not isinstance(read.get(key), (kind, type(None))):
            raise ValueError(f"its {key} is odd")
    if not (read.get("operation") or "/").startswith("/") or not _is_plain(read.get("operation") or ""):
        raise ValueError("its operation is no path")
    if _too_deep(read):
        raise ValueError("it is nested too deep")
    found = read.get("metadata")
    for number, thing in enumerate(found if isinstance(found, list) else [found]):
        odd = _odd(thing) if isinstance(thing, dict) else ""
        if odd:
            raise ValueError(f"{odd}{f' of number {number}' if isinstance(found, list) else ''} is odd")
    return read


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _odd(thing: dict[str, Any]) -> str:
    """The first key whose value is not of its type."""
    for key, value in thing.items():
        if value is not None and not isinstance(value, _TYPE_OF.get(key, object)):
            return key
    for key in ("devices", "expanded_devices"):
        if not all(isinstance(device, dict) for device in (thing.get(key) or {}).values()):
            return key
    for key in ("config", "expanded_config"):
        if any(isinstance(value, (dict, list)) for value in (thing.get(key) or {}).values()):
            return key
    return ""


def _too_deep(value: Any) -> bool:
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            child
            for outer in level
            for child in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True
