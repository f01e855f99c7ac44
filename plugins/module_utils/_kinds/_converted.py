# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Objects of one product in the keys of the other one.

A key that only the product it comes from has is renamed where the other one has it under another name, and is left out
where it has no such thing. A key that neither is known to have stays: the server decides.
"""

from __future__ import annotations

from typing import Any

from .._engine.known import rules

#: Config keys that Incus has under other names than LXD: the new name.
RENAMED = {
    "security.devlxd": "security.guestapi",
    "security.devlxd.images": "security.guestapi.images",
}
#: What Incus has instead of a value of a key of LXD.
INSTEAD = {
    ("boot.mode", "bios"): {"security.csm": "true", "security.secureboot": "false"},
    ("boot.mode", "uefi-nosecureboot"): {"security.secureboot": "false"},
    ("boot.mode", "uefi-secureboot"): {"security.secureboot": "true"},
}


def converted(kind: str, obj: dict[str, Any], of: str, to: str) -> tuple[dict[str, Any], list[str]]:
    """The object with the config and devices of the other product, and the keys that are lost.

    :param obj: an object of the API, or an entry of a document
    :param of: the product that it comes from, `lxd` or `incus`
    :param to: the other one
    """
    texts = rules.texts_of(kind, str(obj.get("driver") or obj.get("type") or ""))
    lost: list[str] = []
    result = dict(obj)
    if texts and isinstance(obj.get("config"), dict):
        result["config"] = _keys(obj["config"], texts, of, to, "config", lost)
    devices = obj.get("devices")
    if isinstance(devices, dict):
        result["devices"] = {
            name: _keys(device, rules.device_texts(device), of, to, f"devices.{name}", lost)
            if isinstance(device, dict)
            else device
            for name, device in devices.items()
        }
    return result, lost


def _keys(
    config: dict[str, Any], texts: tuple[str, ...], of: str, to: str, option: str, lost: list[str]
) -> dict[str, Any]:
    """A map of keys in those of the other product. What is lost is added to `lost`."""
    foreign = set(rules.unknown_keys(to, texts, config)) - set(rules.unknown_keys(of, texts, config)) if texts else ()
    names = RENAMED if (of, to) == ("lxd", "incus") else {new: old for old, new in RENAMED.items()}
    kept: dict[str, Any] = {}
    for key, value in config.items():
        if key not in foreign:
            kept[key] = value
        elif key in names:
            kept[names[key]] = value
        elif to == "incus" and (key, value) in INSTEAD:
            kept.update(INSTEAD[(key, value)])
        elif value not in ("", None):
            lost.append(f"{option}.{key}")
    return kept
