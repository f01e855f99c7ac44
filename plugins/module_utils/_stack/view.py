# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A server as it will be: read with one request a collection, and changed in memory only by what is planned.

The kinds read and plan on it as they do on a server, so a stack plans by the code that its modules plan by.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Iterator, NoReturn

from .._api.answers import Reply
from .._api.client import Client, quote
from .._api.errors import LXDError, ServerError
from .._engine import values
from .._engine.resource import Resource

PROJECTS = "/1.0/projects"


class View:
    """Answers what a `client.Client` is asked while planning. What it does not know of itself is asked of `client`,
    once.
    """

    def __init__(self, client: Client, kinds: dict[str, type[Resource]]) -> None:
        self.client = client
        self._patterns = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", kind.path)), kind)
            for kind in kinds.values()
            if kind.named and kind.listed
        ]
        self._kinds: dict[str, type[Resource] | None] = {}
        self._listings: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._existing: set[str] | None = None
        self._asked: dict[tuple[str, Any], Reply | None] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    # -- as a client --------------------------------------------------------------------------------------------------

    def find(self, path: str, **query: Any) -> Reply | None:
        parent, _slash, last = path.rpartition("/")
        kind = self.kind_at(parent)
        if kind is None or query.get("target"):
            return self._ask(path, query)
        listing = self.listing(kind, parent, query.get("project"))
        name = urllib.parse.unquote(last)
        found = listing.get(name)
        if found is None and kind.key == "fingerprint":  # the API takes the first digits too
            found = next((obj for fingerprint, obj in listing.items() if fingerprint.startswith(name)), None)
        return None if found is None else Reply(dict(found), None, None)

    def get(self, path: str, **query: Any) -> Reply:
        kind = self.kind_at(path)
        if kind and query.get("recursion") == 1:
            return Reply([dict(obj) for obj in self.listing(kind, path, query.get("project")).values()], None, None)
        found = self.find(path, **query)
        if found is None:
            raise ServerError(f"{self.client.label} has no {path} (error 404)", 404, "Not Found")
        return found

    def names(self, path: str, **query: Any) -> list[str]:
        kind = self.kind_at(path)
        return list(self.listing(kind, path, query.get("project"))) if kind else self.client.names(path, **query)

    def forget(self) -> None:
        self._asked.clear()

    def write(self, method: str, path: str, *_rest: Any, **_query: Any) -> NoReturn:
        raise LXDError(
            f"Planning must not write, and {method} {path} would: please report this as a bug of cloudhost.lxd."
        )

    # -- what it knows ------------------------------------------------------------------------------------------------

    def listing(self, kind: type[Resource], path: str, project: str | None) -> dict[str, dict[str, Any]]:
        """The objects of a collection by name, as they are planned so far. Not to be changed: see `put`."""
        place = (path, self.effective(kind, project))
        if place not in self._listings:
            self._listings[place] = self._read(kind, *place)
        return self._listings[place]

    def put(self, path: str, project: str | None, obj: dict[str, Any] | None) -> None:
        """From now on there is this object; with None, there is none."""
        parent, _slash, last = path.rpartition("/")
        kind = self.kind_at(parent)
        if kind:
            name = urllib.parse.unquote(last)
            listing = self.listing(kind, parent, project)
            listing.pop(name, None)
            if obj is not None:
                listing[name] = obj

    def effective(self, kind: type[Resource], project: str | None) -> str:
        """The project in which resources of a kind live for somebody who works in `project`: its features decide."""
        if not kind.scoped:
            return ""
        if project in (None, "", "default"):
            return "default"
        own = self._projects().get(str(project))
        if (
            kind.feature
            and own is not None
            and not values.is_true((own.get("config") or {}).get(f"features.{kind.feature}"))
        ):
            return "default"
        return str(project)

    def projects(self, kind: type[Resource]) -> list[str]:
        """The projects of the server that have resources of a kind of their own."""
        return [name for name in self._projects() if self.effective(kind, name) == name] if kind.scoped else [""]

    def _projects(self) -> dict[str, dict[str, Any]]:
        if (PROJECTS, "") not in self._listings:
            listed = self.client.get(PROJECTS, recursion=1).metadata or []
            self._listings[PROJECTS, ""] = {project["name"]: project for project in listed}
            self._existing = {project["name"] for project in listed}
        return self._listings[PROJECTS, ""]

    def _read(self, kind: type[Resource], path: str, project: str) -> dict[str, dict[str, Any]]:
        if path == PROJECTS:
            return self._projects()
        if project not in ("", "default") and project not in self._exist():
            if project not in self._projects():  # nobody makes it, so there is nothing in it
                return {}
            # the daemon will make these with the project
            return {name: {"name": name, "description": "", "config": {}, "devices": {}} for name in kind.singletons}
        reply = self.client.find(path, recursion=1, **({} if project in ("", "default") else {"project": project}))
        return {obj[kind.key]: obj for obj in (reply.metadata if reply else None) or []}

    def _exist(self) -> set[str]:
        self._projects()
        return self._existing or set()

    def kind_at(self, path: str) -> type[Resource] | None:
        if path not in self._kinds:
            self._kinds[path] = next((kind for pattern, kind in self._patterns if pattern.fullmatch(path)), None)
        return self._kinds[path]

    def _ask(self, path: str, query: dict[str, Any]) -> Reply | None:
        if path == "/1.0" and not query.get("target"):  # the client has it, or will need it
            return Reply(
                {**self.client.server, "api_extensions": sorted(self.client.server["api_extensions"])}, None, None
            )
        key = (path, tuple(sorted((name, value) for name, value in query.items() if value not in (None, ""))))
        if key not in self._asked:
            self._asked[key] = self.client.find(path, **query)
        reply = self._asked[key]
        return Reply(dict(reply.metadata), None, None) if reply and isinstance(reply.metadata, dict) else reply


def places(
    view: View, kinds: dict[str, type[Resource]], kind: type[Resource], project: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """The collections of a kind in a project, each with the options that name what it belongs to."""
    parents = kind.parents()
    if not parents:
        yield kind.path, {}
        return
    above = kind.refers["/".join(parents)]
    parent = kinds[above if isinstance(above, str) else above[0]]
    for path, outer in places(view, kinds, parent, project):
        for name in sorted(view.listing(parent, path, project)):
            options = {**outer, parents[-1]: name}
            yield kind.path.format_map({option: quote(value) for option, value in options.items()}), options
