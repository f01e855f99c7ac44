# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The power of an instance: the steps from its status to the wanted state."""

from __future__ import annotations

import functools
import re
from typing import Any

from ..._api.client import Client
from ..._api.errors import Interrupted, LXDError, ServerError
from ..._api.messages import already_there, start_failed
from ..._engine.plans import Action, Step

RUNNING, STOPPED, FROZEN = "Running", "Stopped", "Frozen"
#: Seconds for a guest to shut down if boot.host_shutdown_timeout is not set: the daemons' own default.
GRACE = 30
#: How often to look whether an ephemeral instance that was stopped is gone, about once a second.
_LEAVING = 30


def normalize_status(status: str) -> str:
    """The status as one of three: an instance that reports Ready runs, and one in error does not."""
    return {"Ready": RUNNING, "Error": STOPPED, "Stopping": RUNNING, "Starting": RUNNING, "Freezing": RUNNING}.get(
        status, status
    )


def actions(status: str, state: str) -> list[str]:
    """The API's state actions that lead from a status to a state, in order."""
    start = [] if status == RUNNING else ["unfreeze"] if status == FROZEN else ["start"]
    if state == "started":
        return start
    if state == "restarted":
        return ["restart"] if status == RUNNING else [*start, "restart"] if status == FROZEN else start
    if state == "frozen":
        return [] if status == FROZEN else [*start, "freeze"]
    if state == "stopped":
        return {STOPPED: [], FROZEN: ["unfreeze", "stop"]}.get(status, ["stop"])
    return []


def status_after(status: str, state: str) -> str:
    return {"started": RUNNING, "restarted": RUNNING, "frozen": FROZEN, "stopped": STOPPED}.get(state, status)


def end_words(instance: Any, status: str, done: str) -> str:
    """Why an ephemeral instance is not stopped for something else."""
    return (
        f"instance '{instance.name}' on {instance.client.label} is ephemeral and {status}, so it would be gone when "
        f"it is stopped to be {done}: "
        "write ephemeral: false too to keep it, or state: absent to delete it."
    )


def losses(obj: dict[str, Any]) -> list[str]:
    """What a deletion interrupts and loses, as plans say it."""
    status = str(obj.get("status") or "").lower()
    disks = [device for device in (obj.get("expanded_devices") or {}).values() if device.get("path") == "/"]
    pool = f" in the storage pool {disks[0]['pool']}" if disks and disks[0].get("pool") else ""
    return [f"it is {status}, and its root file system{pool} is lost"]


class Power:
    """`PUT /1.0/instances/NAME/state`: graceful first, then by force."""

    def __init__(self, client: Client, url: str, query: dict[str, Any], force: bool, grace: int = GRACE) -> None:
        self.client, self.query, self.force, self.grace = client, query, force, grace
        self.url, self.log = url + "/state", url + "/logs/lxc.log"

    def do(self, action: str, hard: bool = False) -> None:
        if action not in ("stop", "restart"):
            self._put(action)
            return
        if not hard:
            try:
                self._put(action, timeout=max(1, min(self.grace, int(self.client.deadline.remaining()) - 2)))
                return
            except ServerError as exc:
                found = self.client.find(self.url, **self.query)
                status = found.metadata["status"] if found else STOPPED  # an ephemeral one is gone
                if action == "stop" and status == STOPPED:
                    return
                if not self.force:
                    words = (
                        f"{exc.text} (it is {status} after {self.grace} s of graceful {action}; force: true ends it by "
                        "force after that)"
                    )
                    raise ServerError(words, exc.code, words) from exc
        self._put(action, force=True)

    def _put(self, action: str, timeout: int = -1, force: bool = False) -> None:
        try:
            self.client.write("PUT", self.url, {"action": action, "timeout": timeout, "force": force}, **self.query)
        except ServerError as exc:
            if already_there(exc):  # another client was faster: read again
                raise Interrupted(exc.text) from exc
            if start_failed(exc):  # the daemons only report that it failed; the log of LXC has the cause
                words = f"{exc.text.rstrip('.')}. Its log: {self._errors() or 'nothing'}"
                raise ServerError(words, exc.code, words) from exc
            raise

    def _errors(self) -> str:
        """The first errors in the instance's log, which are the cause: `GET /1.0/instances/NAME/logs/lxc.log`."""
        try:
            text = self.client.fetch(self.log, **self.query).decode("utf-8", "replace")
        except LXDError:
            return ""
        found = re.findall(r" ERROR +\S+ - \S+ - (.*)", text)
        return "; ".join(found[:3])


class PowerSteps:
    """The steps that change the power of one instance, and what they do."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance

    def steps(self, status: str, state: str) -> list[Step]:
        """The steps from a status to a state. A restart that this run has done is not repeated."""
        instance = self.instance
        new = instance.params["new_name"] or instance.name  # it is stopped for its renaming, and started after it
        steps = [
            Step(
                Action(action),
                f"{action} instance {instance.name if action == 'stop' else new}",
                functools.partial(self.switch, action),
            )
            for action in actions(status, state)
        ]
        return [step for step in steps if step.action is not Action.RESTART or step.key not in instance.done]

    def switch(self, action: str, hard: bool = False) -> None:
        """Do one action of the API. After `boot.host_shutdown_timeout` of the instance it is forced, if the task allows
        that.
        """
        instance, grace = self.instance, GRACE
        if action in ("stop", "restart"):
            reply = instance.client.find(instance.url(), **instance.query())
            config = reply.metadata["expanded_config"] if reply else {}
            grace = int(config.get("boot.host_shutdown_timeout") or grace)
        force = instance.params["force"]
        Power(instance.client, instance.url(), instance.query(), force, grace).do(action, hard)

    def end(self) -> None:
        """Stop an ephemeral instance and wait until it is gone. If it remains, it is not ephemeral now: delete it."""
        instance = self.instance
        self.switch("stop", hard=instance.params["force"])
        for attempt in range(_LEAVING):
            found = instance.fetch(instance.name)
            if not found or not found.object.get("ephemeral"):
                break
            instance.client.deadline.pause(attempt, f"waiting for the end of instance {instance.name}")
        if found:
            instance.delete()
