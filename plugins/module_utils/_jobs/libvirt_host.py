# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A libvirt, over libvirt-python. It is only read, unless a domain is to be shut down."""

from __future__ import annotations

import importlib
import urllib.parse
from typing import Any, NamedTuple

from .._api.deadline import Deadline
from .._api.errors import InvalidInput, LXDError, Missing, did_you_mean


class Found(NamedTuple):
    """A domain as libvirt has it: its XML as it is at its next start, and what the XML does not say.

    :ivar persistent: whether it is there when it is off
    :ivar saved: whether it has saved memory, with which it goes on at its next start
    """

    xml: str
    active: bool
    autostart: bool
    persistent: bool
    saved: bool
    snapshots: tuple[str, ...]


class Host:
    """A connection to a libvirt.

    :raises LXDError: if there is none
    """

    def __init__(self, uri: str, writes: bool) -> None:
        self.uri, self.libvirt = uri, _libvirt()
        if urllib.parse.urlsplit(uri).hostname not in (None, "localhost"):
            raise InvalidInput(
                f"libvirt_uri: {uri} is on another host, and the module reads the disks on the host that it runs on: "
                "run the task there."
            )
        self.libvirt.registerErrorHandler(_ignore, None)  # it would write errors to the output of the module
        if "/embed" in uri:  # libvirt in this process, which needs a loop of events and cannot only read
            self.libvirt.virEventRegisterDefaultImpl()
            writes = True
        try:
            self.connection = (self.libvirt.open if writes else self.libvirt.openReadOnly)(uri)
        except self.libvirt.libvirtError as exc:
            raise LXDError(f"libvirt_uri: {uri} cannot be opened: {exc}") from exc

    def close(self) -> None:
        self.connection.close()

    def _domain(self, name: str) -> Any:
        domains = {domain.name(): domain for domain in self.connection.listAllDomains()}
        found = domains.get(name) or next((one for one in domains.values() if one.UUIDString() == name), None)
        if found is None:
            raise Missing(f"domain: there is no '{name}' at {self.uri}. {did_you_mean(name, sorted(domains))}")
        return found

    def find(self, name: str) -> Found:
        """The domain with a name or a UUID.

        :raises Missing: if there is none
        """
        try:
            domain = self._domain(name)
            persistent = bool(domain.isPersistent())
            return Found(
                domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE),
                bool(domain.isActive()),
                bool(persistent and domain.autostart()),
                persistent,
                bool(persistent and domain.hasManagedSaveImage()),
                tuple(sorted(domain.snapshotListNames())),
            )
        except self.libvirt.libvirtError as exc:
            raise LXDError(f"domain: '{name}' at {self.uri} cannot be read: {exc}") from exc

    def volume(self, pool: str, name: str) -> str:
        """The path of a volume of a storage pool of libvirt."""
        try:
            return str(self.connection.storagePoolLookupByName(pool).storageVolLookupByName(name).path())
        except self.libvirt.libvirtError as exc:
            raise InvalidInput(f"disks: the volume '{name}' of the pool '{pool}' at {self.uri}: {exc}") from exc

    def is_active(self, name: str) -> bool:
        """Whether a domain runs, is paused, or ended in a way that leaves its memory."""
        try:
            return bool(self._domain(name).isActive())
        except self.libvirt.libvirtError as exc:
            raise LXDError(f"domain: '{name}' at {self.uri} cannot be read: {exc}") from exc

    def shut_down(self, name: str, deadline: Deadline) -> None:
        """Ask the guest to shut down, and wait until it has."""
        try:
            self._domain(name).shutdown()
        except self.libvirt.libvirtError as exc:
            raise LXDError(f"domain: '{name}' at {self.uri} cannot be shut down: {exc}") from exc
        attempt = 0
        while self.is_active(name):
            deadline.pause(attempt, f"the domain {name} to shut down")
            attempt += 1


def _ignore(*_unused: Any) -> None:
    pass


def _libvirt() -> Any:
    try:
        return importlib.import_module("libvirt")  # only this module needs it, and few hosts have it
    except ImportError as exc:
        raise Missing(
            "The Python interpreter of the host that runs the module needs libvirt-python (package python3-libvirt, "
            "for the Python of the distribution)."
        ) from exc
