# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `libvirt_import`: a domain of libvirt becomes an instance. The domain and its disks stay as they are.

What breaks off is gone on with: a converted disk is kept until the instance is whole, an image is found by its
fingerprint, a volume has another name until it is whole, and the mark of the instance says whether it is.
"""

from __future__ import annotations

import os
from typing import Any, Callable, NamedTuple

from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError
from .._engine import values
from .._engine.converge import converge
from .._engine.plans import Done
from .._kinds._backup import options_of
from .._kinds.instances._placement import refuse_machines
from .._kinds.instances.instance import Instance
from . import libvirt_disks as disks
from . import libvirt_transfer as transfer
from .libvirt_domain import Disk, Domain, parse
from .libvirt_host import Found, Host
from .libvirt_plan import IMPORTED, IMPORTING, MARK, Becoming, Facts, becoming


class Step(NamedTuple):
    """One change: what it does, for programs and in words."""

    action: str
    kind: str
    name: str
    words: str
    run: Callable[[], Any]


class Part(NamedTuple):
    """A disk with its files, and the name of the volume that it becomes; empty for the root disk."""

    disk: Disk
    source: disks.Source
    volume: str


class LibvirtImport:
    """A domain of libvirt as an instance."""

    spec: dict[str, dict[str, Any]] = {
        "domain": {"type": "str", "required": True},
        "libvirt_uri": {"type": "str", "default": "qemu:///system"},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["started", "stopped", "present"], "default": "present"},
        "shutdown": {"type": "bool", "default": False},
        "pool": {"type": "str"},
        "profiles": {"type": "list", "elements": "str"},
        "config": {"type": "dict"},
        "devices": {"type": "dict"},
        "networks": {"type": "dict"},
        "disks": {"type": "dict"},
        "allowed_paths": {"type": "list", "elements": "str", "default": ["/var/lib/libvirt/images"]},
        "work_directory": {"type": "path", "default": "/var/tmp/cloudhost-libvirt"},
        "compress": {"type": "bool", "default": True},
        "verify": {"type": "bool", "default": True},
        "wait_for": {"type": "list", "elements": "str", "choices": ["ready", "agent", "ipv4", "ipv6", "cloud_init"]},
    }

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        for path in params["allowed_paths"]:
            if not os.path.isabs(path) or os.path.normpath(path) == "/":
                raise InvalidInput(f"allowed_paths: {path!r} is no absolute path of a directory, or it is all of them.")
        host = Host(params["libvirt_uri"], params["shutdown"] and not check_mode)
        try:
            return _Import(client, params, host).result(check_mode)
        finally:
            host.close()


class _Import:
    """The work of one task."""

    def __init__(self, client: Client, params: dict[str, Any], host: Host) -> None:
        self.client, self.params, self.host = client, params, host
        self.query = {"project": params["project"]}
        self.found: Found = host.find(params["domain"])
        self.domain: Domain = parse(self.found.xml)
        self.target: Becoming = becoming(self.domain, params, self._facts(), self.found.autostart)
        self.name = self.target.name
        self.done: list[Done] = []
        self.warnings: list[str] = []

    def _facts(self) -> Facts:
        listed = self.client.get("/1.0/networks", recursion=1, **self.query).metadata or []
        server = self.client.server
        return Facts(
            label=self.client.label,
            extensions=frozenset(server["api_extensions"]),
            networks=frozenset(network["name"] for network in listed if network.get("managed")),
            architectures=frozenset((server.get("environment") or {}).get("architectures") or ()),
        )

    # -- the result ---------------------------------------------------------------------------------------------------

    def result(self, check_mode: bool) -> dict[str, Any]:
        state = self._state()
        parts = [] if state == IMPORTED else self._parts()
        shown = self._shown(parts)
        errors = [] if state == IMPORTED else self._errors(parts)
        if errors:
            error = InvalidInput(*errors)
            error.result = {"libvirt_import": shown}
            raise error
        steps = self._steps(parts, check_mode) if state != IMPORTED else []
        if not check_mode:
            self._apply(steps)
        else:
            self.done = [Done(*step[:4]) for step in steps]
        if state == IMPORTED:
            self._power(check_mode)
        return {
            "changed": bool(self.done),
            "actions": [one.words for one in self.done],
            "steps": [one._asdict() for one in self.done],
            "libvirt_import": shown,
            "warnings": self.warnings,
            "diff": {
                "before": "",
                "after": values.to_yaml(shown) if steps else "",
                "before_header": f"domain {self.domain.name}",
                "after_header": f"instance {self.name}",
            },
        }

    def _state(self) -> str:
        """What the mark of an existing instance says; empty if there is no instance.

        :raises InvalidInput: for an instance that is something else
        """
        found = self.client.find(f"/1.0/instances/{quote(self.name)}", **self.query)
        if not found:
            return ""
        uuid, _space, state = str((found.metadata.get("config") or {}).get(MARK) or "").partition(" ")
        if uuid != self.domain.uuid or state not in (IMPORTING, IMPORTED):
            raise InvalidInput(
                f"name: instance '{self.name}' exists on {self.client.label}, and was not made of the domain "
                f"'{self.domain.name}': choose another name."
            )
        return state

    def _parts(self) -> list[Part]:
        """The disks that are copied, the root disk first, as far as they may be read. Errors are added to the plan."""
        parts = []
        for disk in [*([self.target.root] if self.target.root else []), *self.target.others]:
            try:
                path = self.host.volume(disk.pool, disk.source) if disk.sort == "volume" else disk.source
                source = disks.looked_at(disk.target, path, disk.format, self.params["allowed_paths"])
            except LXDError as exc:
                self.target.errors.extend(exc.each if isinstance(exc, InvalidInput) else [str(exc)])
                continue
            parts.append(Part(disk, source, "" if disk is self.target.root else self._volume(disk)))
        return parts

    def _volume(self, disk: Disk) -> str:
        chosen = (self.params["disks"] or {}).get(disk.target)
        return chosen if isinstance(chosen, str) else f"{self.name}-{disk.target}"

    def _errors(self, parts: list[Part]) -> list[str]:
        errors = list(self.target.errors)
        try:
            refuse_machines(self.client, "virtual-machine")
        except InvalidInput as exc:
            errors += exc.each
        if self.found.active and not self.params["shutdown"]:
            errors.append(
                f"domain: '{self.domain.name}' runs, so its disks change: shut it down, or let the task do that with "
                "shutdown: true."
            )
        if any(part.volume for part in parts) and not self.params["pool"]:
            errors.append("pool: it is needed, because the domain has several disks, which become volumes of a pool.")
        return errors

    def _shown(self, parts: list[Part]) -> dict[str, Any]:
        snapshots = [{"what": f"snapshot {name}", "note": "it stays in libvirt"} for name in self.found.snapshots]
        return {
            "domain": {"name": self.domain.name, "uuid": self.domain.uuid, "running": self.found.active},
            "instance": self._wanted(parts),
            "disks": [
                {
                    "target": part.disk.target,
                    "files": [file._asdict() for file in part.source.chain],
                    "size": part.source.size,
                    "volume": part.volume or None,
                }
                for part in parts
            ],
            "notes": [*self.target.notes, *snapshots],
        }

    def _wanted(self, parts: list[Part]) -> dict[str, Any]:
        """The options of the instance."""
        config = {**self.target.config, **(self.params["config"] or {})}
        devices: dict[str, Any] = dict(self.target.devices)
        for part in parts:
            if part.volume:
                devices[part.disk.target] = {"type": "disk", "pool": self.params["pool"], "source": part.volume}
            else:
                devices["root"] = {"size": str(part.source.size)}
        devices = values.merge_devices(devices, self.params["devices"] or {})
        given = {key: self.params[key] for key in ("pool", "profiles", "project", "target") if self.params[key]}
        return {
            "name": self.name,
            "type": "virtual-machine",
            "description": self.target.description,
            "config": config,
            "devices": devices,
            **given,
        }

    # -- what is done -------------------------------------------------------------------------------------------------

    def _steps(self, parts: list[Part], check_mode: bool) -> list[Step]:
        steps, domain = [], self.domain.name
        if self.found.active:
            words = f"shut down domain {domain}"
            steps.append(
                Step("stop", "domain", domain, words, lambda: self.host.shut_down(domain, self.client.deadline))
            )
        work = None if check_mode else transfer.Work(self.client, self.params, self.domain)
        for part in parts:
            words = f"copy disk {part.disk.target} of domain {domain}"
            words += f" to storage_volume {part.volume}" if part.volume else ""
            steps.append(Step("import", "disk", part.disk.target, words, self._copying(work, part)))
        words = f"create instance {self.name} of domain {domain}"
        steps.append(Step("create", "instance", self.name, words, lambda: self._create(work, parts)))
        if self.params["state"] == "started":
            steps.append(Step("start", "instance", self.name, f"start instance {self.name}", self._start))
        return steps

    def _copying(self, work: Any, part: Part) -> Callable[[], Any]:
        def copy() -> None:
            if self.host.is_active(self.domain.name):
                raise LXDError(f"domain: '{self.domain.name}' was started meanwhile: shut it down, and run this again.")
            work.copy(part.disk.target, part.source, part.volume)

        return copy

    def _apply(self, steps: list[Step]) -> None:
        for step in steps:
            try:
                step.run()
            except LXDError as exc:
                exc.done = [*self.done, *exc.done]
                raise
            self.done.append(Done(*step[:4]))

    def _create(self, work: Any, parts: list[Part]) -> None:
        wanted = self._wanted(parts)
        mark = {MARK: f"{self.domain.uuid} {IMPORTING}"}
        self._converge(
            {
                **wanted,
                "config": {**wanted["config"], **mark},
                "devices": work.with_root(wanted, self.params["pool"]),
                "source": {"type": "image", "fingerprint": work.fingerprint},
                "state": "stopped",
            }
        )
        self._converge({"name": self.name, "state": "present", "config": {MARK: f"{self.domain.uuid} {IMPORTED}"}})
        work.tidy()

    def _start(self) -> None:
        self._converge({"name": self.name, "state": "started", "wait_for": self.params["wait_for"]})

    def _power(self, check_mode: bool) -> None:
        """The state of an instance that was imported before."""
        options = {"name": self.name, "state": self.params["state"], "wait_for": self.params["wait_for"]}
        self.done += self._converge(options, check_mode)

    def _converge(self, options: dict[str, Any], check_mode: bool = False) -> list[Done]:
        given = {"project": self.params["project"], **options}
        outcome = converge(Instance(self.client, options_of(Instance, **given)), check_mode)
        self.warnings += outcome.warnings
        return outcome.done
