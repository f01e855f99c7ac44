# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A server as a plan will leave it: read with one request for each collection, and changed in memory only.

The kinds read and plan on it as they do on a server, so a stack and its modules plan by the same code.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Iterator

from .._api.answers import Reply
from .._api.client import Client, quote
from .._api.errors import InvalidInput, ServerError
from .._api.facts import ServerFacts
from .._api.reader import Reader
from .._engine import values
from .._engine.resource import Resource

PROJECTS = "/1.0/projects"


class View(ServerFacts):
    """A `reader.Reader` that answers from the collections as they are planned so far.

    It asks `source`, the server as it is, once for each object and collection. It has nothing that sends anything but
    GET: no `write` and no `request`, not even of its source.
    """

    is_plan = True

    def __init__(self, source: Reader, kinds: dict[str, type[Resource]]) -> None:
        self._source = source
        self.deadline, self.hidden = source.deadline, source.hidden
        self._patterns = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", kind.path)), kind)
            for kind in kinds.values()
            if kind.named and kind.listed
        ]
        self._kinds: dict[str, type[Resource] | None] = {}
        self._listings: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._existing: set[str] | None = None
        self._asked: dict[tuple[str, Any], Reply | None] = {}

    # -- as a reader --------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self._source.url

    @property
    def urls(self) -> tuple[str, ...]:
        return self._source.urls

    @property
    def remotes(self) -> dict[str, Any]:
        return self._source.remotes

    @property
    def server(self) -> dict[str, Any]:
        return self._source.server

    @property
    def label(self) -> str:
        return self._source.label

    def find(self, path: str, **query: Any) -> Reply | None:
        parent, _slash, last = path.rpartition("/")
        kind = self.kind_at(parent)
        if kind is None or (query.get("target") and not kind.of_member):
            return self._ask(path, query)
        listing = self.listing(kind, parent, query.get("project"))
        name = urllib.parse.unquote(last)
        found = listing.get(name)
        if kind.of_member:
            found = _of_member(kind, listing, name, query.get("target"), self.label)
        if found is None and kind.key == "fingerprint":  # the API takes the first digits too
            found = next((obj for fingerprint, obj in listing.items() if fingerprint.startswith(name)), None)
        return None if found is None else Reply(dict(found), None, None)

    def get(self, path: str, **query: Any) -> Reply:
        kind = self.kind_at(path)
        if kind and query.get("recursion") == 1:
            return Reply([dict(obj) for obj in self.listing(kind, path, query.get("project")).values()], None, None)
        found = self.find(path, **query)
        if found is None:
            raise ServerError(f"{self.label} has no {path} (error 404)", 404, "Not Found")
        return found

    def names(self, path: str, **query: Any) -> list[str]:
        kind = self.kind_at(path)
        return list(self.listing(kind, path, query.get("project"))) if kind else self._source.names(path, **query)

    def beside(self, options: dict[str, Any]) -> Client:
        client = self._source.beside(options)
        client.read_only = True
        return client

    def forget(self) -> None:
        self._asked.clear()

    # -- what it knows ------------------------------------------------------------------------------------------------

    def listing(self, kind: type[Resource], path: str, project: str | None) -> dict[str, dict[str, Any]]:
        """The objects of a collection by name, as they are planned so far. Only `put` may change them."""
        place = (path, self.effective(kind, project))
        if place not in self._listings:
            self._listings[place] = self._read(kind, *place)
        return self._listings[place]

    def put(self, path: str, project: str | None, obj: dict[str, Any] | None) -> None:
        """Plan an object: from now on the view has `obj` at this path, or nothing if it is None."""
        parent, _slash, last = path.rpartition("/")
        kind = self.kind_at(parent)
        if kind:
            name = urllib.parse.unquote(last)
            listing = self.listing(kind, parent, project)
            listing.pop(name, None)
            if obj is not None:
                listing[name] = obj

    def effective(self, kind: type[Resource], project: str | None) -> str:
        """The project that has the resources of a kind which are written into `project`: its features decide."""
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
        """The projects of the server that have their own resources of a kind."""
        return [name for name in self._projects() if self.effective(kind, name) == name] if kind.scoped else [""]

    def _projects(self) -> dict[str, dict[str, Any]]:
        if (PROJECTS, "") not in self._listings:
            listed = self._source.get(PROJECTS, recursion=1).metadata or []
            self._listings[PROJECTS, ""] = {project["name"]: project for project in listed}
            self._existing = {project["name"] for project in listed}
        return self._listings[PROJECTS, ""]

    def _read(self, kind: type[Resource], path: str, project: str) -> dict[str, dict[str, Any]]:
        if path == PROJECTS:
            return self._projects()
        if project not in ("", "default") and project not in self._exist():
            if project not in self._projects():  # it is not planned either, so it has no resources
                return {}
            # the daemon will create these with the project
            return {name: {"name": name, "description": "", "config": {}, "devices": {}} for name in kind.singletons}
        whole = self.find(kind.parent_of(path), project=project) if kind.parents() else None
        if whole and kind.unfit(whole.metadata):
            return {}
        reply = self._source.find(path, recursion=1, **({} if project in ("", "default") else {"project": project}))
        listed = map(kind.of_listing, (reply.metadata if reply else None) or [])
        return {kind.listed_as(obj): obj for obj in listed if obj is not None}

    def _exist(self) -> set[str]:
        self._projects()
        return self._existing or set()

    def kind_at(self, path: str) -> type[Resource] | None:
        if path not in self._kinds:
            self._kinds[path] = next((kind for pattern, kind in self._patterns if pattern.fullmatch(path)), None)
        return self._kinds[path]

    def _ask(self, path: str, query: dict[str, Any]) -> Reply | None:
        if path == "/1.0" and not query.get("target"):  # read once for all questions about the server
            return Reply({**self.server, "api_extensions": sorted(self.server["api_extensions"])}, None, None)
        key = (path, tuple(sorted((name, value) for name, value in query.items() if value not in (None, ""))))
        if key not in self._asked:
            self._asked[key] = self._source.find(path, **query)
        reply = self._asked[key]
        return Reply(dict(reply.metadata), None, None) if reply and isinstance(reply.metadata, dict) else reply


def _of_member(
    kind: type[Resource], listing: dict[str, dict[str, Any]], name: str, member: str | None, label: str
) -> dict[str, Any] | None:
    """The object of a name that a member has, or the only one if no member is named."""
    if member or name in listing:
        return listing.get(f"{name}@{member}", listing.get(name))
    found = [obj for listed, obj in listing.items() if listed.partition("@")[0] == name]
    if len(found) > 1:
        raise InvalidInput(f"target: several members of {label} have a {kind.kind} '{name}': name one of them.")
    return found[0] if found else None


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
        for name, obj in sorted(view.listing(parent, path, project).items()):
            if kind.unfit(obj):
                continue
            options = {**outer, parents[-1]: name}
            yield kind.path.format_map({option: quote(value) for option, value in options.items()}), options
