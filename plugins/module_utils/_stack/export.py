# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Export a server: the document that changes nothing if it is applied to that server."""

from __future__ import annotations

from typing import Any

from .._api.errors import InvalidInput, did_you_mean
from .._api.reader import Reader
from .._engine import secrets, values
from .._engine.fields import Text
from .._engine.resource import Resource
from .document import Kinds, title
from .graph import order
from .view import PROJECTS, View, places


def export(
    client: Reader,
    kinds: Kinds,
    projects: list[str] | None = None,
    chosen: list[str] | None = None,
    with_secrets: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The document, and the secrets that it lacks. With `projects`, only what is in these, or in no project.

    :param with_secrets: whether it has all secrets that the server returns, and lacks none of them
    """
    view = client if isinstance(client, View) else View(client, kinds)
    _check("kinds", chosen, [kind.kind for kind in kinds.values() if kind.stackable])
    _check("projects", projects, view.names(PROJECTS))
    document: dict[str, Any] = {}
    left_out: list[str] = []
    for kind in _in_order(kinds):
        if not kind.stackable or not (kind.kind in chosen if chosen else not kind.passing) or not kind.readable(view):
            continue
        entries = [
            entry
            for project in view.projects(kind)
            if _wanted(kind, project, projects)
            for entry in _entries(view, kinds, kind, project, None if with_secrets else left_out)
        ]
        if kind.path == PROJECTS and projects:
            entries = [entry for entry in entries if entry["name"] in projects]
        if entries:
            document[kind.plural()] = entries if kind.named else entries[0][kind.fields[0].name]
    return document, left_out


def _check(option: str, given: list[str] | None, known: list[str]) -> None:
    for name in given or ():
        if name not in known:
            raise InvalidInput(f"{option}: there is no '{name}'. {did_you_mean(name, known)}")


def _wanted(kind: type[Resource], project: str, projects: list[str] | None) -> bool:
    return not kind.scoped or not projects or project in projects


def _entries(
    view: View, kinds: Kinds, kind: type[Resource], project: str, left_out: list[str] | None
) -> list[dict[str, Any]]:
    """The entries of a kind. Their secrets are named in `left_out`, or without that are in them."""
    query = {"project": project} if kind.scoped else {}
    here = {"project": project} if project not in ("", "default") else {}
    if not kind.named:
        found = kind(view, {option: entry.get("default") for option, entry in kind.argument_spec().items()}).read()
        collections: list[tuple[dict[str, str], dict[str, Any]]] = [({}, found.object)] if found else []
    else:
        collections = [
            (parents, obj)
            for path, parents in places(view, kinds, kind, project)
            for _name, obj in sorted(view.listing(kind, path, project).items())
        ]
    entries = []
    for parents, obj in collections:
        entry = kind.export(obj, view, query)
        if entry is None and left_out is None and not kind.internal(obj) and _secret(kind, obj):
            entry = {kind.named_by: obj[kind.key]} if kind.named else {}  # it has nothing but secrets
        if entry is not None:
            entries.append({**parents, **entry, **here})
            if left_out is None:
                _tell(kind, obj, entries[-1])
                continue
            left_out += [
                f"{title(kind.kind, project, kind.label({**parents, **entry}))}: {key}" for key in _secret(kind, obj)
            ]
    return entries


def _tell(kind: type[Resource], obj: dict[str, Any], entry: dict[str, Any]) -> None:
    """Add the secrets of an object to its entry. One that the server itself hides is `true` there."""
    for name in _secret(kind, obj):
        option, _dot, key = name.partition(".")
        field = next(field for field in kind.fields if field.name == option)
        value = obj[field.key][key] if key else obj[field.key]
        if not isinstance(value, bool):
            held = {**entry.get(option, {}), key: value} if key else value
            entry[option] = held


def _secret(kind: type[Resource], obj: dict[str, Any]) -> list[str]:
    """The keys of an object that no document shows."""
    maps = {field.name: obj.get(field.key) or {} for field in kind.fields if field.type == "dict"}
    texts = [field.name for field in kind.fields if isinstance(field, Text) and obj.get(field.key)]
    return [name for name in texts if secrets.is_secret(name)] + [
        f"{name}.{key}"
        for name, held in maps.items()
        for key, value in held.items()
        if value and secrets.holds_secret(key, value) and not values.matches(key, kind.hidden_keys)
    ]


def _in_order(kinds: Kinds) -> list[type[Resource]]:
    """Kinds after those they refer to, as a person would write a document."""
    listed = sorted(kinds.values(), key=lambda kind: (not kind.foremost, kind.scoped))
    number = {kind.kind: position for position, kind in enumerate(listed)}
    needs = []
    for position, kind in enumerate(listed):
        named = {name for names in kind.refers.values() for name in ([names] if isinstance(names, str) else names)}
        named |= {name for field in kind.fields for name in field.refers_to} | ({"project"} if kind.scoped else set())
        needs.append(set() if kind.foremost else {number[name] for name in named if name in number} - {position})
    sequence = order(needs)[0]
    return [listed[position] for position in sequence] + [
        kind for position, kind in enumerate(listed) if position not in sequence
    ]
