# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Finds data for cloud-init that is no YAML. The servers pass it on, and cloud-init ignores it in the instance."""

from __future__ import annotations

import functools
from typing import Any

import yaml
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import Loader, twice

#: Keys with YAML if it begins with this line, and keys with YAML in any case.
_HEADER = "#cloud-config"
_HEADED = ("cloud-init.user-data", "cloud-init.vendor-data", "user.user-data", "user.vendor-data")
_ALWAYS = ("cloud-init.network-config", "user.network-config")


def doubts(content: Any) -> dict[str, str]:
    """Warnings about the instances and profiles of a document, by the path of the key in it."""
    found: dict[str, str] = {}
    for section in ("instances", "profiles"):
        entries = content.get(section) if isinstance(content, dict) else None
        for position, entry in enumerate(entries if isinstance(entries, list) else ()):
            written = entry.get("config") if isinstance(entry, dict) else None
            config = written if isinstance(written, dict) else {}
            for key in (*_HEADED, *_ALWAYS):
                fault = _fault(config[key], key in _ALWAYS) if isinstance(config.get(key), str) else ""
                if fault:
                    found[f"{section}/{position}/config/{key}"] = f"config.{key}: {fault}"
    return found


@functools.lru_cache(maxsize=None)  # many instances have the same
def _fault(text: str, always: bool) -> str:
    """What is wrong with data for cloud-init; empty if it is YAML, or need not be."""
    if not (always or text.lstrip().lower().startswith(_HEADER)):
        return ""
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"line {mark.line + 1} of this text" if mark else "this text"
        problem = getattr(exc, "problem", None) or exc
        return f"{place} is not YAML, so cloud-init ignores all: {problem}. Look at its indentation and its quotes."
    archive = text.lstrip().lower().startswith(f"{_HEADER}-archive")
    if root is not None and not archive and not isinstance(root, yaml.MappingNode):
        return "this text is no dictionary, so cloud-init ignores it. Write keys and values, as in 'packages: [nginx]'."
    again = next(twice(root), None) if root is not None else None
    if again is None:
        return ""
    return f"line {again.start_mark.line + 1} of this text has '{again.value}' again, and only the last one counts."
