# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Apply a plan: each resource once what it needs exists, several at a time, each worker with its own connection."""

from __future__ import annotations

import concurrent.futures
import functools
import heapq
import threading

from .._api.client import Client
from .._api.errors import LXDError
from .._api.messages import already_there, failure
from .._engine import values
from .._engine.converge import Outcome, converge
from .graph import turned
from .planner import CREATE, Node, Planned
from .progress import Progress

DONE, FAILED, SKIPPED = "done", "failed", "skipped"


class Applier:
    """Applies a plan."""

    def __init__(self, client: Client, parallel: int, progress: Progress) -> None:
        self.client, self.parallel, self.progress = client, parallel, progress
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()

    def run(self, planned: Planned) -> None:
        """Set the outcome of each node. An error stops only what depends on it."""
        total = sum(node.busy for node in planned.nodes)
        if not total:
            return
        self.progress.apply(total)
        self.client.server  # noqa: B018 - read once here, and not by each worker
        try:
            with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
                self._run(pool, planned, range(planned.late))
                self._await_mutual(pool, planned.nodes)
                self._run(pool, planned, range(planned.late, len(planned.nodes)))
        finally:
            for client in self._clients:
                client.transport.close()

    def _run(self, pool: concurrent.futures.Executor, planned: Planned, chosen: range) -> None:
        nodes, users = planned.nodes, turned(planned.needs)
        mine = set(chosen)
        waiting = {number: len(planned.needs[number] & mine) for number in chosen}
        ready = [number for number in chosen if not waiting[number]]  # in order, and so a heap
        futures: dict[concurrent.futures.Future[Outcome], int] = {}
        queues: dict[
            tuple[str, ...] | None, list[int]
        ] = {}  # those that wait while another of their queue is worked on
        while ready or futures:
            while ready and len(futures) < self.parallel:
                number = heapq.heappop(ready)
                queue = nodes[number].queue
                if queue in queues:
                    queues[queue].append(number)
                elif self._ready(nodes, planned.needs[number], nodes[number]):
                    if queue is not None:
                        queues[queue] = []
                    self.progress.begin(nodes[number])
                    futures[pool.submit(self._apply, nodes[number])] = number
                else:
                    self._release(users[number] & mine, waiting, ready)
            if futures:
                ended, _rest = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in ended:
                    number = futures.pop(future)
                    self._end(nodes[number], future)
                    for other in queues.pop(nodes[number].queue, []):
                        heapq.heappush(ready, other)
                    self._release(users[number] & mine, waiting, ready)

    @staticmethod
    def _release(users: set[int], waiting: dict[int, int], ready: list[int]) -> None:
        for user in users:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)

    def _ready(self, nodes: list[Node], needs: set[int], node: Node) -> bool:
        """Whether a node has something to do and nothing that it needs has failed."""
        wrong = next((nodes[number] for number in sorted(needs) if nodes[number].outcome in (FAILED, SKIPPED)), None)
        if wrong is not None:
            node.outcome = SKIPPED
            node.words = wrong.words if wrong.outcome == SKIPPED else f"{wrong.title} failed"
            node.retryable = wrong.retryable
        elif node.busy and self.client.deadline.remaining() <= 0:
            node.outcome, node.words = SKIPPED, f"the timeout of {self.client.deadline.seconds:g} s is over"
            node.retryable = True
        return node.busy and not node.outcome

    def _await_mutual(self, pool: concurrent.futures.Executor, nodes: list[Node]) -> None:
        """Wait for what gets ready only with others of its kind, now that all of them are made."""
        waiting = [node for node in nodes if node.kind.mutual and node.waits and node.outcome == DONE]
        for node, future in [(node, pool.submit(self._apply, node, True)) for node in waiting]:
            try:
                node.warn(future.result().warnings)
            except LXDError as exc:
                node.outcome, node.words = FAILED, str(exc)
                node.retryable = bool(failure(exc)["retryable"])

    def _apply(self, node: Node, wait: bool = False) -> Outcome:
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.client.another()
            with self._lock:
                self._clients.append(client)
        client.on_wait = functools.partial(self.progress.wait, node) if self.progress.is_shown else None
        params = {**node.params, "wait_for": None} if node.kind.mutual and not wait else node.params
        try:
            return converge(node.kind(client, params))
        except LXDError as exc:
            if not (node.action == CREATE and already_there(exc.__cause__) and self._is_ours(node, client)):
                raise
        return converge(node.kind(client, params))

    @staticmethod
    def _is_ours(node: Node, client: Client) -> bool:
        """Whether an object that appeared is the one that we create: an earlier, killed run may have asked for it, and
        the server was still creating it.
        """
        resource = node.kind(client, node.params)
        found = resource.read()
        holder = node.kind.holder()
        if found is None or holder is None:
            return found is not None
        wanted, have = (held or {} for held in (resource.wanted.get(holder.key), found.object.get(holder.key)))
        return wanted.get(values.MARK) == have.get(values.MARK) and have.get(values.BEARER) in (
            None,
            wanted.get(values.BEARER),
        )

    def _end(self, node: Node, future: concurrent.futures.Future[Outcome]) -> None:
        try:
            outcome = future.result()
            node.outcome, node.done = DONE, outcome.done
            node.warn(outcome.warnings)
        except LXDError as exc:
            node.outcome, node.words, node.done = FAILED, str(exc), exc.done
            node.retryable = bool(failure(exc)["retryable"])
        self.progress.end(node, node.outcome == FAILED)
