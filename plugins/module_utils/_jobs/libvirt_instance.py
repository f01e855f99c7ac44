# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The instance that a domain of libvirt becomes: its options, and what is known of it on the server."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .._api.errors import InvalidInput
from .._api.reader import Reader
from .._engine import values
from .._engine.plans import Existing
from .._kinds._backup import options_of
from .._kinds.instances._origin import profiles_of, root_of
from .._kinds.instances.instance import Instance
from . import libvirt_disks as disks
from .libvirt_domain import Disk, Domain
from .libvirt_mark import Mark
from .libvirt_plan import Becoming, Facts, bus_of

#: What an instance gets only once it is whole: before that, nothing may start it, and it may have to be deleted.
LATE = ("boot.autostart", "security.protection.delete")


class Part(NamedTuple):
    """A disk with its files, and the name of the volume that it becomes; empty for the root disk."""

    disk: Disk
    source: disks.Source
    volume: str


class Made(Instance):
    """An instance that was made of a domain, or does not exist yet."""

    def __init__(self, client: Reader, domain: Domain, given: dict[str, Any]) -> None:
        self.domain = domain
        super().__init__(client, options_of(Instance, **given))

    def read(self) -> Existing | None:
        """The instance, if there is one.

        :raises InvalidInput: for an instance that is something else, whenever it came there
        """
        found = super().read()
        mark = Mark.read(found.object) if found else None
        if found and (mark is None or mark.uuid != self.domain.uuid):
            raise InvalidInput(
                f"name: instance '{self.name}' exists on {self.client.label}, and was not made of the domain "
                f"'{self.domain.name}': choose another name."
            )
        return found

    def mark(self) -> Mark | None:
        """Its mark; None if there is no instance."""
        found = self.read()
        return Mark.read(found.object) if found else None


def options(
    client: Reader, params: Mapping[str, Any], target: Becoming, facts: Facts, parts: list[Part]
) -> dict[str, Any]:
    """The options of the instance, as in the module `instance`.

    :param params: the options of the task
    :param parts: the disks that it gets
    """
    given = {key: params[key] for key in ("pool", "profiles", "project", "target") if params[key] is not None}
    return {
        "name": target.name,
        "type": "virtual-machine",
        "description": target.description,
        "config": {**target.config, **(params["config"] or {})},
        "devices": _devices(client, params, target, facts, parts),
        **given,
    }


def _devices(
    client: Reader, params: Mapping[str, Any], target: Becoming, facts: Facts, parts: list[Part]
) -> dict[str, Any]:
    """The devices: without the NICs of profiles, which the domain did not have."""
    names = params["profiles"] if params["profiles"] is not None else ["default"]
    inherited = {
        name: device
        for profile in profiles_of(client, names, params["project"])
        for name, device in (profile.get("devices") or {}).items()
    }
    devices: dict[str, Any] = {
        name: {"type": "none"}
        for name, device in inherited.items()
        if device.get("type") == "nic" and name not in target.devices
    }
    devices.update(target.devices)
    for part in parts:
        own = bus_of(part.disk, facts)
        if part.volume:
            own = {"type": "disk", "pool": params["pool"] or "", "source": part.volume, **own}
            devices[part.disk.target] = {**own, **({"readonly": "true"} if part.disk.read_only else {})}
        else:
            devices[root_of(inherited)] = {"size": str(part.source.size), **own}
    return values.merge_devices(devices, values.wire_devices(params["devices"]))


def late(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the config that waits until the instance is whole."""
    return {key: config[key] for key in LATE if key in config}
