# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which resources of a stack have to be exactly as the documents say, and what is in its projects beside them."""

from __future__ import annotations

from typing import NamedTuple

from .._api.client import quote
from .._engine.resource import Resource
from .document import Entry, Kinds, title
from .marks import read_mark
from .view import PROJECTS, View, places


class Unmanaged(NamedTuple):
    """A resource that no document has and no stack manages."""

    kind: type[Resource]
    project: str
    label: str

    @property
    def title(self) -> str:
        return title(self.kind.kind, self.project, self.label)


class Exactness:
    """The option `exact` of the task, and that of the entries, which counts more.

    :param default: the option of the task
    """

    def __init__(self, default: bool, entries: list[Entry]) -> None:
        self.default, self.entries = default, entries
        declared = {entry.label: entry.params.get("exact") for entry in entries if entry.kind.path == PROJECTS}
        self._declared = {name: default if written is None else bool(written) for name, written in declared.items()}

    def of(self, entry: Entry) -> bool:
        """Whether what an entry does not write is unset.

        The option of the task does not count for what several stacks may write into, nor for copies.
        """
        written = entry.params.get("exact")
        if written is not None:
            return bool(written)
        return self.default and not self._shared(entry) and not entry.kind.brings(entry.params)

    def _shared(self, entry: Entry) -> bool:
        """Whether the daemon made it, so that it belongs to no stack, and not in a project of this stack."""
        own = not entry.kind.named or entry.params["name"] in entry.kind.singletons
        return own and not self._declared.get(entry.project)

    def unmanaged(self, view: View, kinds: Kinds, kept: set[tuple[str, str]]) -> list[Unmanaged]:
        """What is in the projects of the stack and unmanaged, once its plan is carried out.

        In a project that the documents declare these are resources of all kinds that a stack can manage, and elsewhere
        those of the kinds that the documents have there.

        :param kept: projects and paths of what the documents have
        """
        found: list[Unmanaged] = []
        if not (self.default or any(self._declared.values())):
            return found
        for kind in kinds.values():
            for project in sorted(self._projects(kind, view)) if _is_manageable(kind, view) else ():
                for path, parents in places(view, kinds, kind, project):
                    for name, obj in view.listing(kind, path, project).items():
                        label = "/".join([*parents.values(), name])
                        if (project, f"{path}/{quote(name)}") in kept or name in kind.singletons or kind.internal(obj):
                            continue
                        if read_mark(kind, project, label, obj)[0] is None:
                            found.append(Unmanaged(kind, project, (kind.called(obj, label) or [label])[0]))
        return sorted(found, key=lambda one: (one.kind.kind, one.project, one.label))

    def _projects(self, kind: type[Resource], view: View) -> set[str]:
        """The projects in which resources of a kind are looked for."""
        having = {view.effective(kind, entry.project) for entry in self.entries if entry.kind is kind}
        looked = {name for name in having if self._declared.get(name, self.default)}
        return looked | {name for name, exact in self._declared.items() if exact and view.effective(kind, name) == name}


def _is_manageable(kind: type[Resource], view: View) -> bool:
    """Whether a stack can manage resources of a kind in a project, and they do not come and go by themselves."""
    manageable = kind.stackable and kind.named and kind.listed and kind.scoped and not kind.passing
    return bool(manageable and kind.holder() and kind.readable(view))
