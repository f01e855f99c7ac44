# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Copies from another server: made, brought up to date, and moves, which delete the original at the end, or keep it
aside.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from .._api.errors import Interrupted, InvalidInput, LXDError
from .._engine import values
from .._engine.plans import ELSEWHERE, Action, Existing, Plan, Step
from ._copied import CREATING, LIVE, MOVED, REFRESHING, Mark, is_part
from ._original import Original
from ._other_server import RELAY

#: How often a mark is written again because somebody else has changed the copy meanwhile.
_RACES = 5


def digest(*facts: Any) -> str:
    """A state in a few letters."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


class RemoteCopy:
    """A resource that is a copy of what another server has."""

    def __init__(self, resource: Any, original: Original) -> None:
        self.resource, self.original = resource, original
        self.kind = original.kind
        #: The original of a copy to create, once it was read.
        self._seen: dict[str, Any] | None = None

    # -- planning -----------------------------------------------------------------------------------------------------

    def for_new(self, body: dict[str, Any]) -> dict[str, Any]:
        """Complete the body of a new copy, and refuse what cannot be copied or moved. Returns the original."""
        original = self.original
        body["source"] = {
            "type": "copy", original.named_by: original.name, "server": original.source["server"]["url"],
        }  # fmt: skip
        self._seen = original.get()
        original.check_reach()
        if original.moves:
            original.refuse_move(self._seen)
        seen, lost = original.understood(self._seen)
        if lost:
            self.resource.doubt(
                f"{self.kind} {original.label} has what {self.resource.client.label} does not know, so the copy is "
                f"without it: {', '.join(lost)}."
            )
        original.take_over(body, seen)
        return seen

    def frame(self, plan: Plan) -> None:
        """Put the steps of a move around those that make the copy."""
        if self._seen is not None:
            plan.steps = [*self.original.stopping(self._seen), *plan.steps, *self.leaving(plan)]

    @staticmethod
    def is_broken(existing: dict[str, Any]) -> bool:
        """Whether the transfer that should have made an existing copy has not ended well."""
        mark = Mark.read(existing)
        return mark is not None and mark.state == CREATING

    def refreshing(self, found: Existing, plan: Plan) -> list[Step]:
        """The steps that bring an existing copy up to date; none if it is, or need not be.

        :raises InvalidInput: if what exists is no copy of the original
        """
        mark, part = Mark.read(found.object), is_part(found.object)
        just_made = {(Action.CREATE, ""), (Action.REFRESH, "")} & self.resource.done
        wanted = self.original.says("refresh") or self.original.moves or part
        if just_made or not wanted or self._has_moved(mark):
            return []
        original = self.original.find() if self.original.moves and not part else self.original.get()
        if original is None:
            return []  # it has been moved
        if mark is None or mark.origin != self.original.identity(original) or mark.state == MOVED:
            raise InvalidInput(
                f"name: {self.kind} '{self.resource.name}' exists on {self.resource.client.label} and is no copy of "
                f"{self.original.label}, as it is there now: choose another name, or delete one of them first."
            )
        state = self.original.state_of(original)
        if state == mark.state and state != LIVE:
            return self._identifying(found, original, mark)
        plan.before["refreshed"], plan.after["refreshed"] = False, True
        self._foresee(plan, Mark(state, mark.origin))
        words = f"refresh {self.kind} {self.resource.name} from {self.original.label}"
        return [*self.original.stopping(original), Step(Action.REFRESH, words, self._refresh, reread=True)]

    def _identifying(self, found: Existing, original: dict[str, Any], mark: Mark) -> list[Step]:
        """The step that gives a copy which is up to date, and has been made as a copy, what only a move keeps."""
        had = found.object.get("config") or {}
        kept = {} if self.original.is_used(found.object) else self.original.identity_keys(original)
        lacking = {key: value for key, value in kept.items() if had.get(key) != value}
        if not self.original.moves or not lacking:
            return []
        words = f"give {self.kind} {self.resource.name} the identity of {self.original.label}"
        write = functools.partial(self._write, mark, None, lacking)
        return [Step(Action.MOVE, words, write, reread=True, detail="identity")]

    def _has_moved(self, mark: Mark | None) -> bool:
        """Whether the move has ended before. Then the other server is not asked: it may be gone."""
        return self.original.moves and mark is not None and mark.state == MOVED

    def leaving(self, plan: Plan) -> list[Step]:
        """The step that ends a move: the original is deleted or kept aside, once the copy is known to be whole."""
        moved = self._has_moved(Mark.read(plan.result or {}))
        original = self.original.find() if self.original.moves and not moved else None
        if original is None:
            return []
        self.original.refuse_move(original)
        plan.before["original"], plan.after["original"] = "present", "kept" if self.original.keeps else "absent"
        self._foresee(plan, Mark(MOVED, self.original.identity(original)))
        if self.original.keeps:
            words = f"keep {self.kind} {self.original.label} as it is"
            return [Step(Action.MOVE, words, self._leave, detail=ELSEWHERE)]
        return [Step(Action.DELETE, f"delete {self.kind} {self.original.label}", self._leave, detail=ELSEWHERE)]

    @staticmethod
    def _foresee(plan: Plan, mark: Mark) -> None:
        config = (plan.result or {}).get("config") or {}
        if plan.result and values.COPY in config:  # that of a new copy is not known before
            plan.result["config"] = {**config, values.COPY: str(mark)}

    # -- applying -----------------------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any], query: dict[str, Any]) -> None:
        """Make the copy, and mark it as whole once it is."""
        original = self.original.get()
        mark = Mark(CREATING, self.original.identity(original))
        config = {**self.original.kept(original), **(body.get("config") or {}), values.COPY: str(mark)}
        made = {key: value for key, value in body.items() if key not in ("source", "status")}
        self._transfer({**made, "config": config}, original, False, query)

    def _refresh(self) -> None:
        original = self.original.get()
        kept = self.original.identity_keys(original) if self.original.moves else {}
        self._write(Mark(REFRESHING, self.original.identity(original)), more=kept)
        found = self.resource.fetch(self.resource.name)
        self._transfer(self.original.body_of(found.object), original, True, self.resource.query())

    def _transfer(self, body: dict[str, Any], original: dict[str, Any], refresh: bool, query: dict[str, Any]) -> None:
        from ._migration import TRANSFERS, Side  # only what copies needs it

        there, before = self.original, self.original.state_of(original)
        if there.mode == RELAY:
            from ._relay import relay  # as above

            relay(self.resource, there, body, query, refresh)
            self._mark_as(body["name"], original, before)
            return
        sent = {key: there.says(key) for key in there.sent if there.source.get(key) is not None}
        request = {"name": there.name, "migration": True, "live": False, **sent}
        more = {"live": False, "refresh": refresh, **sent, **there.more(original)}
        here = Side(self.resource.writer, self.resource.collection, body, query)
        TRANSFERS[there.mode](here, Side(there.there, there.url, request, there.query), more)
        self._mark_as(body["name"], original, before)

    def _mark_as(self, name: str, original: dict[str, Any], before: str) -> None:
        """Mark a copy as whole, and as of a state if that has not changed meanwhile."""
        after = self.original.find()
        state = before if after is not None and self.original.state_of(after) == before else LIVE
        self._write(Mark(state, self.original.identity(original)), name)

    def _write(self, mark: Mark, name: str | None = None, more: dict[str, str] | None = None) -> None:
        """Mark the copy, and write `more` keys. A lost race is repeated here: planned again, it would be another
        transfer.
        """
        resource = self.resource
        for attempt in range(_RACES):
            found = resource.fetch(name or resource.name)
            if found is None:
                raise Interrupted(f"{self.kind} '{name or resource.name}' is gone after its transfer")
            config = {**(found.object.get("config") or {}), **(more or {}), values.COPY: str(mark)}
            body = self.original.written(found, config)
            try:
                resource.writer.write("PUT", resource.url(found.name), body, etag=found.etag, **resource.query())
                return
            except Interrupted:
                resource.client.deadline.pause(attempt, f"marking {self.kind} {found.name}")
        raise Interrupted(f"{self.kind} '{resource.name}' is changed by others all the time")

    def _leave(self) -> None:
        """Delete or keep the original if the copy has all of it."""
        there, resource = self.original, self.resource
        original, copy = there.find(), resource.fetch(resource.name)
        if original is None:
            return
        mark = Mark.read(copy.object) if copy else None
        whole = Mark(there.state_of(original), there.identity(original))
        here = resource.client.names(f"{resource.url()}/snapshots", **resource.query())
        lacking = {name for name, _time in there.snapshots()} - set(here)
        if mark is None or mark != whole or mark.state == LIVE or lacking:
            raise LXDError(
                f"The move of {self.kind} {there.label} is not ended, because it has changed since it was copied. Run "
                "the task again: it brings the copy up to date first."
            )
        if there.keeps:
            there.retire(str((resource.client.server.get("environment") or {}).get("server_name") or ""))
        else:
            there.there.write("DELETE", there.url, **there.query)
        self._write(Mark(MOVED, mark.origin))
