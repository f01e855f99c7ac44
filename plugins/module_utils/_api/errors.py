# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Types of errors that the layers above tell apart."""

from __future__ import annotations

import difflib
from typing import Any


class LXDError(Exception):
    """A failure to report to the user; the text is complete as it stands. `done` are the steps that were done before
    it.
    """

    #: Whether the same task can succeed later although nobody changes anything.
    retryable = False
    result: dict[str, Any] = {}

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.done: list[Any] = []

    @property
    def refusal(self) -> ServerError | None:
        """The answer of the server that is the cause, if there is one."""
        cause: BaseException | None = self
        while cause is not None and not isinstance(cause, ServerError):
            cause = cause.__cause__
        return cause


class StackFailed(LXDError):
    """Some of the changes of a stack failed; `result` is what is told besides the words."""

    def __init__(self, message: str, result: dict[str, Any], retryable: bool = False) -> None:
        super().__init__(message)
        self.result = result
        self.retryable = retryable


class InvalidInput(LXDError):
    """The task asks for something that cannot be; nothing was changed. `each` are all the things that are wrong."""

    def __init__(self, *each: str) -> None:
        self.each = tuple(dict.fromkeys(each))
        count = len(self.each)
        super().__init__(
            self.each[0]
            if count == 1
            else "\n".join([f"{count} errors, and nothing was changed:", *(f"- {words}" for words in self.each)])
        )


class Missing(InvalidInput):
    """Something that the task needs does not exist on the server. An earlier task of the play can create it."""


class ServerError(LXDError):
    """The server answered with an error; `code` is its error code, `text` are its own words."""

    def __init__(self, message: str, code: int = 0, text: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.text = text or message


class ConnectionFailed(LXDError):
    """No answer from the server. `sent` tells whether it may have seen the request."""

    def __init__(self, message: str, sent: bool = False, permanent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.permanent = permanent
        self.retryable = not permanent


class Interrupted(LXDError):
    """A write may or may not have happened: read the object again before deciding."""

    retryable = True


class DeadlineExceeded(LXDError):
    """The task's `timeout` is over."""

    retryable = True


def some_of(what: str, names: list[str], most: int = 20) -> list[str]:
    """What there is, with the first of their names, for a sentence about it; nothing where there is none."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"{what} {', '.join(sorted(names)[:most])}{more}"] if names else []


def nearest(name: str, known: list[str]) -> str:
    """A sentence that names the nearest known name; empty if none is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else ""


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence that names the nearest known name, or all of them when none is near."""
    near = nearest(name, known)
    if near:
        return near
    if not known:
        return "There is none."
    shown = ", ".join(sorted(known)[:12])
    return f"Known: {shown}{', …' if len(known) > 12 else ''}."
