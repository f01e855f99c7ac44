# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One kind under the conformance suite: what its entry and its class say, put to a real daemon."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import quote
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import (
    Devices,
    Field,
    Flag,
    Map,
    Moment,
    Names,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.records import Records
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import wire
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from integration import raw
from integration.conformance.entry import Entry, Options, Task
from integration.conftest import Server
from lab.proxy import Proxy


class Subject:
    """A kind on a server.

    :ivar name: the name that it has now, where that is not the one in its key
    """

    def __init__(self, api: Server, kind: str, entry: Entry) -> None:
        self.api, self.entry = api, entry
        self.kind: type[Resource] = KINDS[kind]
        self.name = ""
        self.url = ""
        self.made: list[Task] = []
        self.fields: dict[str, Field] = {field.name: field for field in self.kind.fields}
        self.new, self.changes, self.fixed = (
            self.of_server(given) for given in (entry.new, entry.changes, entry.fixed)
        )

    def of_server(self, options: Options) -> Options:
        """Options with the values that only the server knows, and without those that it has no extension for."""
        fields = {field.name: field for field in self.kind.fields}
        given = {
            option: value(self.api) if callable(value) else value
            for option, value in options.items()
            if option not in fields or not fields[option].extension or self.api.has(fields[option].extension)
        }
        return {option: value for option, value in given.items() if value is not None}

    @property
    def proxy(self) -> Proxy:
        return self.api.proxy

    @property
    def key(self) -> Options:
        key = self.of_server(self.entry.key)
        return {**key, "name": self.name} if self.name else key

    # -- tasks ------------------------------------------------------------------------------------------------------

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        done = self.api.run(self.kind.kind, check=check, **{**self.key, **options})
        self._found(done)
        return done

    def converges(self, **options: Any) -> dict[str, Any] | None:
        """The object after a task that has to change something (`conftest.Server.converges`)."""
        done = self.api.converges(self.kind.kind, **{**self.key, **options})
        self._found(done)
        shown: dict[str, Any] | None = done[self.kind.kind]
        return shown

    def unchanged(self, **options: Any) -> None:
        self.api.unchanged(self.kind.kind, **{**self.key, **options})

    def fails(self, **options: Any) -> str:
        return self.api.fails(self.kind.kind, **{**self.key, **options})

    def _found(self, done: dict[str, Any]) -> None:
        shown = done.get(self.kind.kind)
        if shown and shown.get(self.kind.key):
            self.url = f"{self.resource().collection}/{quote(shown[self.kind.key])}"

    def resource(self) -> Any:
        """The kind itself, for its paths and its rules; it is asked nothing."""
        defaults = {option: spec.get("default") for option, spec in self.kind.argument_spec().items()}
        resource = object.__new__(self.kind)
        resource.params = {"project": None, "target": None, **defaults, **self.key}
        return resource

    @property
    def pattern(self) -> str:
        """The requests for the object itself."""
        return re.escape(self.url) + r"($|\?)"

    # -- making and ending it ----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make what it needs."""
        self.make(self.entry.needs)

    def make(self, tasks: tuple[Task, ...]) -> None:
        for module, options in tasks:
            self.made.append((module, options))
            self.api.run(module, **options)

    def end(self, tasks: tuple[Task, ...]) -> None:
        """Delete what was made by these tasks, the last of it first."""
        for task in reversed([task for task in self.made if task in tasks]):
            self.made.remove(task)
            module, options = task
            named = {KINDS[module].named_by, "project", *KINDS[module].parents()}
            force = {"force": True} if "force" in KINDS[module].argument_spec() else {}
            given = {option: value for option, value in options.items() if option in named}
            self.api.run(module, state="absent", **given, **force)

    def close(self) -> None:
        """Delete it, whatever became of it, and what was made for it."""
        self.proxy.cut, self.proxy.later = None, []
        try:
            if self.url and self.seen() is not None:
                force = {"force": True} if "force" in self.kind.argument_spec() else {}
                self.run(state="absent", **force)
        finally:
            self.end(tuple(self.made))

    def query(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.query(self.url)
        return found

    def seen(self, url: str = "") -> dict[str, Any] | None:
        """The object as the API shows it now; None if there is none."""
        answer = raw.ask(self.api.daemon.place, "GET", url or self.url)
        return None if answer["type"] == "error" and answer["error_code"] == 404 else answer["metadata"]

    def known(self) -> bool:
        """Whether the server has the kind. One that has not says what it lacks, before anything is changed."""
        if not self.kind.extension or self.api.has(self.kind.extension):
            return not self.entry.served or self.api.has(self.entry.served)
        message = self.fails(**self.new)
        assert f"needs the extension '{self.kind.extension}'" in message, message
        return False

    # -- fields ------------------------------------------------------------------------------------------------------

    def unset(self, option: str, value: Any) -> Any:
        """What unsets a field that has a value; None if nothing does."""
        if option in self.entry.unset:
            return self.of_server({option: self.entry.unset[option]}).get(option)
        field = self.fields[option]
        if isinstance(field, Map):
            return dict.fromkeys(value)
        if isinstance(field, (Names, Records)):
            return []
        return {Flag: not value, Moment: "never"}.get(type(field), "")

    def shows(self, option: str, value: Any) -> None:
        """The API shows a value as it was written."""
        field, have = self.fields[option], self.query().get(self.fields[option].key)
        if option in self.entry.shown:
            assert have == self.entry.shown[option], option
        elif isinstance(field, Devices):
            assert {name: (have or {}).get(name) for name in value} == value
        elif isinstance(field, Map):
            wanted = {key: wire(key, inner) for key, inner in value.items()}
            assert {key: (have or {}).get(key) for key in wanted} == wanted
        else:
            assert field.equal(have, field.clean({option: value})), f"{option}: {have!r}"
