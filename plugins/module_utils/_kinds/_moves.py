# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Repair moves between members that were interrupted.

LXD copies an instance to the other member as `lxd-move-of-UUID`, deletes the original, and renames the copy. If it
takes the other member for offline in between, because a heartbeat came late, the copy keeps that name, stopped, and
every later move of it fails.
"""

from __future__ import annotations

from typing import Any

from .._api.client import Client, quote
from .._api.reader import Reader

TEMPORARY = "lxd-move-of-"
#: How often to look whether a member is heard of again, about once a second.
LATE = 30


def mend(client: Client, moved: list[dict[str, Any]]) -> list[str]:
    """Rename instances whose move was interrupted back, and return their names; `moved` is how they were before."""
    names = {project: client.names("/1.0/instances", project=project) for project in {one["project"] for one in moved}}
    mended = []
    for one in moved:
        temporary, there = TEMPORARY + _key(one, "volatile.uuid"), names[one["project"]]
        if temporary in there and one["name"] not in there:
            client.write("POST", f"/1.0/instances/{quote(temporary)}", {"name": one["name"]}, project=one["project"])
            mended.append(one["name"])
    return mended


def start_again(client: Client, moved: list[dict[str, Any]]) -> None:
    """Start those that ran, were moved, and are stopped: a server that repeats a move forgets that they ran."""
    for one in _now(client, [one for one in moved if one["status"] == "Running"]):
        if one["status"] == "Stopped":
            client.write(
                "PUT",
                f"/1.0/instances/{quote(one['name'])}/state",
                {"action": "start", "timeout": -1},
                project=one["project"],
            )


def _now(client: Reader, moved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The instances that are on another member now. A member that is reported offline does not show their state, so a
    late heartbeat is waited for.
    """
    before = {(one["project"], one["name"]): one["location"] for one in moved}
    for attempt in range(LATE):
        there = [
            one for one in _all(client) if before.get((one["project"], one["name"]), one["location"]) != one["location"]
        ]
        if all(one["status"] != "Error" for one in there):
            break
        client.deadline.pause(attempt, "waiting for the members that instances were moved to")
    return there


def concerned(client: Reader, member: str) -> list[dict[str, Any]]:
    """The instances that are on a member, and those that were evacuated from it."""
    return [one for one in _all(client) if member in (one["location"], _key(one, "volatile.evacuate.origin"))]


def _key(instance: dict[str, Any], key: str) -> str:
    return str((instance["config"] or {}).get(key, ""))  # of an instance on a member that is offline, there is none


def _all(client: Reader) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/1.0/instances", recursion=1, **{"all-projects": "true"}).metadata or []
    return found
