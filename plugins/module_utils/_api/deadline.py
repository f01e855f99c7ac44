# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The time that a task has."""

from __future__ import annotations

import time

from .errors import DeadlineExceeded


class Deadline:
    """One limit in seconds for everything that a task does."""

    #: Whether what is away may yet be back. A task that has waited for it in vain does not do so again.
    patient = True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        return self._end - time.monotonic()

    def check(self, doing: str) -> float:
        """The seconds left; raises when there are none."""
        left = self.remaining()
        if left <= 0:
            raise DeadlineExceeded(f"The timeout of {self.seconds:g} s is over while {doing}.")
        return left

    def pause(self, attempt: int, doing: str, longest: float = 1.0) -> None:
        """Wait before the next look at something that has no event to wait for: 0.1 s, doubling up to `longest`."""
        time.sleep(min(0.1 * 2 ** min(attempt, 5), longest, max(self.check(doing), 0.01)))
