# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Moves between members that broke off half-way, brought to their end.

LXD copies an instance to the other member as C(lxd-move-of-UUID), deletes the original, and renames the copy. Where it takes the other member for
offline in between, because a heartbeat came late, the copy keeps that name, stopped, and every later move of it fails.
"""

from __future__ import annotations

from typing import Any

from .._client import Client, quote

TEMPORARY = "lxd-move-of-"


def mend(client: Client, moved: list[dict[str, Any]]) -> list[str]:
    """Give those whose move broke off their names back, and say which; C(moved) are the instances as they were before."""
    there = {(one["project"], one["name"]): one for one in _all(client)}
    mended = []
    for one in moved:
        temporary = TEMPORARY + str(one["config"].get("volatile.uuid"))
        if (one["project"], temporary) in there and (one["project"], one["name"]) not in there:
            client.write("POST", f"/1.0/instances/{quote(temporary)}", {"name": one["name"]}, project=one["project"])
            mended.append(one["name"])
    return mended


def start_again(client: Client, moved: list[dict[str, Any]]) -> None:
    """Start those that ran, were moved, and are stopped: a server that tries a move again has forgotten that they ran."""
    there = {(one["project"], one["name"]): one for one in _all(client)}
    for one in moved:
        now = there.get((one["project"], one["name"]), one)
        if one["status"] == "Running" and now["status"] == "Stopped" and now["location"] != one["location"]:
            client.write("PUT", f"/1.0/instances/{quote(one['name'])}/state", {"action": "start", "timeout": -1}, project=one["project"])


def concerned(client: Client, member: str) -> list[dict[str, Any]]:
    """The instances that are on a member, and those that were evacuated from it."""
    return [one for one in _all(client) if member in (one["location"], one["config"].get("volatile.evacuate.origin"))]


def _all(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/1.0/instances", recursion=1, **{"all-projects": "true"}).metadata or []
    return found
