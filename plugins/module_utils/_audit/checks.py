# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""How rules look at subjects. A rule is an entry of a table that names one of these, with the keys it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator

from .._engine import values
from .._engine.known.at_start import waits_for_start
from .model import Hit, Layer, Subject, Surroundings
from .remedies import configured, restarted, with_device

Bad = Callable[[str], bool]


def is_set(value: str) -> bool:
    return bool(value)


def is_false(value: str) -> bool:
    return bool(value) and not values.is_true(value)


def layers_with(subject: Subject, key: str, bad: Bad) -> tuple[Layer, ...]:
    """The layers in which a key has a bad value. Where one of them is repaired, the next one would count."""
    return tuple(layer for layer in subject.layers if bad(layer.config.get(key) or ""))


def _restart(subject: Subject, key: str, layers: tuple[Layer, ...]) -> tuple[dict[str, Any], ...]:
    """A restart, where a profile changes what takes effect at the next start. The task of an instance restarts it
    itself.
    """
    running = subject.data.get("status") == "Running" and any(layer.kind == "profile" for layer in layers)
    return (restarted(subject.layers[0]),) if running and waits_for_start(key) else ()


@dataclass(frozen=True)
class Setting:
    """A config key has a bad value.

    :ivar keys: keys, or patterns of keys
    :ivar bad: whether a value is bad
    :ivar says: what a sentence says of it after its key
    :ivar safe: what the remedy sets it to; None unsets it
    :ivar containers: whether it is for containers only
    """

    keys: tuple[str, ...]
    bad: Bad
    says: str
    safe: str | None = None
    containers: bool = False

    def __call__(self, subject: Subject, around: Surroundings) -> Iterator[Hit]:
        if self.containers and not subject.is_container:
            return
        for key, value in sorted(subject.config.items()):
            if values.matches(key, self.keys) and self.bad(value or ""):
                layers = layers_with(subject, key, self.bad)
                tasks = tuple(configured(layer, {key: self.safe}) for layer in layers)
                yield Hit(key, f"{key} {self.says}.", layers, (*tasks, *_restart(subject, key, layers)))


@dataclass(frozen=True)
class Required:
    """A config key of an instance is not as it has to be; the default is not, either.

    :ivar good: whether a value is good
    :ivar says: what a sentence says of it after its key
    :ivar safe: what the remedy sets it to, or the name of a limit that the user chooses
    """

    key: str
    good: Bad
    says: str
    safe: str = ""
    limit: str = ""

    def __call__(self, subject: Subject, around: Surroundings) -> Iterator[Hit]:
        if not subject.is_container or self.good(subject.config.get(self.key) or ""):
            return
        own = subject.layers[0]
        safe = self.safe or around.limits[self.limit]
        wrong = layers_with(subject, self.key, is_set)
        yield Hit(self.key, f"{self.key} {self.says}.", wrong or (own,), (configured(own, {self.key: safe}),))


@dataclass(frozen=True)
class Device:
    """A device is dangerous.

    :ivar bad: what a sentence says of a device after its name; empty if it is harmless
    :ivar change: what the remedy changes of it; None removes it
    :ivar severity: the severity of a device, if it is not that of the rule
    """

    bad: Callable[[dict[str, str]], str]
    change: Callable[[dict[str, str]], dict[str, str] | None] = lambda device: None
    severity: Callable[[dict[str, str]], str] = lambda device: ""

    def __call__(self, subject: Subject, around: Surroundings) -> Iterator[Hit]:
        for name, device in sorted(subject.devices.items()):
            says = self.bad(device)
            if says:
                layers = tuple(layer for layer in subject.layers if self.bad(layer.devices.get(name) or {}))
                tasks = tuple(with_device(layer, name, self.change(layer.devices[name])) for layer in layers)
                yield Hit(name, f"Device {name} {says}.", layers, tasks, self.severity(device))


def of_type(*types: str) -> Callable[[dict[str, str]], str]:
    """For `Device`: a type of device is dangerous whatever it is for."""
    return lambda device: f"is of type {device['type']}" if device.get("type") in types else ""


def split_address(address: str) -> tuple[str, str]:
    """The host and the port of a listener, each of which can be empty. An IPv6 address with a port is in brackets."""
    if address.startswith("["):
        host, _bracket, rest = address[1:].partition("]")
        return host, rest.lstrip(":")
    if address.count(":") == 1:
        host, _colon, port = address.partition(":")
        return host, port
    return address, ""


def is_wildcard(address: str) -> bool:
    """Whether an address of a listener means all addresses of the host."""
    return bool(address) and split_address(address)[0] in ("", "0.0.0.0", "::", "*")
