# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is looked at before anything is changed. All that is wrong with a plan is told at once."""

from __future__ import annotations

import re
from typing import Any, Callable, TypeVar

from .._api.client import Client
from .._api.errors import InvalidInput, did_you_mean
from .stackable import Stackable
from .users import used_words

T = TypeVar("T")


class Checks(Stackable):
    """The part of `resource.Resource` that refuses."""

    client: Client
    params: dict[str, Any]
    name: str
    wanted: dict[str, Any]
    scoped: bool
    name_rule: tuple[str, str]
    name_rules: dict[str, tuple[str, str]]

    #: While a plan is made: all that is wrong with it.
    wrong: list[str] | None = None

    def query(self) -> dict[str, Any]:
        raise NotImplementedError

    def refuse(self, words: str) -> None:
        """Say what is wrong. While a plan is made the rest is looked at too, so that all of it is told at once."""
        if self.wrong is None:
            raise InvalidInput(words)
        self.wrong.append(words)

    def attempt(self, work: Callable[..., T], *arguments: Any, instead: T) -> T:
        """What a part of a plan comes to; `instead` where it is refused, since the rest of the plan is only looked at
        for what else is wrong.
        """
        try:
            return work(*arguments)
        except InvalidInput as exc:
            for words in exc.each:
                self.refuse(words)
            return instead

    def check_extensions(self) -> None:
        if self.extension:
            self.client.require(self.extension, self.kind)
        for field in self.fields:
            if field.extension and field.key in self.wanted:
                self.client.require(field.extension, f"{self.kind} option '{field.name}'")

    def check_name(self, option: str, name: str) -> None:
        """Refuse a name that the server would not let a new one have. Which server it is is asked only where that
        matters.
        """
        if name not in (".", "..") and all(
            re.fullmatch(rule, name) for rule, _words in (self.name_rule, *self.name_rules.values())
        ):
            return
        rule, words = (
            self.name_rules.get(self.client.implementation, self.name_rule) if self.name_rules else self.name_rule
        )
        if name in (".", "..") or not re.fullmatch(rule, name):
            raise self._unnamable(option, name, words)

    def _unnamable(self, option: str, name: str, words: str) -> InvalidInput:
        return InvalidInput(f"{option}: '{name}' is not a valid name for a {self.kind}: {words}.")

    def _check_project(self) -> None:
        project = self.query().get("project")
        if self.scoped and project and project != "default":
            self.check_known("project", [project], "/1.0/projects")

    def check_known(self, option: str, names: list[str], path: str, where: str = "", **query: Any) -> bool:
        """Refuse names that are not in a collection of the server. `where` says in which part of it they are looked
        for.
        """
        return self._check_all([(option, name) for name in names], path, where, **query)

    def _check_all(self, named: list[tuple[str, str]], path: str, where: str = "", **query: Any) -> bool:
        known = self.client.names(path, **query) if named else []
        unknown = [(option, name) for option, name in named if name not in known]
        for option, name in unknown:
            self.refuse(f"{option}: there is no '{name}' {where}on {self.client.label}. {did_you_mean(name, known)}")
        return not unknown

    def check_device_references(self, new: dict[str, Any], old: dict[str, Any], where: str = "", **query: Any) -> None:
        """Pools and networks that the devices name, where they are new or changed; with `query`, as seen from there."""
        changed = {
            name: device
            for name, device in (new.get("devices") or {}).items()
            if device != (old.get("devices") or {}).get(name)
        }
        for sort, key, path in (("disk", "pool", "/1.0/storage-pools"), ("nic", "network", "/1.0/networks")):
            named = [
                (f"devices.{name}.{key}", device[key])
                for name, device in changed.items()
                if device.get("type") == sort and device.get(key)
            ]
            self._check_all(named, path, where, **(query or self.query()))

    def check_unused(self, verb: str, users: list[str]) -> None:
        """Refuse what the server would refuse because of those who use it."""
        if users:
            raise InvalidInput(f"name: {self.kind} '{self.name}' {used_words(self.client.label, verb, users)}")
