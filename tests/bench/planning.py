# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner alone, on a server in memory: what a plan costs by the number of resources, where all is to be made and
where all is made.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, Callable

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import plan_stack
from ansible_collections.cloudhost.lxd.tests.unit.world import World, WorldClient


def document(size: int) -> Document:
    """One profile in ten resources, and instances that use them."""
    profiles = [
        {"name": f"profile{number}", "config": {"limits.memory": "256MiB", "user.number": number}}
        for number in range(size // 10)
    ]
    instances = [
        {
            "name": f"instance{number}",
            "state": "stopped",
            "source": {"type": "none"},
            "profiles": ["default", f"profile{number % len(profiles)}"],
            "config": {"limits.cpu": 2, "user.role": "web"},
            "devices": {"data": {"type": "disk", "source": "/srv", "path": "/srv"}},
        }
        for number in range(size - len(profiles))
    ]
    return Document("", {"profiles": profiles, "instances": instances}, {})


class Server(World):
    """The server in memory, which lists the users of its profiles once, and not for each of them again."""

    listed: dict[str, list[tuple[str, str]]] | None = None

    def users(self, path: str, where: str) -> list[tuple[str, str]]:
        if not path.startswith("/1.0/profiles/"):
            return super().users(path, where)
        if self.listed is None:
            self.listed = {}
            for (place, other), obj in self.objects.items():
                for profile in obj.get("profiles", ()):
                    self.listed.setdefault(profile, []).append((place, other))
        return self.listed.get(path.rpartition("/")[2], [])


def planner_table(table: Callable[[list[str], list[list[str]]], str], sizes: tuple[int, ...]) -> str:
    rows = []
    for size in sizes:
        given = document(size)
        world = Server()
        fresh, _requests = _planned(world, given)
        for node in plan_stack(WorldClient(world), KINDS, StackOptions("bench"), [given]).nodes:
            world.put(
                f"{node.kind.path}/{node.label}",
                **{key: value for key, value in (node.plan.result or {}).items() if key not in ("name", "source")},
            )
        world.listed = None
        again, requests = _planned(world, given)
        rows.append([str(size), f"{fresh:.2f} s", f"{again:.2f} s", f"{again / size * 1e6:.0f} µs", str(requests)])
    return table(["resources", "plan, none is there", "plan, all are there", "each", "requests"], rows)


def _planned(world: Any, given: Document) -> tuple[float, int]:
    """Seconds of the processor, which one thread takes, whatever else the machine does; and requests."""
    taken = []
    for _round in range(3):
        client = WorldClient(world)
        start = time.process_time()
        planned = plan_stack(client, KINDS, StackOptions("bench"), [given])
        taken.append(time.process_time() - start)
    busy = sum(node.busy for node in planned.nodes)
    assert busy in (0, len(planned.nodes)), f"{busy} of {len(planned.nodes)} are to be changed"
    return statistics.median(taken), len(client.reads)
