# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Members that count as offline although they live.

A member is `Offline` once nothing was heard of it for `cluster.offline_threshold`, 20 seconds by default. The leader
asks all of them at random
moments of intervals of half as long, so one that is healthy and busy, or has just come back, looks like a dead one now
and then.
"""

from __future__ import annotations

from typing import Any, Callable

from .._api.client import Client
from .._api.deadline import Deadline

#: How long members have to be heard of again, in seconds: three of those intervals.
HEARTBEATS = 30.0


def heard(client: Client, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Those that `read` finds, once none of them is `Offline`, or once the time for it is over, which a task waits for
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
