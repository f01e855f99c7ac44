# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The progress of a stack: a line for each finished resource, and what the others wait for.

`plugin_utils/_progress.py` shows it on the controller. It reads snapshots: dictionaries with these keys.

- `done`, `total`: numbers of resources. `total` is None during planning.
- `line`, `failed`: the line for a resource that has finished since the last snapshot, and whether it failed.
- `now`: the resources that have been worked on the longest, each as a list of its title, what it waits for, and for how
  many seconds. `more` is the number of the others.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from .._engine import values
from .planner import CREATE, DELETE, REPLACE, UPDATE, Node

#: How many resources a snapshot names.
MOST = 3
_DONE = {CREATE: "created {}", UPDATE: "updated {}", REPLACE: "replaced {}", DELETE: "deleted {}", "": "{} is ready"}


class _Work:
    """A resource that a worker works on: what it waits for, and since when."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.begun = self.since = time.monotonic()
        self.words = self.detail = ""


class Progress:
    """Collects the progress of a run. All threads of the run call it.

    :param send: called with each snapshot, by one thread at a time; None if nobody looks
    :param hide: hides secrets in text
    """

    def __init__(self, send: Callable[[dict[str, Any]], None] | None = None, hide: Callable[[str], str] = str) -> None:
        self.is_shown = send is not None
        self.done = 0
        self.total: int | None = None
        self.running: dict[Node, _Work] = {}
        #: The lines of all finished resources, each with whether it failed.
        self.lines: list[tuple[str, bool]] = []
        self._send, self._hide = send, hide
        self._lock = threading.Lock()

    def plan(self) -> None:
        """The plan begins."""
        self._tell()

    def apply(self, total: int) -> None:
        """The plan is made, and `total` resources are to be changed."""
        self.total = total
        self._tell()

    def begin(self, node: Node) -> None:
        """A worker begins with a resource."""
        with self._lock:
            self.running[node] = _Work(self._hide(node.title))
        self._tell()

    def wait(self, node: Node, words: str, detail: str = "") -> None:
        """A resource waits for something; without words, for the same as before. Its seconds begin again with other
        words, and go on with another detail.
        """
        work = self.running[node]
        words = values.printable(words) or work.words
        if (words, detail) != (work.words, work.detail):
            if words != work.words:
                work.since = time.monotonic()
            work.words, work.detail = words, values.printable(detail)
            self._tell()

    def end(self, node: Node, failed: bool) -> None:
        """A worker has finished a resource."""
        with self._lock:
            work = self.running.pop(node)
            self.done += 1
        took = f"{time.monotonic() - work.begun:.1f} s"
        words = f"failed to {node.action or 'wait for'} {work.title} after {took}"
        if not failed:
            words = f"{_DONE[node.action].format(work.title)} {'in' if node.action else 'after'} {took}"
        line = f"{self.done} of {self.total}, {words}"
        self.lines.append((line, failed))
        self._tell(line=line, failed=failed)

    def _tell(self, **more: Any) -> None:
        if self._send is None:
            return
        with self._lock:
            now = time.monotonic()
            first = [
                [work.title, ", ".join(part for part in (work.words, work.detail) if part), round(now - work.since, 1)]
                for work in list(self.running.values())[:MOST]
            ]
            rest = max(len(self.running) - MOST, 0)
            self._send({"done": self.done, "total": self.total, "now": first, "more": rest, **more})
