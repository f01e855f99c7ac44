# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `libvirt_import`: a domain of libvirt becomes an instance. The domain and its disks stay as they are.

What breaks off is gone on with: a converted disk is kept until the instance is whole, an image is found by its
fingerprint, a volume by the checksum of its data, and the mark of the instance says how far it is. An instance whose
creation broke off is created again: nothing says whether its root disk is whole.
"""

from __future__ import annotations

import os
from typing import Any, Callable, NamedTuple

from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError
from .._engine import values
from .._engine.converge import converge
from .._engine.plans import Done
from . import libvirt_disks as disks
from . import libvirt_transfer as transfer
from .libvirt_domain import Disk, Domain, parse
from .libvirt_host import Found, Host
from .libvirt_instance import Made, Part, late, options
from .libvirt_mark import COPIED, IMPORTED, IMPORTING, Mark
from .libvirt_plan import Becoming, Facts, becoming


class Step(NamedTuple):
    """One change: what it does, for programs and in words."""

    action: str
    kind: str
    name: str
    words: str
    run: Callable[[], Any]


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
            work = _Import(client, params, host)
            try:
                return work.result(check_mode)
            finally:
                work.work.close()
        finally:
            host.close()


class _Import:
    """The work of one task."""

    def __init__(self, client: Client, params: dict[str, Any], host: Host) -> None:
        self.client, self.params, self.host = client, params, host
        self.query = {"project": params["project"]}
        self.found: Found = host.find(params["domain"])
        self.domain: Domain = parse(self.found.xml)
        self.facts = _facts(client, self.query)
        self.target: Becoming = becoming(self.domain, params, self.facts, self.found.autostart)
        self.name = self.target.name
        self.work = transfer.Work(client, params, self.domain)
        self.done: list[Done] = []
        self.warnings: list[str] = []

    # -- the result ---------------------------------------------------------------------------------------------------

    def result(self, check_mode: bool) -> dict[str, Any]:
        mark = self._made({"state": "present"}).mark()
        state = mark.state if mark else ""
        copies = state in ("", IMPORTING)
        parts = self._parts() if copies else []
        shown = self._shown(parts)
        errors = self._errors(parts) if copies else []
        if errors:
            error = InvalidInput(*errors)
            error.result = {"libvirt_import": shown}
            raise error
        steps = self._steps(parts, state) if copies else self._rest(state)
        if check_mode:
            self.done = [Done(*step[:4]) for step in steps]
        elif steps:
            self.work.open()
            self._apply(steps)
        if not copies:
            self._power(check_mode)
        return {
            "changed": bool(self.done),
            "actions": [one.words for one in self.done],
            "steps": [one._asdict() for one in self.done],
            "libvirt_import": shown,
            "warnings": self.warnings,
            "diff": {
                "before": "",
                "after": values.to_yaml(shown) if parts else "",
                "before_header": f"domain {self.domain.name}",
                "after_header": f"instance {self.name}",
            },
        }

    def _parts(self) -> list[Part]:
        """The disks that are copied, the root disk first, as far as they may be read. Errors are added to the plan."""
        parts = []
        for disk in [*([self.target.root] if self.target.root else []), *self.target.others]:
            try:
                source = self._look(disk)
            except LXDError as exc:
                self.target.errors.extend(exc.each if isinstance(exc, InvalidInput) else [str(exc)])
                continue
            parts.append(Part(disk, source, "" if disk is self.target.root else self._volume(disk)))
        return parts

    def _look(self, disk: Disk) -> disks.Source:
        path = self.host.volume(disk.pool, disk.source) if disk.sort == "volume" else disk.source
        return disks.looked_at(disk.target, path, disk.format, self.params["allowed_paths"])

    def _volume(self, disk: Disk) -> str:
        chosen = (self.params["disks"] or {}).get(disk.target)
        return chosen if isinstance(chosen, str) else f"{self.name}-{disk.target}"

    def _errors(self, parts: list[Part]) -> list[str]:
        """All that is wrong, with the domain and with what it is to become."""
        domain, errors = self.domain.name, list(self.target.errors)
        if self.found.active and not self.params["shutdown"]:
            errors.append(
                f"domain: '{domain}' runs, so its disks change: shut it down, or let the task do that with shutdown: "
                "true."
            )
        elif self.found.active and not self.found.persistent:
            errors.append(f"domain: '{domain}' is transient, so it is gone once it is shut down: define it before.")
        if self.found.saved:
            errors.append(
                f"domain: '{domain}' has saved memory (virsh managedsave), with data that is not on its disks yet: "
                "start it, and shut it down."
            )
        volumes = [part.volume for part in parts if part.volume]
        if volumes and not self.params["pool"]:
            errors.append("pool: it is needed, because the domain has several disks, which become volumes of a pool.")
        elif volumes:
            errors += self._wrong_volumes(volumes)
        wanted = self._wanted([part for part in parts if not part.volume])
        planned = self._made({**wanted, "source": {"type": "none"}, "state": "stopped"})
        try:
            planned.plan(None)
        except InvalidInput as exc:
            errors += exc.each
        self.warnings += planned.warnings
        return errors

    def _wrong_volumes(self, volumes: list[str]) -> list[str]:
        if self.client.clustered and (self.params["target"] or "@").startswith("@"):
            return ["target: it is needed, because the volumes have to be on the member that the instance is on."]
        errors: list[str] = []
        for volume in volumes:
            try:
                self.work.mark_of(volume)
            except InvalidInput as exc:
                errors += exc.each
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

    # -- what is done -------------------------------------------------------------------------------------------------

    def _steps(self, parts: list[Part], state: str) -> list[Step]:
        steps, domain = [], self.domain.name
        if self.found.active:
            words = f"shut down domain {domain}"
            steps.append(
                Step("stop", "domain", domain, words, lambda: self.host.shut_down(domain, self.client.deadline))
            )
        if state == IMPORTING:
            words = f"delete instance {self.name}, whose creation broke off"
            steps.append(Step("delete", "instance", self.name, words, self._delete))
        for part in parts:
            words = f"copy disk {part.disk.target} of domain {domain}"
            words += f" to storage_volume {part.volume}" if part.volume else ""
            steps.append(Step("import", "disk", part.disk.target, words, self._copying(part)))
        words = f"create instance {self.name} of domain {domain}"
        steps.append(Step("create", "instance", self.name, words, lambda: self._create(parts)))
        if self.params["state"] == "started":
            steps.append(Step("start", "instance", self.name, f"start instance {self.name}", self._start))
        return steps

    def _rest(self, state: str) -> list[Step]:
        """What an earlier run left to do although all data was there."""
        words = f"complete instance {self.name} of domain {self.domain.name}"
        return [Step("update", "instance", self.name, words, self._complete)] if state == COPIED else []

    def _copying(self, part: Part) -> Callable[[], Any]:
        def copy() -> None:
            if self.host.is_active(self.domain.name):
                raise LXDError(f"domain: '{self.domain.name}' was started meanwhile: shut it down, and run this again.")
            self.client.waiting_for(detail=f"copy {part.disk.target}")
            source = self._look(part.disk)  # the guest can have changed its disk until it was shut down
            if source.size != part.source.size:
                raise LXDError(f"disks: the size of '{part.disk.target}' has changed meanwhile: run this again.")
            self.work.copy(part.disk.target, source, part.volume)

        return copy

    def _apply(self, steps: list[Step]) -> None:
        for step in steps:
            self.client.waiting_for(step.action)
            try:
                step.run()
            except LXDError as exc:
                exc.done = [*self.done, *exc.done]
                raise
            self.done.append(Done(*step[:4]))

    def _create(self, parts: list[Part]) -> None:
        wanted = self._wanted(parts)
        config = {key: value for key, value in wanted["config"].items() if key not in late(wanted["config"])}
        self._converge(
            {
                **wanted,
                "config": {**config, **Mark(self.domain.uuid, IMPORTING).config()},
                "source": {"type": "image", "fingerprint": self.work.fingerprint},
                "state": "stopped",
            }
        )
        if self.params["verify"]:
            self.work.check_root(self.name)
        self._converge({"state": "present", "config": Mark(self.domain.uuid, COPIED).config()})
        self._complete()

    def _complete(self) -> None:
        found = self.client.get(f"/1.0/instances/{quote(self.name)}", **self.query).metadata
        self.work.settle((found.get("devices") or {}).values())
        config = {**late(self._wanted([])["config"]), **Mark(self.domain.uuid, IMPORTED).config()}
        self._converge({"state": "present", "config": config})

    def _delete(self) -> None:
        transfer.await_others(self.client, self.name, self.query)
        found = self.client.find(f"/1.0/instances/{quote(self.name)}", **self.query)
        if found and values.is_active(found.metadata):
            raise LXDError(
                f"name: instance '{self.name}' on {self.client.label} runs, although its import broke off: stop it. "
                "Then the next run deletes it, and imports the domain again."
            )
        self._converge({"state": "absent"})

    def _start(self) -> None:
        self._converge({"state": "started", "wait_for": self.params["wait_for"]})

    def _power(self, check_mode: bool) -> None:
        """The state of an instance that was imported before."""
        self.done += self._converge({"state": self.params["state"], "wait_for": self.params["wait_for"]}, check_mode)

    def _wanted(self, parts: list[Part]) -> dict[str, Any]:
        return options(self.client, self.params, self.target, self.facts, parts)

    def _made(self, given: dict[str, Any]) -> Made:
        place = {key: self.params[key] for key in ("project", "target")}
        return Made(self.client, self.domain, {"name": self.name, **place, **given})

    def _converge(self, given: dict[str, Any], check_mode: bool = False) -> list[Done]:
        outcome = converge(self._made(given), check_mode)
        self.warnings += [words for words in outcome.warnings if words not in self.warnings]
        return outcome.done


def _facts(client: Client, query: dict[str, Any]) -> Facts:
    listed = client.get("/1.0/networks", recursion=1, **query).metadata or []
    server = client.server
    return Facts(
        label=client.label,
        extensions=frozenset(server["api_extensions"]),
        networks=frozenset(network["name"] for network in listed if network.get("managed")),
        architectures=frozenset((server.get("environment") or {}).get("architectures") or ()),
    )
