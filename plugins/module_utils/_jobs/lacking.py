# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What of a document a server lacks.

What is created of it can be created again after anything, and never takes back what was changed since.
"""

from __future__ import annotations

from typing import Any

from .._api.client import Client
from .._api.errors import InvalidInput
from .._stack.document import Document, Entry, make, parse
from .._stack.view import View
from .registry import KINDS


def lacking(client: Client, definition: dict[str, Any], source: str) -> dict[str, Any]:
    """The document without what exists. Of what every server has, only the keys that are not set.

    :param source: where the document is, for errors
    :raises InvalidInput: if it is none
    """
    view = View(client, KINDS)
    entries, errors = parse([Document(source, definition, {})], KINDS, None)
    if errors:
        raise InvalidInput(*errors)
    found_lacking: dict[str, Any] = {}
    for entry in entries:
        section, _slash, position = entry.path.partition("/")
        written = definition[section][int(position)] if position else definition[section]
        try:
            found = make(entry, view).read()
        except InvalidInput:  # what it belongs to does not exist either; if more is wrong, the plan says so
            found = None
        rest = _rest(entry, written, found.object) if found else written
        if rest and position:
            found_lacking.setdefault(section, []).append(rest)
        elif rest:
            found_lacking[section] = rest
    return found_lacking


def _rest(entry: Entry, written: Any, there: dict[str, Any]) -> Any:
    """What of an entry is to be done although its resource exists; nothing of most."""
    kind = entry.kind
    if not kind.named:
        return {key: value for key, value in written.items() if key not in (there.get("config") or {})}
    if kind.kind == "instance":
        return {name: written[name] for name in ("name", "project", "state") if name in written}
    if there.get(kind.key) not in kind.singletons:
        return None
    maps = [field.name for field in kind.fields if field.type == "dict" and isinstance(written.get(field.name), dict)]
    rest = {
        name: {key: value for key, value in written[name].items() if key not in (there.get(name) or {})}
        for name in maps
    }
    named = {name: written[name] for name in (kind.named_by, "project") if name in written}
    return {**named, **{name: held for name, held in rest.items() if held}} if any(rest.values()) else None


def placed(client: Client, definition: dict[str, Any]) -> dict[str, Any]:
    """The document without members that the server does not have."""
    members = client.names("/1.0/cluster/members") if client.clustered else []
    return {section: _placed(content, members) for section, content in definition.items()}


def _placed(content: Any, members: list[str]) -> Any:
    if not isinstance(content, list):
        return content
    return [entry if entry.get("target") in (None, *members) else {**entry, "target": None} for entry in content]
