# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Members that are reported offline although they run.

A member is `Offline` if the leader has not heard of it for `cluster.offline_threshold`, 20 seconds by default. The
leader asks all members at random moments of intervals of half that length. So a healthy member that is busy, or has
just restarted, can be reported offline for a moment.
"""

from __future__ import annotations

from typing import Any, Callable

from .._api.deadline import Deadline
from .._api.reader import Reader

#: How long members have to be heard of again, in seconds: three of those intervals.
HEARTBEATS = 30.0


def heard(client: Reader, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What `read` returns once no member in it is `Offline`, or once the time for that is over. A task waits for this
    once.
    """
    patience = Deadline(min(HEARTBEATS, client.deadline.remaining() / 2))
    found = read()
    attempt = 0
    while client.deadline.patient and any(member["status"] == "Offline" for member in found):
        client.deadline.patient = patience.remaining() > 0
        client.deadline.pause(attempt, "waiting for a heartbeat of cluster members that are offline")
        attempt += 1
        client.forget()
        found = read()
    return found
