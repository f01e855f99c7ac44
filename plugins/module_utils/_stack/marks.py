# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which stack manages a resource. The servers copy a mark with what carries it, so a mark names the resource that was
marked, and is ignored on any other.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Iterator, NamedTuple

from .._api.client import quote
from .._engine import values
from .._engine.resource import Resource
from .document import Kinds, title
from .view import View, places

#: How many of those that were left alone are named: users who may copy can create many.
_SHOWN = 10


def mark_of(stack: str, kind: type[Resource], project: str, label: str) -> dict[str, str]:
    """The keys that mark a resource as managed by a stack. `project` is the one that it is in, or empty."""
    return {values.MARK: stack, values.BEARER: "/".join((kind.kind, project, label))}


def read_mark(kind: type[Resource], project: str, label: str, obj: dict[str, Any]) -> tuple[str | None, bool]:
    """The stack that the mark of an object names, and whether the mark names this object too.

    The name is None without a mark, and for a mark of something else: of the original of a copy, or of the same
    object under another name or in another project. Marks of earlier versions do not name the object.
    """
    holder = kind.holder()
    held = (obj.get(holder.key) or {}) if holder else {}
    stack, bearer = held.get(values.MARK), held.get(values.BEARER)
    if not stack or not bearer:
        return stack or None, False
    names = kind.called(obj, label)
    mine = {"/".join((kind.kind, project, name)) for name in names}
    if bearer in mine or (not names and bearer.startswith(f"{kind.kind}/{project}/")):
        return stack, True
    return None, False


class StackMember(NamedTuple):
    """An object that carries a mark, and where it is."""

    kind: type[Resource]
    project: str
    parents: dict[str, str]
    object: dict[str, Any]


class Marks:
    """The marks on a server. `copies` and `older` are titles of what was left alone because of its mark."""

    def __init__(self, view: View, kinds: Kinds) -> None:
        self.view, self.kinds = view, kinds
        self.copies: list[str] = []
        self.older: list[str] = []

    def owner(self, resource: Resource, project: str, label: str, obj: dict[str, Any]) -> str | None:
        """The stack that manages a resource: by its own mark, or by the mark of what it is a part of."""
        kind = type(resource)
        if kind.holder():
            return read_mark(kind, self.view.effective(kind, project), label, obj)[0]
        path = resource.owner_path(obj)
        above = self.view.kind_at(path.rpartition("/")[0])
        whole = self.view.find(path, **resource.query()) if above and above.holder() else None
        if not whole or not above:
            return None
        return read_mark(above, self.view.effective(above, project), _label(above, path), whole.metadata)[0]

    def members_of(
        self, stack: str, kept: set[tuple[str, str]], documented: set[tuple[str, str, str]]
    ) -> list[StackMember]:
        """All that a stack manages, without the paths in `kept`.

        A mark that does not name the object counts if it cannot be that of a copy, and for the labels in
        `documented`.
        """
        found = []
        for kind, project, path, parents in self._collections():
            for name, obj in self.view.listing(kind, path, project).items():
                if (
                    _named_by(kind, obj) != stack
                    or name in kind.singletons
                    or (project, f"{path}/{quote(name)}") in kept
                ):
                    continue
                label = "/".join([*parents.values(), name])
                owner, sure = read_mark(kind, project, label, obj)
                known = not kind.copied or any(
                    (kind.kind, project, called) in documented for called in kind.called(obj, label)
                )
                if sure or (owner and known):
                    found.append(StackMember(kind, project, parents, obj))
                else:
                    (self.older if owner else self.copies).append(title(kind.kind, project, label))
        return found

    def _collections(self) -> Iterator[tuple[type[Resource], str, str, dict[str, str]]]:
        for kind in self.kinds.values():
            if kind.stackable and kind.named and kind.holder() and kind.readable(self.view):
                for project in self.view.projects(kind):
                    for path, parents in places(self.view, self.kinds, kind, project):
                        yield kind, project, path, parents

    def warnings(self, stack: str) -> tuple[str, ...]:
        """Warnings about what was left alone, and why."""
        words = (
            (
                self.copies,
                "the mark is for something else, as on a copy, after a renaming or a move, or as a user wrote it",
            ),
            (
                self.older,
                "the mark is of an earlier version and does not name the resource, so this may be a copy; a run with "
                "a document that has the resource completes the mark",
            ),
        )
        reported = [(left, why) for left, why in words if left]
        return tuple(
            f"Left alone although it names the stack '{stack}': {_listed(left)} ({why}). Delete what is not needed."
            for left, why in reported
        )


def _named_by(kind: type[Resource], obj: dict[str, Any]) -> str | None:
    """The stack that the mark of an object names, even if the mark is for another object."""
    holder = kind.holder()
    return (obj.get(holder.key) or {}).get(values.MARK) if holder else None


def _label(kind: type[Resource], path: str) -> str:
    """The label of the object at a path."""
    pattern = re.sub(r"{\w+}", "([^/]+)", kind.path)
    match = re.fullmatch(f"{pattern}/([^/]+)", path)
    return "/".join(urllib.parse.unquote(part) for part in match.groups()) if match else ""


def _listed(titles: list[str]) -> str:
    return ", ".join(titles[:_SHOWN]) + (f" and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else "")
