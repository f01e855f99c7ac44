# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.
"""`state: exported`: whether an export is due, the plan that writes it, and the rotation of older ones.

The plan reads the directory and one listing of the server. What writes is in `_streaming.py`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import time
from typing import Any

from .._api.errors import InvalidInput
from .._engine.plans import Action, Existing, Plan, Step
from ._backed import Backed
from ._exports import PLACE, RECORD, Export, Exports, age, described, named, shown


class Exporting:
    """The work of a task with `state: exported`.

    :ivar source: what is exported, as records have it
    :ivar options: how it is exported, as records have it
    :ivar own: what the names of backups on the server begin with that this task makes. A task of another host or for
        another file has another one, so a backup with this one is left over from an earlier run, or in use by a run
        that has the lock
    :ivar published: whether this run has written an export, so that it needs no other
    """

    published = False

    def __init__(self, backup: Backed) -> None:
        self.backup, params = backup, backup.params
        self.exports = Exports(params["file"])
        self.options = {name: params[name] for name in backup.ways if params[name] is not None}
        self.max_age = None if params["max_age"] is None else age(params["max_age"])
        self.keep: int | None = params["keep"]
        if self.exports.timed and self.max_age is None:
            raise InvalidInput(
                f"file: with {PLACE} in it, max_age says when the next export is due, as in 20h; with 0s, each run "
                "makes one."
            )
        if self.keep is not None and (self.keep < 1 or not self.exports.timed):
            raise InvalidInput(
                f"keep: {self.keep} is no number of exports to keep; it is at least 1."
                if self.keep < 1
                else f"keep: without {PLACE} in 'file' there is one export and no other."
            )
        place = [platform.node(), _machine(), self.exports.path, self.source]
        self.own = f"cloudhost-{hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:12]}-"

    @property
    def source(self) -> dict[str, Any]:
        return self.backup.source

    # -- what there is ------------------------------------------------------------------------------------------------

    def read(self) -> Existing | None:
        """The backups on the server that a run which was interrupted has left; None without any."""
        backup = self.backup
        names = [name for name in backup.client.names(backup.collection, **backup.query()) if name.startswith(self.own)]
        return Existing({"left": sorted(names)}, None, backup.name, backup.project) if names else None

    def newest(self) -> Export | None:
        mine = self._mine()
        return mine[0] if mine else None

    def _mine(self) -> list[Export]:
        """Exports of the same source. One name for exports of two sources is refused where that would replace one."""
        found = self.exports.found()
        if not self.exports.timed:
            self._refuse_others(found[0] if found else None)
        return [export for export in found if export.record.source == self.source]

    def _refuse_others(self, there: Export | None) -> None:
        path = self.exports.path
        if there and there.record.source != self.source:
            raise InvalidInput(
                f"file: '{path}' is an export of {described(there.record.source)}; give each export its own file."
            )
        if not there and os.path.lexists(path):
            raise InvalidInput(
                f"file: '{path}' is there, and nothing says that it is an export of this module (that would be "
                f"'{path}{RECORD}'). Choose another name, or move it away."
            )

    def reason(self, newest: Export | None) -> str:
        """Why an export is due, in words that follow the name of the newest; empty if none is due."""
        if self.published:
            return ""
        if newest is None:
            return "is not there"
        record = newest.whole(self.backup.params["verify"] == "checksum")
        if record is None:
            return newest.trouble()
        if record.options != self.options:
            return "was made with other options"
        if self.max_age is not None and record.older_than(self.max_age, time.time()):
            return f"is of {record.created_at}, which is older than {self.backup.params['max_age']}"
        return ""

    # -- the plan -----------------------------------------------------------------------------------------------------

    def plan(self, left: Existing | None) -> Plan:
        backup, mine = self.backup, self._mine()
        newest = mine[0] if mine else None
        reason = self.reason(newest)
        plan = Plan({}, {}, [], self.shown(newest))
        for name in left.object["left"] if left else ():
            words = f"delete backup {name} of {backup.owner_words}, which an interrupted run left"
            plan.steps.append(Step(Action.DELETE, words, functools.partial(self.remove, name), detail=name))
        if left:
            plan.before["left"], plan.after["left"] = left.object["left"], []
        if reason:
            self._check()
            if newest:
                plan.before["file"] = f"{newest.path} {reason}"
            plan.after["file"] = self.exports.path
            words = f"export {backup.owner_words} to {self.exports.path}"
            plan.steps.append(Step(Action.EXPORT, words, self.export))
            plan.result = self.shown(None)
        self._rotate(plan, mine, bool(reason))
        return plan

    def _check(self) -> None:
        """Refuse what would fail once the server has made the backup."""
        backup, folder = self.backup, self.exports.folder
        backup.check_extensions()
        backup.check_project(backup.query().get("project"))
        backup.check_parent()
        if not os.path.isdir(folder):
            backup.miss(f"file: '{folder}' is not a directory on the host that runs the module.")
        elif not os.access(folder, os.W_OK | os.X_OK):
            backup.refuse(f"file: the user of the module cannot write into '{folder}'.")
        if os.path.isdir(self.exports.path):
            backup.refuse(f"file: '{self.exports.path}' is a directory.")

    def _rotate(self, plan: Plan, mine: list[Export], due: bool) -> None:
        """Add a step for each export that is to go. The new one and the newest `keep` that are as they were written
        stay, and so does what somebody has changed since.
        """
        kept, gone = int(due), []
        for export in mine if self.keep else ():
            as_written = export.whole(by_checksum=False)
            if as_written and kept < (self.keep or 0):
                kept += 1
            elif as_written or export.size is None:
                gone.append(export)
        for export in gone:
            erase = functools.partial(self.erase, export.path)
            plan.steps.append(Step(Action.DELETE, f"remove {export.path}", erase, detail=export.path))
        if gone:
            plan.before["removed"], plan.after["removed"] = [], [export.path for export in gone]

    # -- its steps ----------------------------------------------------------------------------------------------------

    def export(self) -> None:
        from ._streaming import discard, export, written  # only what writes needs it

        with written(self.exports) as part:
            name = export(self.backup, self.own, part, self.options)
            self.published = True
            discard(self.backup, name)

    def remove(self, name: str) -> None:
        """Delete what an interrupted run left on the server, unless a run is at it: that has the lock."""
        from ._streaming import discard, written  # as in export

        with written(self.exports):
            discard(self.backup, name)

    @staticmethod
    def erase(path: str) -> None:
        from ._streaming import erase  # as in export

        erase(path)

    # -- the result ---------------------------------------------------------------------------------------------------

    def shown(self, export: Export | None) -> dict[str, Any]:
        """What the module returns of the newest export; of one that is only planned what is known of it."""
        if export is None:
            return {**named(self.source), **self.options, **({} if self.exports.timed else {"file": self.exports.path})}
        record = export.whole(by_checksum=False) or export.record
        return shown(record, export.path)

    def result(self) -> dict[str, Any]:
        return self.shown(self.newest())


def _machine() -> str:
    try:
        with open("/etc/machine-id", encoding="ascii", errors="replace") as stream:
            return stream.read(64).strip()
    except OSError:  # containers often have none
        return ""
