# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time that passes only while somebody waits: what a test says of seconds holds on a machine of any speed, and costs
none.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ConnectionFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Response, Transport
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import FakeServer


class Clock:
    """What the module `time` is to the engine. `pauses` are the waits so far, and `passed` the seconds since the
    beginning.
    """

    def __init__(self) -> None:
        self.passed = 0.0
        self.pauses: list[float] = []
        self._due: list[tuple[float, Callable[[], Any]]] = []

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds
        for moment, work in [due for due in self._due if due[0] <= self.passed]:
            self._due.remove((moment, work))
            work()

    def at(self, moment: float, work: Callable[[], Any]) -> None:
        """Do something once that many seconds have passed."""
        self._due.append((moment, work))


class Hasty(Transport):
    """A transport to a fake server that has all the time of a busy machine for an answer that comes, and little for one
    that never does.

    Then it says that all the time has passed. `timeouts` are those that it was asked for.
    """

    def __init__(self, server: FakeServer, clock: Clock | None = None) -> None:
        super().__init__(server.url)
        self.server, self.clock = server, clock or Clock()
        self.timeouts: list[float] = []

    def request(
        self, method: str, path: str, body: Any = None, headers: Any = None, timeout: float = 60.0, sink: Any = None
    ) -> Response:
        self.timeouts.append(timeout)
        try:
            return super().request(
                method,
                path,
                body,
                headers,
                0.05 if self.server.is_silent(f"{method} {path.partition('?')[0]}") else 60.0,
                sink,
            )
        except ConnectionFailed as exc:
            if "no answer in time" in str(exc):
                self.clock.sleep(timeout)
            raise
