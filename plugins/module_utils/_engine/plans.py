# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a plan consists of: the object as it was read, and the steps that change it."""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple


class Existing(NamedTuple):
    """An object as the server has it, and the name and project under which it was found.

    `whole` names what it belongs to, by option, where that can be another than the options say.
    """

    object: dict[str, Any]
    etag: str | None
    name: str
    project: str | None = None
    whole: Mapping[str, str] = MappingProxyType({})


class Action(enum.Enum):
    """What a step does, for programs. A step's words are for people only."""

    CREATE, UPDATE, RENAME, DELETE = "create", "update", "rename", "delete"
    FINISH, MOVE, REBUILD, REFRESH, RESTORE = "finish", "move", "rebuild", "refresh", "restore"
    START, STOP, RESTART, FREEZE, UNFREEZE = "start", "stop", "restart", "freeze", "unfreeze"
    EVACUATE, JOIN, ISSUE = "evacuate", "join", "issue"
    EXPORT, IMPORT = "export", "import"

    @property
    def can_be_lost(self) -> bool:
        """Whether it is one write of the object, which another writer who read before it can take back (`converge`)."""
        return self in (Action.UPDATE, Action.FINISH)


#: The `detail` of a step that changes what is on another server.
ELSEWHERE = "original"


class Step(NamedTuple):
    """One change. After `reread` steps the object has another path or ETag, so the rest is planned again.

    `detail` distinguishes steps of one plan that have the same action.
    """

    action: Action
    words: str
    run: Callable[[], Any]
    reread: bool = False
    detail: str = ""

    @property
    def key(self) -> tuple[Action, str]:
        return (self.action, self.detail)


class UpdateSteps(NamedTuple):
    """The steps of an update by their sort, for a kind to order; each list can be empty."""

    rename: list[Step]
    update: list[Step]
    rest: list[Step]


class Done(NamedTuple):
    """A step as results have it: `action` and the resource for programs, `words` for people."""

    action: str
    kind: str
    name: str
    words: str


class Plan:
    """What will be done, and the object before and after it; nothing to do is an empty list of steps."""

    def __init__(
        self, before: dict[str, Any], after: dict[str, Any], steps: list[Step], result: dict[str, Any] | None
    ) -> None:
        self.before = before
        self.after = after
        self.steps = steps
        self.result = result
        self.verb = ""
        self.users: list[str] = []

    def among(self, verb: str, users: list[str]) -> Plan:
        """Add what the server refuses while the resource is in use, and the URLs of what uses it. Returns the plan."""
        self.verb, self.users = verb, users
        return self
