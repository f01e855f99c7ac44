# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The attempts at one request: after which failures it is sent again, and until when."""

from __future__ import annotations

import time

from . import messages
from .deadline import Deadline
from .errors import ConnectionFailed, Interrupted, ServerError

#: For how many seconds a request is repeated while the daemon accepts no connections, or while members of a cluster do
#: not reach another one. Never longer than the task's timeout.
CONNECT_GRACE = 30.0


class Attempts:
    """Decides about each failure of a request: another attempt, or an error.

    A GET is repeated while the server recovers. A write is repeated only if the server cannot have seen it.
    """

    def __init__(self, method: str, path: str, label: str, deadline: Deadline) -> None:
        self.deadline = deadline
        self._method, self._path = method, path
        self._doing = f"sending {method} {path} to {label}"
        self._trouble = ""
        self._count = 0
        self._failing_since: float | None = None

    def begin(self) -> float:
        """Begin an attempt. Returns the seconds that are left for it; raises `DeadlineExceeded` if there are none."""
        left = self.deadline.check(self._doing + self._trouble)
        self._count += 1
        return left

    def unanswered(self, failure: ConnectionFailed) -> None:
        """Pause before another attempt at a request that got no answer, or raise.

        `Interrupted` means that the server may have done it, `ConnectionFailed` that it stayed away.
        """
        if failure.permanent:
            raise failure
        if failure.sent and self._method != "GET":
            raise Interrupted(str(failure)) from failure
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        self._trouble = f", which failed with: {failure}"
        if now - self._failing_since > CONNECT_GRACE or self.deadline.remaining() < 0.2:
            self.deadline.patient = False
            words = f"{failure} (tried {self._count} times, for {self._method} {self._path})"
            raise ConnectionFailed(words, failure.sent) from failure
        self._pause()

    def refused(self, refusal: ServerError) -> None:
        """Pause before another attempt at a request that the server refused, or raise.

        `Interrupted` means that the caller has to read the object again, `ServerError` that the refusal is final.
        """
        passing = messages.is_transient(refusal)
        if refusal.code == 412 or (passing and self._method != "GET"):
            raise Interrupted(refusal.text) from refusal
        if not passing:
            raise refusal
        self._trouble = f"; the server last said: {refusal.text}"
        self._pause()

    def _pause(self) -> None:
        self.deadline.pause(self._count - 1, self._doing + self._trouble)
