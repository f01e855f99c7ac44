# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Templates of instances: files that the daemon writes into an instance when it is created, copied or started."""

from __future__ import annotations

import io
from typing import Any

from ..._api.errors import ServerError
from ..._engine.fields import Flag, Map, NameSet, Text
from ..._engine.plans import Existing, Plan
from ..._engine.resource import Resource

#: What there is of a template besides its content, as the metadata of the instance has it.
ENTRY = ("when", "create_only", "properties")


class InstanceTemplate(Resource):
    """`/1.0/instances/INSTANCE/metadata/templates`, and its entry in `/1.0/instances/INSTANCE/metadata`.

    The object has both. An entry belongs to the path that it writes, and names the template.
    """

    kind = "instance_template"
    path = "/1.0/instances/{instance}/metadata/templates"
    listed = False
    stackable = False
    fields = (
        Text("content"),
        Text("path"),
        NameSet("when", choices=["create", "copy", "start"]),
        Flag("create_only"),
        Map("properties"),
    )
    options = {"instance": {"type": "str", "required": True}}
    refers = {"instance": "instance"}
    server_keys = ()
    hidden_keys = ()
    unlogged = ("content",)

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def metadata(self) -> str:
        """The path of the metadata of the instance."""
        return self.collection.rpartition("/")[0]

    def fetch(self, name: str) -> Existing | None:
        reply = self.client.find(self.metadata, **self.query())
        if not reply:
            return None
        entries, content = reply.metadata.get("templates") or {}, self._content(name)
        mine = sorted(path for path, entry in entries.items() if entry.get("template") == name)
        if content is None and not mine:
            return None
        path = self.wanted.get("path") if self.wanted.get("path") in mine else (mine[0] if mine else "")
        entry = {key: entries[path].get(key) for key in ENTRY} if path else {}
        return Existing({"name": name, "content": content, "path": path, **entry}, None, name, self.project)

    def _content(self, name: str) -> str | None:
        kept = io.BytesIO()
        try:
            self._ask("GET", name, sink=lambda status, headers: kept if status == 200 else None)
        except ServerError as exc:
            if exc.code == 404:
                return None
            raise
        return kept.getvalue().decode(errors="replace")

    # -- the plan -----------------------------------------------------------------------------------------------------

    def plan_create(self) -> Plan:
        self._check_whole({})
        return super().plan_create()

    def plan_update(self, found: Existing) -> Plan:
        self._check_whole(found.object)
        return super().plan_update(found)

    def _check_whole(self, old: dict[str, Any]) -> None:
        """Refuse a template that the daemon would never use, or that has no content."""
        for option in ("content", "path", "when"):
            if option not in self.wanted and not old.get(option):
                self.refuse(f"{option}: instance_template '{self.name}' has none yet, so it has to be written.")

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        path = new.get("path", "")
        if not path.startswith("/"):
            self.refuse(f"path: '{path}' is no path from the root of the instance.")
        reply = self.client.find(self.metadata, **self.query()) if path != old.get("path") else None
        other = ((reply.metadata.get("templates") or {}) if reply else {}).get(path, {}).get("template", self.name)
        if other != self.name:
            self.refuse(
                f"path: {path} of instance {self.params['instance']} is written by the template '{other}'. Change that "
                "one, or remove it first."
            )

    # -- writing ------------------------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any]) -> None:
        self._write(body["content"])
        self._enter(body, {})

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        if body["content"] != found.object["content"]:
            self._write(body["content"])
        if any(body.get(key) != found.object.get(key) for key in ("path", *ENTRY)):
            self._enter(body, found.object)

    def delete(self) -> None:
        """First the entries: the daemon fails to start an instance with an entry of which it has no template."""
        metadata = self.client.get(self.metadata, **self.query()).metadata
        entries = metadata.get("templates") or {}
        left = {path: entry for path, entry in entries.items() if entry.get("template") != self.name}
        if left != entries:
            self.writer.write("PUT", self.metadata, {**metadata, "templates": left}, **self.query())
        if self._content(self.name) is not None:
            self._ask("DELETE", self.name)

    def _write(self, content: str) -> None:
        data = content.encode("utf-8", "surrogateescape")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        self._ask("POST", self.name, headers=headers, stream=io.BytesIO(data))

    def _ask(self, method: str, name: str, **more: Any) -> None:
        """A request for a template, which a parameter names."""
        query = {**self.query(), "path": name}
        reply = self.writer.request(method, self.collection, query=query, **more)
        if reply.operation:
            self.writer.wait(reply.operation)

    def _enter(self, body: dict[str, Any], old: dict[str, Any]) -> None:
        """Write the entry. The servers compare no ETag of this `PUT`, so it is read just before."""
        metadata = self.client.get(self.metadata, **self.query()).metadata
        entries = dict(metadata.get("templates") or {})
        kept = entries.pop(old.get("path", ""), {})
        wanted = {"when": body["when"], "create_only": bool(body.get("create_only"))}
        entries[body["path"]] = {
            **kept,
            **wanted,
            "template": self.name,
            "properties": body.get("properties") or {},
        }
        self.writer.write("PUT", self.metadata, {**metadata, "templates": entries}, **self.query())
