# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What connects two resources and is a part of one of them, as a peer is of its network.

The servers name the whole as the user of the other resource, and delete that only once the part is gone.
"""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple

from .._api.client import quote
from .._engine.resource import Resource
from .._engine.users import User, parts_of
from .document import Kinds
from .graph import Index
from .view import View


class Connection(NamedTuple):
    """One part. `parents` are the options that name what it is a part of."""

    kind: type[Resource]
    project: str
    parents: dict[str, str]
    object: dict[str, Any]

    @property
    def user(self) -> User:
        """The part, as a user of what it leads to."""
        path = self.kind.path.format_map({option: quote(name) for option, name in self.parents.items()})
        return User(self.project, (*parts_of(path), self.kind.listed_as(self.object)))

    def ends(self) -> list[tuple[str, ...]]:
        """What it refers to, besides the whole."""
        return self.kind.references(options_of(self.kind, self.object))


def options_of(kind: type[Resource], obj: dict[str, Any]) -> dict[str, Any]:
    """An object as options of its kind, from which its references are read."""
    return {field.name: obj.get(field.key) for field in kind.fields}


def connections(view: View, kinds: Kinds, whole: User) -> Iterator[Connection]:
    """The parts of a resource that connect it with others."""
    for kind in kinds.values():
        if kind.mutual and whole.parts[:-1] == parts_of(kind.path)[:-2]:
            parents = {kind.parents()[-1]: whole.parts[-1]}
            path = kind.path.format_map({option: quote(name) for option, name in parents.items()})
            for obj in view.listing(kind, path, whole.project).values():
                yield Connection(kind, whole.project, parents, obj)


def between(view: View, kinds: Kinds, wholes: list[User], index: Index) -> Iterator[Connection]:
    """The parts of `wholes` that lead to something in the index, and are not in it themselves."""
    for whole in wholes:
        for one in connections(view, kinds, whole):
            label = "/".join([*one.parents.values(), str(one.object[one.kind.key])])
            ends = [
                number
                for name, end, *place in one.ends()
                for number in index.find(name, end, place[0] if place else whole.project)
            ]
            if ends and not index.find(one.kind.kind, label, whole.project):
                yield one
