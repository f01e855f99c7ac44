# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Kinds that can move to another project, or to another of what they belong to, and are looked up in both places."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, Iterator

from .._api.errors import InvalidInput
from .._engine import values
from .._engine.plans import Existing
from .._engine.resource import Resource


class Movable(Resource):
    """A kind with options `new_…`: for its name, for its project, and for what it belongs to."""

    #: Whether this run has made it of a copy or an import, which bring more than the task wants.
    fresh = False

    def either(self, option: str) -> list[Any]:
        """The present and the new value of an option, if they differ."""
        old, new = self.params[option], self.params.get(f"new_{option}")
        return [old] if new in (None, old) else [old, new]

    def movable(self) -> list[str]:
        """The options that say where it is, besides the project, and that can get another value."""
        return [option for option in (*self.parents(), "target") if f"new_{option}" in self.params]

    def goes(self, option: str) -> bool:
        """Whether it has yet to move to the new value of `project`, or of what it belongs to."""
        now = self.project or "default" if option == "project" else self.whole.get(option, self.params[option])
        return self.params.get(f"new_{option}") not in (None, now)

    def read(self) -> Existing | None:
        """The object where it is now: under its old or new name, in its old or new place, wherever an interrupted run
        left it.
        """
        movable = self.movable()
        places = [
            (name, project, dict(zip(movable, whole)))
            for whole in itertools.product(*map(self.either, movable))
            for project in self.either("project")
            for name in self.either("name")
        ]
        if len(places) == 1:
            return super().read()
        found = self._found(places)
        if len(found) > 1:  # or the server renamed or moved it between two of the requests
            found = self._found(places)
        if len(found) > 1:
            listed = " and ".join(map(self._placed, found))
            raise InvalidInput(
                f"{self.kind} {listed} both exist on {self.client.label}: remove one of them, or choose another "
                "new_name."
            )
        if not found:  # it would be made in its new place
            with self._at(*places[-1][1:]):
                self.check_place()
        return found[0] if found else None

    def _found(self, places: list[tuple[str, Any, dict[str, Any]]]) -> list[Existing]:
        return self.chosen([there for place in places for there in [self._fetch_at(*place)] if there])

    def chosen(self, found: list[Existing]) -> list[Existing]:
        """Those that count, of what is in the places where it can be."""
        return found

    def _fetch_at(self, name: str, project: str | None, whole: dict[str, str]) -> Existing | None:
        with self._at(project, whole):
            found = self.fetch(name)
        return found._replace(project=project, whole=whole) if found else None

    @contextlib.contextmanager
    def _at(self, project: str | None, whole: dict[str, str]) -> Iterator[None]:
        """Requests go to one of the places meanwhile."""
        now, self.project, self.whole = (self.project, self.whole), project, whole
        try:
            yield
        finally:
            self.project, self.whole = now

    @staticmethod
    def _placed(found: Existing) -> str:
        parts = [f"{option} '{name}'" for option, name in found.whole.items() if name]
        return f"'{found.name}' in {', '.join([*parts, f'''project '{found.project or 'default'}' '''.strip()])}"

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        new = super().merged(current)
        if self.fresh:  # it has the mark of its original, and is unmanaged unless the task marks it
            new["config"] = values.unmarked(new.get("config") or {}, self.desired.get("config") or {})
        return new

    def adopt(self, found: Existing | None) -> None:
        if found is None:  # it is created with its new name, in its new place
            self.name, self.project = self.either("name")[-1], self.either("project")[-1]
            self.whole = {option: self.either(option)[-1] for option in [*self.parents(), *self.movable()]}
        super().adopt(found)
