# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.
"""`state: imported`: make what does not exist from an export. The kind of what is made does it, as for its own option
`source`.
"""

from __future__ import annotations

import os
from typing import Any

from .._api.errors import InvalidInput, Missing
from .._engine.plans import Action, Existing, Plan, Step
from .._engine.resource import Resource
from ._backed import Backed
from ._exports import Export, Exports, described, named, shown


class Importing:
    """The work of a task with `state: imported`."""

    def __init__(self, backup: Backed) -> None:
        self.backup = backup
        self.exports = Exports(backup.params["file"])
        self.used: Export | None = None

    def read(self) -> Existing | None:
        """What is to be made, if it exists."""
        backup = self.backup
        found = backup.client.find(backup.owner, **backup.query())
        return Existing(found.metadata, found.etag, backup.name, backup.project) if found else None

    def plan(self, found: Existing | None) -> Plan:
        backup = self.backup
        if found:
            return Plan({}, {}, [], self.result())
        path = backup.attempt(self.chosen, instead="")
        if path:
            made = self._made(path)
            made.read()  # refuses what it is to be in, if that does not exist
            made.plan(None)
            backup.warn(*made.warnings)
        words = f"import {backup.owner_words} from {path or self.exports.path}"
        step = Step(Action.IMPORT, words, lambda: self.run(path))
        return Plan({}, {**named(backup.source), "file": path or self.exports.path}, [step], self.result())

    def run(self, path: str) -> None:
        from .._engine.converge import converge  # only an import needs it

        self.backup.warn(*converge(self._made(path)).warnings)

    def _made(self, path: str) -> Resource:
        """What a file makes, as a resource whose name the options of a backup say in another way."""
        made = self.backup.original(path)
        made.told_by = self.backup.parents()[-1]
        return made

    def chosen(self) -> str:
        """The file to import: the one that is named, or with `{time}` in the name the newest.

        :raises Missing: if there is none
        :raises InvalidInput: if it is not whole, or is of another kind
        """
        found = self.exports.found()
        path = found[0].path if found else self.exports.path
        if not os.path.isfile(path):
            raise Missing(
                f"file: '{path}' is not a file on the host that runs the module; it is the file of an export."
            )
        if not found:  # it was exported with something else, and nothing is known of it
            return path
        sources = {described(export.record.source) for export in found}
        if len(sources) > 1:
            raise InvalidInput(
                f"file: the exports that '{self.exports.path}' names are of {', '.join(sorted(sources))}: name one "
                "file."
            )
        self._check(found[0], [export.path for export in found[1:]])
        self.used = found[0]
        return path

    def _check(self, export: Export, older: list[str]) -> None:
        source = export.record.source
        if source.get("kind") != self.backup.source["kind"]:
            raise InvalidInput(f"file: '{export.path}' is an export of {described(source)}, which is another kind.")
        if not export.whole(self.backup.params["verify"] == "checksum"):
            instead = f" Older ones are {', '.join(older)}: name one of them to import it." if older else ""
            raise InvalidInput(
                f"file: '{export.path}' {export.trouble()}, so it is not whole, and nothing is imported.{instead}"
            )

    def result(self) -> dict[str, Any]:
        known = shown(self.used.record, self.used.path) if self.used else {}
        return {**known, **named(self.backup.source)}
