# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The order of a stack: what has to exist before what, from references between resources and from `depends_on`."""

from __future__ import annotations

import heapq
from typing import Any

from .._api.errors import did_you_mean
from .._engine.resource import Resource
from .document import Entry, Kinds
from .view import View


class Index:
    """Entries by kind, project and label."""

    def __init__(self, kinds: Kinds, view: View) -> None:
        self.kinds, self.view = kinds, view
        self._by_name: dict[tuple[str, str, str], int] = {}
        self._by_kind: dict[tuple[str, str], list[int]] = {}

    def add(self, number: int, kind: str, project: str, label: str) -> int:
        """Add an entry; returns the number of the first entry for the same resource."""
        where = self.view.effective(self.kinds[kind], project)
        first = self._by_name.setdefault((kind, where, label), number)
        if first == number:
            self._by_kind.setdefault((kind, where), []).append(number)
        return first

    def find(self, kind: str, label: str, project: str) -> list[int]:
        """The entries that a reference means, seen from a project: there, or in `default` if the kind can be shared.
        For a snapshot it can be the entry of its instance.
        """
        if kind not in self.kinds:
            return []
        where = self.view.effective(self.kinds[kind], project)
        if label == "*":
            return self._by_kind.get((kind, where), [])
        for name in (label, label.partition("/")[0]):
            for place in (where, "default") if self.kinds[kind].feature else (where,):
                found = self._by_name.get((kind, place, name))
                if found is not None:
                    return [found]
        return []

    def named(self, words: str, project: str) -> int | None:
        """The entry that `kind/name` or `kind/project/name` names."""
        kind, _slash, rest = words.partition("/")
        if kind not in self.kinds:
            return None
        first, _slash, last = rest.partition("/")
        scoped = self.kinds[kind].scoped
        found = self._by_name.get((kind, self.view.effective(self.kinds[kind], project), rest))
        if found is None and scoped:
            found = self._by_name.get((kind, "default", rest))
        if found is None and last and scoped:
            found = self._by_name.get((kind, self.view.effective(self.kinds[kind], first), last))
        return found

    def known(self) -> list[str]:
        return [
            f"{kind}/{label}" if project in ("", "default") else f"{kind}/{project}/{label}"
            for kind, project, label in self._by_name
        ]


def needs_of(index: Index, kind: type[Resource], project: str, params: dict[str, Any], itself: int) -> set[int]:
    """The numbers of what a resource refers to, its project and its parents included."""
    found = {
        number
        for name, label, *other in kind.references(params)
        for number in index.find(name, label, other[0] if other else project)
    }
    if kind.scoped:
        found.update(index.find("project", project, ""))
    return found - {itself}


def link(entries: list[Entry], index: Index) -> tuple[list[set[int]], list[str]]:
    """For each entry the numbers of those that have to exist before it, and all that is wrong."""
    errors: list[str] = []
    for number, entry in enumerate(entries):
        first = index.add(number, entry.kind.kind, entry.project, entry.label)
        if first != number and not entry.broken:
            other = entries[first]
            errors.append(
                entry.complaint(
                    f"{entry.title} is {other.title}, which {other.document.place(other.path, other.word)} claims: "
                    f"project {entry.project} has no {entry.kind.kind}s of its own."
                )
            )
            entry.broken = True
    needs: list[set[int]] = []
    for number, entry in enumerate(entries):
        needs.append(needs_of(index, entry.kind, entry.project, entry.params, number))
        for words in entry.depends_on:
            found = index.named(words, entry.project)
            if found is None:
                errors.append(
                    entry.complaint(
                        f"depends_on: no document has '{words}'. {did_you_mean(words, index.known())} Write it as "
                        "kind/name."
                    )
                )
            else:
                needs[number].add(found)
    for number, entry in enumerate(entries):
        if entry.kind.foremost:
            put_first(needs, number)
    return needs, errors


def put_first(needs: list[set[int]], first: int) -> None:
    """Let all others wait for `first`, except those that it waits for itself."""
    before = {first}
    todo = [first]
    while todo:
        new = needs[todo.pop()] - before
        before |= new
        todo += new
    for number, mine in enumerate(needs):
        if number not in before:
            mine.add(first)


def order(needs: list[set[int]]) -> tuple[list[int], list[int]]:
    """Numbers in an order in which each comes after what it needs, and the numbers of one circle if there is no such
    order.
    """
    waiting = [len(mine) for mine in needs]
    users = turned(needs)
    ready = [number for number, count in enumerate(waiting) if not count]
    result = []
    while ready:
        number = heapq.heappop(ready)
        result.append(number)
        for user in users[number]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    return result, (
        [] if len(result) == len(needs) else _circle(needs, {number for number, count in enumerate(waiting) if count})
    )


def turned(needs: list[set[int]]) -> list[set[int]]:
    """Who needs each, instead of whom each needs."""
    users: list[set[int]] = [set() for _mine in needs]
    for number, mine in enumerate(needs):
        for other in mine:
            users[other].add(number)
    return users


def _circle(needs: list[set[int]], left: set[int]) -> list[int]:
    """One circle among the entries that are left: going from need to need must come back."""
    path: dict[int, int] = {}
    number = min(left)
    while number not in path:
        path[number] = len(path)
        number = min(needs[number] & left)
    return list(path)[path[number] :]
