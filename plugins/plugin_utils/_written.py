# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Reads YAML with every value as it was written.

The values of the daemons are text, so `0660` and `12:30` stay as they are. YAML would convert them to numbers.
"""

from __future__ import annotations

import re
from typing import Any, Iterator

import yaml

#: What a plain scalar can be besides text: null, and the key that merges another dictionary.
_MEANT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
TEXT = "tag:yaml.org,2002:str"
#: How deep line numbers are kept: section, entry, option, key or device, property of the device.
_DEPTH = 5


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Loads every plain scalar except null as text. The option that a value is for determines its type."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _MEANT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def not_yaml(shown: str, exc: yaml.YAMLError, text: str) -> str:
    """The message for an error of the parser, with file and line, and with what is usually wrong there."""
    mark = getattr(exc, "problem_mark", None)
    place = f"{shown}:{mark.line + 1}" if mark else shown
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in re.split(r"[^\s-]", line)[0]:
        hint = "Indent with spaces: YAML takes no tabs there."
    elif re.search(r"[:-]\s*{{", line):
        hint = "Quote a value that begins with a template: '{{ … }}'."
    else:
        hint = "Look at the indentation, the colons and the quotes of this line and of the one before it."
    return f"{place}: this is not YAML: {getattr(exc, 'problem', None) or exc}. {hint}"


def written_twice(shown: str, root: Any) -> list[str]:
    """Messages for keys that a dictionary has twice."""
    return [
        f"{shown}:{key.start_mark.line + 1}: the key '{key.value}' is written twice in one dictionary."
        for key in twice(root)
    ]


def children(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def twice(node: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Keys that a dictionary already has. YAML would silently use the last one."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        known: set[Any] = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in known and key.value != "<<":
                yield key
            known.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
    for child in children(node):
        yield from twice(child, seen)


def lines_of(node: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    """The line numbers of sections, entries, options and what is in them, by path."""
    if depth == _DEPTH:
        return
    pairs = [(key.value, key, value) for key, value in node.value] if isinstance(node, yaml.MappingNode) else []
    if isinstance(node, yaml.SequenceNode):
        pairs = [(position, value, value) for position, value in enumerate(node.value)]
    for name, marked, value in pairs:
        inner = f"{path}/{name}" if path else str(name)
        yield inner, marked.start_mark.line + 1
        yield from lines_of(value, inner, depth + 1)
