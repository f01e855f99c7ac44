# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The addresses of one server or one cluster, and which of them have failed."""

from __future__ import annotations

import threading
import time
from typing import Any, Collection

from .errors import InvalidInput, LXDError


def urls_of(given: Any) -> tuple[str, ...]:
    """The addresses in the option `url`, which is a list, or a text with commas between them. None if it is empty."""
    parts = given.split(",") if isinstance(given, str) else given or ()
    found = [str(part).strip().rstrip("/") for part in parts]
    if any(found) and not all(found):
        raise InvalidInput(f"url: address {found.index('') + 1} of {len(found)} is empty. Write it, or leave it out.")
    return tuple(dict.fromkeys(filter(None, found)))


class Addresses:
    """The addresses of one server or one cluster, in the order of the option `url`.

    All connections of a task share them, so what one of them learns of an address, none of the others has to wait for.
    """

    def __init__(self, urls: Collection[str]) -> None:
        self.urls = tuple(urls)
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[float, LXDError]] = {}

    def choose(self, current: str, among: Collection[str]) -> str:
        """The address for the next attempt, out of `among`: the current one as long as it works.

        Otherwise, the first that has not failed; if all have, the one whose failure is the longest ago.
        """
        with self._lock:
            if current in among and current not in self._failed:
                return current
            open_to = [url for url in self.urls if url in among] or [current]
            return min(open_to, key=lambda url: self._failed[url][0] if url in self._failed else 0.0)

    def failed(self, url: str, failure: LXDError) -> None:
        with self._lock:
            self._failed[url] = (time.monotonic(), failure)

    def answered(self, url: str) -> None:
        if url in self._failed:
            with self._lock:
                self._failed.pop(url, None)

    def doubts(self) -> list[str]:
        """What is wrong with addresses so that waiting does not help, though the task may not have needed them."""
        with self._lock:
            wrong = {url: failure for url, (_when, failure) in self._failed.items() if is_permanent(failure)}
        return [f"One of the addresses in url is not used: {failure}" for failure in wrong.values()]


def is_permanent(failure: LXDError) -> bool:
    """Whether an address that failed so is not worth another attempt."""
    return bool(getattr(failure, "permanent", False))
