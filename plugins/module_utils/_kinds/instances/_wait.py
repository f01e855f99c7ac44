# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Wait until an instance is ready for use: addresses, agent, readiness, cloud-init."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict

from ..._api.client import Client
from ..._api.errors import DeadlineExceeded, LXDError, ServerError
from ..._api.messages import command_missing

State = Dict[str, Any]

#: The number of processes of a virtual machine whose agent does not answer.
_NO_AGENT = -1
#: The conditions of `wait_for` as people read them.
_WORDS = {"ipv4": "IPv4 address", "ipv6": "IPv6 address", "cloud_init": "cloud-init"}

_AGENT = (
    "The image has to start the agent (incus-agent or lxd-agent), as those of the image servers do, and the server has "
    "to find its program: its log warns where not."
)


def own_addresses(state: State, devices: State) -> list[dict[str, Any]]:
    """Global addresses of the instance's own NICs, IPv4 first: bridges that the guest creates have no interface on the
    host.
    """
    nics = {device.get("name", key) for key, device in devices.items() if device.get("type") == "nic"}
    found = []
    for name, interface in sorted((state.get("network") or {}).items()):
        if (interface.get("host_name") or name in nics) and interface.get("type") != "loopback":
            found += [address for address in interface.get("addresses") or () if address.get("scope") == "global"]
    return sorted(found, key=lambda address: address["family"])


def with_addresses(instance: dict[str, Any], state: State) -> dict[str, Any]:
    """An instance as it is returned: with its state, and its addresses at the top level."""
    own = own_addresses(state, instance.get("expanded_devices") or {})
    return {**instance, "state": state, "addresses": [address["address"] for address in own]}


class Waiter:
    """Looks at `GET /1.0/instances/NAME/state` until all conditions hold or the task's deadline is over."""

    def __init__(self, client: Client, name: str, url: str, query: dict[str, Any], devices: dict[str, Any]) -> None:
        self.client, self.name, self.url, self.query = client, name, url, query
        self.devices = devices
        self.state: State = {}

    def wait(self, conditions: list[str]) -> dict[str, Any]:
        """The state in which every condition held; `errors.DeadlineExceeded` has what was seen instead."""
        for condition in conditions:
            self.client.waiting_for(_WORDS.get(condition, condition))
            if condition == "cloud_init":
                self._cloud_init()
                continue
            check: Callable[[], bool] = getattr(self, "_" + condition)
            try:
                self._until(condition, check)
            except DeadlineExceeded as exc:
                limit = self.client.deadline.seconds
                hint = f" {_AGENT}" if condition == "agent" else ""
                raise DeadlineExceeded(
                    f"The timeout of {limit:g} s is over while waiting for {condition} of instance {self.name} on "
                    f"{self.client.label}. "
                    f"Seen: {self.seen()}. The instance stays as it is.{hint}"
                ) from exc
        return self.state

    def _until(self, condition: str, check: Callable[[], bool]) -> None:
        self._look(condition)
        attempt = 0
        while not check():
            self.client.deadline.pause(attempt, f"waiting for {condition}")
            self._look(condition)
            attempt += 1

    def _look(self, condition: str) -> None:
        self.state = self.client.get(self.url + "/state", **self.query).metadata
        if self.state["status"] in ("Stopped", "Error"):
            raise LXDError(
                f"Instance {self.name} on {self.client.label} is {self.state['status']} while it is waited for "
                f"{condition}: see its console log."
            )

    def _ready(self) -> bool:
        return self.state["status"] == "Ready"

    def _agent(self) -> bool:
        return (self.state.get("processes") or _NO_AGENT) > 0

    def _ipv4(self) -> bool:
        return self._has("inet")

    def _ipv6(self) -> bool:
        return self._has("inet6")

    def _has(self, family: str) -> bool:
        return any(address["family"] == family for address in own_addresses(self.state, self.devices))

    def seen(self) -> str:
        parts = []
        for name, interface in sorted((self.state.get("network") or {}).items()):
            if name != "lo":
                listed = ", ".join(address["address"] for address in interface.get("addresses") or ()) or "no address"
                parts.append(f"{name} ({interface.get('state')}): {listed}")
        if not any(device.get("type") == "nic" for device in self.devices.values()):
            parts.append("no nic device in its devices or profiles")
        processes = self.state.get("processes")
        inside = "no answer of its agent" if processes == _NO_AGENT else f"{processes} processes"
        return f"status {self.state.get('status')}, {inside}; " + ("; ".join(parts) or "no network interface")

    def _cloud_init(self) -> None:
        """`cloud-init status --wait`, and its output if it failed."""
        attempt = 0
        while True:
            try:
                code, text = self._run(["cloud-init", "status", "--long"])
            except ServerError as exc:
                if command_missing(exc):
                    code, text = 127, ""
                else:  # no agent yet, or the guest is not up
                    code, text = -1, exc.text
            status = re.search(r"^status: (.*)$", text, re.M)
            word = status.group(1).strip() if status else ""
            if word in ("done", "disabled"):
                return
            if code == 127:
                raise LXDError(
                    f"wait_for: instance {self.name} has no cloud-init; use an image with it (images:…/cloud, "
                    "ubuntu:…) or drop cloud_init."
                )
            if word.startswith(("error", "degraded")):
                raise LXDError(
                    f"cloud-init failed in instance {self.name}, which stays for you to look at: {text.strip()}"
                )
            try:
                self.client.deadline.pause(attempt, f"waiting for cloud_init of instance {self.name}")
            except DeadlineExceeded as exc:
                raise DeadlineExceeded(
                    f"{exc} cloud-init last said: {text.strip() or 'nothing'}. The instance stays as it is."
                ) from exc
            attempt += 1

    def _run(self, command: list[str]) -> tuple[int, str]:
        """A command in the guest, its output recorded by the daemon: `POST /1.0/instances/NAME/exec`."""
        body = {"command": command, "record-output": True, "wait-for-websocket": False, "interactive": False}
        done = self.client.write("POST", self.url + "/exec", body, **self.query) or {}
        logs = [
            self.client.fetch(path, **self.query).decode("utf-8", "replace")
            for path in (done.get("output") or {}).values()
        ]
        for path in (done.get("output") or {}).values():
            self.client.write("DELETE", path, **self.query)
        return done.get("return", -1), "".join(logs)
