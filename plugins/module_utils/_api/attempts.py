# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The attempts at one request: after which failures it is sent again, and until when."""

from __future__ import annotations

import time

from . import messages
from .addresses import Addresses, is_permanent
from .deadline import Deadline
from .errors import ConnectionFailed, Interrupted, LXDError, ServerError

#: For how many seconds a request is repeated while the daemon accepts no connections, or while members of a cluster do
#: not reach another one. Never longer than the task's timeout.
CONNECT_GRACE = 30.0


#: For how many seconds an address is given the chance to connect, if there is another one. Doubled after each round.
CONNECT_PATIENCE = 1.0


class Attempts:
    """Decides about each failure of a request: another attempt, or an error.

    A GET is repeated while the server recovers. A write is repeated only if the server cannot have seen it. If the
    server has several addresses, an attempt that failed is made at the next one at once, and there is a pause when all
    of them have failed.
    """

    def __init__(self, method: str, path: str, label: str, deadline: Deadline, addresses: Addresses) -> None:
        self.deadline = deadline
        self._method, self._path = method, path
        self._doing = f"sending {method} {path} to {label}"
        self._trouble = ""
        self._count = self._rounds = 0
        self._failing_since: float | None = None
        self._addresses = addresses
        #: The addresses that have not been tried since the last pause, and why others failed.
        self._untried = set(addresses.urls)
        self._failures: dict[str, LXDError] = {}

    @property
    def patience(self) -> float | None:
        """The seconds for a connection to one address; None if there is no other."""
        return CONNECT_PATIENCE * 2**self._rounds if len(self._addresses.urls) > 1 else None

    def address(self, current: str) -> str:
        """The address for the next attempt."""
        return self._addresses.choose(current, self._untried)

    def begin(self) -> float:
        """Begin an attempt. Returns the seconds that are left for it; raises `DeadlineExceeded` if there are none."""
        left = self.deadline.check(self._doing + self._trouble)
        self._count += 1
        return left

    def unanswered(self, url: str, failure: ConnectionFailed) -> None:
        """Prepare another attempt at a request that got no answer from the address `url`, or raise.

        `Interrupted` means that the server may have done it, `ConnectionFailed` that it stayed away.
        """
        elsewhere = self._another(url, failure)
        if failure.sent and self._method != "GET":
            if failure.permanent:
                raise failure
            raise Interrupted(str(failure)) from failure
        if not self._untried:
            raise self._given_up(failure, permanent=True)
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        self._trouble = f", which failed with: {'; '.join(map(str, self._failures.values()))}"
        if now - self._failing_since > CONNECT_GRACE or self.deadline.remaining() < 0.2:
            self.deadline.patient = False
            raise self._given_up(failure) from failure
        if not elsewhere:
            self._pause()

    def refused(self, url: str, refusal: ServerError) -> None:
        """Prepare another attempt at a request that the server refused at the address `url`, or raise.

        `Interrupted` means that the caller has to read the object again, `ServerError` that the refusal is final.
        """
        passing = messages.is_transient(refusal)
        if refusal.code == 412 or (passing and self._method != "GET"):
            raise Interrupted(refusal.text) from refusal
        if not passing:
            raise refusal
        self._trouble = f"; the server last said: {refusal.text}"
        if not self._another(url, refusal):
            self._pause()

    def _another(self, url: str, failure: LXDError) -> bool:
        """Note a failure. True if there is an address that has not been tried since the last pause."""
        self._addresses.failed(url, failure)
        self._failures[url] = failure
        self._untried.discard(url)
        if self._untried:
            return True
        self._untried = {one for one in self._addresses.urls if not is_permanent(self._failures[one])}
        return False

    def _given_up(self, failure: ConnectionFailed, permanent: bool = False) -> ConnectionFailed:
        """The error that names every address, and why each of them failed."""
        if len(self._addresses.urls) == 1 and permanent:
            return failure
        tried = f"tried {self._count} times, for {self._method} {self._path}"
        if len(self._addresses.urls) == 1:
            return ConnectionFailed(f"{failure} ({tried})", failure.sent)
        each = "".join(f"\n- {self._failures[url]}" for url in self._addresses.urls if url in self._failures)
        return ConnectionFailed(f"No address in url answers ({tried}):{each}", failure.sent, permanent)

    def _pause(self) -> None:
        self.deadline.pause(self._rounds, self._doing + self._trouble)
        self._rounds += 1
