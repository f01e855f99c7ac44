# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Answers of the API: their envelope, and the checks that let the layers above use an answer as it comes.

What answers may be no server of LXD or Incus at all, so types and depth are checked here, once.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .errors import LXDError, ServerError
from .transport import Response

#: The most levels that an answer may have. Those of the daemons have some ten; code that walks through an answer calls
#: itself at each level.
DEEPEST = 100
#: The types of values that objects of most kinds have. Null is the same as nothing.
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


class Reply(NamedTuple):
    """An answer that is no error. `operation` is the path of the operation that goes on, of an asynchronous answer."""

    metadata: Any
    etag: str | None
    operation: str | None


def envelope(body: bytes, typed: bool = True) -> dict[str, Any]:
    """The envelope of an answer. Raises `ValueError` if there is none.

    With `typed`, the keys that objects of most kinds have are of the types that the kinds count on.
    """
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
        odd = _odd(thing) if typed and isinstance(thing, dict) else ""
        if odd:
            raise ValueError(f"{odd}{f' of number {number}' if isinstance(found, list) else ''} is odd")
    return read


def opened(response: Response, request: str, label: str, url: str, typed: bool = True) -> dict[str, Any]:
    """The envelope of a response to `request`, which is its method and path for errors.

    Raises a `ServerError` that passes if a proxy answers for a daemon that restarts, and `LXDError` if the answer is
    not one of the API.
    """
    try:
        return envelope(response.body, typed)
    except ValueError as exc:
        if response.status >= 500:
            words = f"{label} answered HTTP {response.status} to {request}: the daemon is starting"
            raise ServerError(words, response.status) from exc
        raise LXDError(
            f"{url} answered {request} with HTTP {response.status} and something that is not the LXD API: "
            f"{response.body[:120]!r} ({exc}). Is 'url' right?"
        ) from exc


def of_type(kind: Any, url: str, path: str, found: Any, of: type = object) -> Any:
    """`found`, if it has the type that the API has at this path; `of` is the type of the entries of a list.

    Raises `LXDError` otherwise.
    """
    entries = found if isinstance(found, list) else ()
    if isinstance(found, kind) and all(isinstance(entry, of) for entry in entries):
        return found
    raise LXDError(
        f"{url} answered GET {path} with something that is not the LXD API: {str(found)[:120]!r}. Is 'url' right?"
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _odd(thing: dict[str, Any]) -> str:
    """The first key whose value has another type than the API gives it, or `""`."""
    for key, value in thing.items():
        if key == "used_by" and "hwaddr" in thing and isinstance(value, str):  # an allocated address has one user
            continue
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
