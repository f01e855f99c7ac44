# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Documents whose values are templates, and entries that stand for several.

The YAML is parsed first and its values are templated one by one, as Ansible does with playbooks. So each error has the
file and the line of the option, whatever a loop makes of an entry.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, NamedTuple

from ansible.errors import AnsibleError
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document

#: A value, and the variables that it has besides those of the host.
Render = Callable[[Any, "dict[str, Any]"], Any]
#: The keys of an entry that stands for several.
LOOP, COUNT = "loop", "count"
#: The most entries that one can stand for: a count with a digit too many should not fill the memory.
MOST = 10_000


class _Place(NamedTuple):
    """An entry of a document, as an error names it."""

    document: Document
    path: str
    word: str

    def complaint(self, option: tuple[str, ...], words: str) -> str:
        """An error with its place: the line of the option, of the entry, or of the section."""
        return self.document.place("/".join([self.path, *option]), f"{'.'.join([self.word, *option])}: {words}")


def templated(document: dict[str, Any], render: Render, errors: list[str]) -> dict[str, Any]:
    """The same document with all templates replaced and all loops carried out.

    :param document: `source`, `content` and `lines`, as the module stack takes them
    :param render: Ansible's templating; it raises AnsibleError
    :param errors: gets what is wrong, each with file and line
    """
    content, lines = document["content"], document["lines"]
    if not isinstance(content, dict):
        return document
    made: dict[str, Any] = {}
    places: dict[str, int] = {}
    inside = _by_entry(lines)
    for section, entries in content.items():
        if section in lines:
            places[section] = lines[section]
        place = _Place(Document(**document), str(section), str(section))
        if not isinstance(entries, list):
            made[section] = _value(entries, place, (), {}, render, errors)
            places.update({path: line for path, line in lines.items() if path.startswith(f"{section}/")})
            continue
        made[section] = []
        for position, entry in enumerate(entries):
            at = place._replace(path=f"{section}/{position}", word=f"{section}[{position}]")
            for one in _entries(entry, at, render, errors):
                number = len(made[section])
                places.update({f"{section}/{number}{rest}": line for rest, line in inside.get(at.path, ())})
                made[section].append(one)
    return {**document, "content": made, "lines": places}


def _by_entry(lines: dict[str, int]) -> dict[str, list[tuple[str, int]]]:
    """The lines of each entry and of what is in it: the rest of the path, and the line."""
    found: dict[str, list[tuple[str, int]]] = {}
    for path, line in lines.items():
        parts = path.split("/", 2)
        if len(parts) > 1:
            entry = f"{parts[0]}/{parts[1]}"
            found.setdefault(entry, []).append((path[len(entry) :], line))
    return found


def _entries(entry: Any, place: _Place, render: Render, errors: list[str]) -> Iterator[Any]:
    """An entry, or those that its `loop` or `count` makes of it."""
    if not isinstance(entry, dict) or not {LOOP, COUNT} & set(entry):
        yield _value(entry, place, (), {}, render, errors)
        return
    before = len(errors)
    items = _items(entry, place, render, errors)
    pattern = {option: value for option, value in entry.items() if option not in (LOOP, COUNT)}
    for index, item in enumerate(items, 1):
        yield _value(pattern, place, (), {"item": item, "index": index}, render, errors)
        if len(errors) > before:  # the others have the same
            return


def _items(entry: dict[str, Any], place: _Place, render: Render, errors: list[str]) -> list[Any]:
    """What an entry is repeated for."""
    if LOOP in entry and COUNT in entry:
        errors.append(place.complaint((COUNT,), "an entry has either loop or count."))
        return []
    option = LOOP if LOOP in entry else COUNT
    before = len(errors)
    value = _value(entry[option], place, (option,), {}, render, errors)
    if len(errors) > before:
        return []
    if option == LOOP:
        if isinstance(value, list):
            return value
        errors.append(
            place.complaint((LOOP,), f"a list is needed, not {value!r}. A dictionary becomes one with dict2items.")
        )
        return []
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number <= MOST:
        errors.append(place.complaint((COUNT,), f"a number from 0 to {MOST} is needed, not {value!r}."))
        return []
    return list(range(1, number + 1))


def _value(
    value: Any, place: _Place, option: tuple[str, ...], more: dict[str, Any], render: Render, errors: list[str]
) -> Any:
    """A value with its templates replaced; keys are not templates, as in playbooks."""
    if isinstance(value, dict):
        return {key: _value(inner, place, (*option, str(key)), more, render, errors) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner, place, option, more, render, errors) for inner in value]
    if not isinstance(value, str) or not ("{{" in value or "{%" in value):
        return value
    try:
        return render(value, more)
    except AnsibleError as exc:
        errors.append(place.complaint(option, f"the template cannot be evaluated: {exc.message}"))
        return None
