# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a check run says of a real one, and what it cannot know."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._members import UNFINISHED
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.server import DEFAULTS

#: Of the object to come: what only the server knows, and where it is to be made from.
UNKNOWN = {
    *(
        "created_at",
        "last_used_at",
        "uploaded_at",
        "used_by",
        "status_code",
        "size",
        "state",
        "addresses",
        "source",
        "expanded_config",
        "expanded_devices",
    ),
    *("cached", "filename", "etag", "update_source", "environment", "metadata", "locations", "message", "url"),
}


def differs(foretold: Any, real: Any, place: str = "") -> list[str]:
    """Where the object that a check run returned is not the one that the real run did.

    All that is foretold is to be there, but for a default that the server does not store. What the server adds is its
    own.
    """
    if isinstance(foretold, dict) and isinstance(real, dict):
        found = []
        for key, value in foretold.items():
            if (
                key in UNKNOWN
                or key.startswith("volatile.")
                or value is None
                or (key == "status" and value in UNFINISHED)
            ):
                continue
            if key == "name" and "aliases" in real:  # of an image, which has no other
                found += [] if value in [alias["name"] for alias in real["aliases"]] else [f"{value!r} is no alias"]
            elif key not in real:
                found += [f"{place}{key}: {value!r} is not there"] if value and value != DEFAULTS.get(key) else []
            else:
                found += differs(value, real[key], f"{place}{key}.")
        return found
    if foretold == "auto" and real:  # an address that the server chooses
        return []
    ordered = place.endswith("profiles.")
    if (
        not ordered
        and isinstance(foretold, list)
        and isinstance(real, list)
        and all(isinstance(entry, str) for entry in foretold + real)
    ):
        return [] if sorted(foretold) == sorted(real) else [f"{place} {foretold!r}, and not {real!r}"]
    if isinstance(foretold, list) and isinstance(real, list) and all(isinstance(entry, dict) for entry in foretold):
        missing = [entry for entry in foretold if all(differs(entry, other) for other in real)]
        return [f"{place} {entry!r} is not there" for entry in missing]
    return [] if foretold == real else [f"{place} {foretold!r}, and not {real!r}"]


def check(module: str, predicted: dict[str, Any], done: dict[str, Any]) -> None:
    """Fail where a run of a module has not done what its check run predicted, with the object to come."""
    for key in ("changed", "actions", "diff"):
        assert predicted[key] == done[key], (key, predicted[key], done[key])
    wrong = differs(predicted[module], done[module])
    assert not wrong, wrong


def added(foretold: Any, real: Any) -> list[str]:
    """Keys of `config` and `devices` that an update has and that were not foretold, but for those of the server."""
    return [
        f"{part}.{key}: {value!r} was not foretold"
        for part in ("config", "devices")
        for key, value in ((real or {}).get(part) or {}).items()
        if key not in ((foretold or {}).get(part) or {}) and not key.startswith(("volatile.", "image."))
    ]
