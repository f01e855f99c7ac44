# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Copies from another server: made, brought up to date, and moves, which delete the original at the end."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .._api.client import Client
from .._api.errors import Interrupted, InvalidInput, LXDError, Missing, did_you_mean
from .._engine import values
from .._engine.plans import Action, Existing, Plan, Step
from . import _other_server as servers
from ._copied import CREATING, LIVE, MOVED, REFRESHING, Mark, is_part

#: How often a mark is written again because somebody else has changed the copy meanwhile.
_RACES = 5


def digest(*facts: Any) -> str:
    """A state in a few letters."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


class RemoteCopy:
    """The copy of one object of another server. Subclasses say what that is.

    :ivar name: the name of the original
    :ivar query: the project of the original
    """

    kind = ""
    #: Keys of `source` besides those of every copy, and the one that names the original.
    keys: tuple[str, ...] = ()
    named_by = ""
    #: Keys of `source` that the servers take as they are.
    sent: tuple[str, ...] = ()

    def __init__(self, resource: Any) -> None:
        self.resource = resource
        self.source: dict[str, Any] = dict(resource.params["source"])
        servers.check_source(self.source, (self.named_by, "refresh", *self.keys, *self.sent))
        self.name = str(self.source.get(self.named_by) or "")
        if not self.name:
            raise InvalidInput(f"source.{self.named_by}: the name of the {self.kind} to copy is missing.")
        self.query = {"project": self.source.get("project")}
        self.refresh, self.move = (values.is_true(str(self.source.get(key))) for key in ("refresh", "move"))
        self._there: Client | None = None
        #: The original of a copy to create, once it was read.
        self._seen: dict[str, Any] | None = None

    # -- what a kind says ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The path of the original."""
        raise NotImplementedError

    def identity(self, original: dict[str, Any]) -> str:
        """What distinguishes the original from all others, without a space."""
        raise NotImplementedError

    def state_of(self, original: dict[str, Any]) -> str:
        """The state of its data, as far as the server tells; `LIVE` if it can change at any moment."""
        raise NotImplementedError

    def refuse_move(self, original: dict[str, Any]) -> None:
        """Refuse what keeps the original from being deleted."""

    def take_over(self, body: dict[str, Any], original: dict[str, Any]) -> None:
        """Put into the body of a new object what it has of the original."""
        raise NotImplementedError

    def body_of(self, existing: dict[str, Any]) -> dict[str, Any]:
        """The body of the request that refreshes an existing copy, without its source."""
        raise NotImplementedError

    # -- the other server ---------------------------------------------------------------------------------------------

    @property
    def there(self) -> Client:
        if self._there is None:
            self._there = servers.other_server(self.resource.client, self.source)
            servers.refuse_other_product(self.resource.client, self._there, self.kind)
        return self._there

    @property
    def label(self) -> str:
        """The original, as words of steps name it."""
        return f"{self.name} of {self.source['server']['url']}"

    def find(self) -> dict[str, Any] | None:
        return servers.find(self.there, self.url, **self.query)

    def original(self) -> dict[str, Any]:
        found = self.find()
        if found is None:
            known = self.there.names(self.url.rpartition("/")[0], **self.query)
            raise Missing(
                f"source.{self.named_by}: there is no {self.kind} '{self.name}' to copy on {self.there.label}. "
                f"{did_you_mean(self.name, known)}"
            )
        return found

    def snapshots(self, client: Any, url: str, **query: Any) -> list[list[str]]:
        """The snapshots at a path as lists of a name and a time. Time differs where one was made anew."""
        found = client.get(f"{url}/snapshots", recursion=1, **query).metadata or []
        return sorted([one["name"].rpartition("/")[2], str(one.get("created_at"))] for one in found)

    # -- planning -----------------------------------------------------------------------------------------------------

    def for_new(self, body: dict[str, Any]) -> dict[str, Any]:
        """Complete the body of a new copy, and refuse what cannot be copied or moved. Returns the original."""
        body["source"] = {"type": "copy", self.named_by: self.name, "server": self.source["server"]["url"]}
        original = self._seen = self.original()
        servers.addresses(self.there if self._mode == "pull" else self.resource.client)
        if self.move:
            self.refuse_move(original)
        self.take_over(body, original)
        return original

    def frame(self, plan: Plan) -> None:
        """Put the steps of a move around those that make the copy."""
        if self._seen is not None:
            plan.steps = [*self.stopping(self._seen), *plan.steps, *self.leaving(plan)]

    @staticmethod
    def is_broken(existing: dict[str, Any]) -> bool:
        """Whether the transfer that should have made an existing copy has not ended well."""
        mark = Mark.read(existing)
        return mark is not None and mark.state == CREATING

    def refreshing(self, found: Existing, plan: Plan) -> list[Step]:
        """The steps that bring an existing copy up to date; none if it is, or need not be.

        :raises InvalidInput: if what exists is no copy of the original
        """
        mark = Mark.read(found.object)
        if {(Action.CREATE, ""), (Action.REFRESH, "")} & self.resource.done:
            return []
        if not (self.refresh or self.move or is_part(found.object)) or self._has_moved(mark):
            return []
        original = self.find() if self.move and not is_part(found.object) else self.original()
        if original is None:
            return []  # it has been moved
        if mark is None or mark.origin != self.identity(original) or mark.state == MOVED:
            raise InvalidInput(
                f"name: {self.kind} '{self.resource.name}' exists on {self.resource.client.label} and is no copy of "
                f"{self.label}, as it is there now: choose another name, or delete one of them first."
            )
        state = self.state_of(original)
        if state == mark.state and state != LIVE:
            return []
        plan.before["refreshed"], plan.after["refreshed"] = False, True
        self._foresee(plan, Mark(state, mark.origin))
        words = f"refresh {self.kind} {self.resource.name} from {self.label}"
        return [*self.stopping(original), Step(Action.REFRESH, words, self._refresh, reread=True)]

    def stopping(self, original: dict[str, Any]) -> list[Step]:
        """What ends the use of an original that is moved."""
        return []

    def _has_moved(self, mark: Mark | None) -> bool:
        """Whether the move has ended before. Then the other server is not asked: it may be gone."""
        return self.move and mark is not None and mark.state == MOVED

    def leaving(self, plan: Plan) -> list[Step]:
        """The step that ends a move: the original is deleted, once the copy is known to be whole."""
        mark = Mark.read(plan.result or {})
        original = self.find() if self.move and not self._has_moved(mark) else None
        if original is None:
            return []
        self.refuse_move(original)
        plan.before["original"], plan.after["original"] = "present", "absent"
        self._foresee(plan, Mark(MOVED, self.identity(original)))
        return [Step(Action.DELETE, f"delete {self.kind} {self.label}", self._leave, detail="original")]

    @staticmethod
    def _foresee(plan: Plan, mark: Mark) -> None:
        config = (plan.result or {}).get("config") or {}
        if plan.result and values.COPY in config:  # that of a new copy is not known before
            plan.result["config"] = {**config, values.COPY: str(mark)}

    # -- applying -----------------------------------------------------------------------------------------------------

    @property
    def _mode(self) -> str:
        return str(self.source.get("mode") or "pull")

    def create(self, body: dict[str, Any], query: dict[str, Any]) -> None:
        """Make the copy, and mark it as whole once it is."""
        original = self.original()
        config = {**self.kept(original), **(body.get("config") or {})}
        mark = Mark(CREATING, self.identity(original))
        made = {key: value for key, value in body.items() if key not in ("source", "status")}
        self._transfer({**made, "config": {**config, values.COPY: str(mark)}}, original, False, query)

    def kept(self, original: dict[str, Any]) -> dict[str, str]:
        """Keys that the server writes, and that the object keeps when it moves."""
        return {}

    def _refresh(self) -> None:
        original = self.original()
        self._write(Mark(REFRESHING, self.identity(original)))
        found = self.resource.fetch(self.resource.name)
        self._transfer(self.body_of(found.object), original, True, self.resource.query())

    def _transfer(self, body: dict[str, Any], original: dict[str, Any], refresh: bool, query: dict[str, Any]) -> None:
        from ._migration import TRANSFERS, Side  # only what copies needs it

        before = self.state_of(original)
        sent = {key: values.is_true(str(self.source[key])) for key in self.sent if self.source.get(key) is not None}
        here = Side(self.resource.writer, self.resource.collection, body, query)
        request = {"name": self.name, "migration": True, "live": False, **sent}
        there = Side(self.there, self.url, request, self.query)
        more = {"live": False, "refresh": refresh, **sent, **self.more(original)}
        TRANSFERS[self._mode](here, there, more)
        after = self.find()
        state = before if after is not None and self.state_of(after) == before else LIVE
        self._write(Mark(state, self.identity(original)), body["name"])

    def more(self, original: dict[str, Any]) -> dict[str, Any]:
        """More keys of the source that a request of this kind has."""
        return {}

    def _write(self, mark: Mark, name: str | None = None) -> None:
        """Mark the copy. A lost race is repeated here: planned again, it would be another transfer."""
        resource = self.resource
        for attempt in range(_RACES):
            found = resource.fetch(name or resource.name)
            if found is None:
                raise Interrupted(f"{self.kind} '{name or resource.name}' is gone after its transfer")
            config = {**(found.object.get("config") or {}), values.COPY: str(mark)}
            try:
                resource.writer.write("PUT", resource.url(found.name), *self.written(found, config), **resource.query())
                return
            except Interrupted:
                resource.client.deadline.pause(attempt, f"marking {self.kind} {found.name}")
        raise Interrupted(f"{self.kind} '{resource.name}' is changed by others all the time")

    def written(self, found: Existing, config: dict[str, str]) -> tuple[dict[str, Any], str | None]:
        """The body and the ETag of the request that writes the config."""
        return {**found.object, "config": config}, found.etag

    def _leave(self) -> None:
        """Delete the original if the copy has all of it."""
        original, copy = self.find(), self.resource.fetch(self.resource.name)
        if original is None:
            return
        mark = Mark.read(copy.object) if copy else None
        there = {name for name, _time in self.snapshots(self.there, self.url, **self.query)}
        here = {
            name for name, _time in self.snapshots(self.resource.client, self.resource.url(), **self.resource.query())
        }
        if mark is None or mark != Mark(self.state_of(original), self.identity(original)) or there - here:
            raise LXDError(
                f"{self.kind} {self.label} is not deleted, because it has changed since it was copied. Run the task "
                "again: it brings the copy up to date first."
            )
        self.there.write("DELETE", self.url, **self.query)
        self._write(Mark(MOVED, mark.origin))
