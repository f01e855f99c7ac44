# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""`state: verified` and `imported`: find a run, check it, and create from it what a server lacks.

An import is a stack: the document of the run, in which instances, volumes and images are made of their exports. What
exists is left as it is, so that an import can be repeated, and never takes back what was changed since.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .._api.client import Client
from .._api.errors import InvalidInput, Missing
from .._api.versions import numbers_of
from .._kinds._exports import age
from .._stack.document import Document
from .._stack.planner import StackOptions
from .._stack.run import run_stack
from . import backup_manifest as manifests
from .backup_export import check_directory, shown
from .backup_manifest import Item, Run
from .lacking import lacking, placed
from .registry import KINDS

#: The sections of what is made of exports.
SECTIONS = {"instance": "instances", "storage_volume": "storage_volumes", "image": "images"}


class BackupImport:
    """The work of a task with one of these states."""

    def __init__(self, client: Client, params: dict[str, Any], check_mode: bool) -> None:
        self.client, self.params, self.check_mode = client, params, check_mode
        self.directory = os.path.abspath(params["directory"])

    # -- a run --------------------------------------------------------------------------------------------------------

    def verified(self) -> dict[str, Any]:
        run = self._verified()
        limit = self.params["max_age"]
        if limit is not None and run.older_than(age(limit)):
            raise InvalidInput(f"max_age: the newest backup in '{self.directory}' is {run.name}, older than {limit}.")
        return {"changed": False, "actions": [], "steps": [], "server_backup": shown(run)}

    def _verified(self) -> Run:
        check_directory(self.directory)
        run = self._chosen(manifests.runs(self.directory))
        run.verify(self.params["verify"] != "size")
        return run

    def _chosen(self, there: list[Run]) -> Run:
        """The run that the task names, or the newest that is whole.

        :raises InvalidInput: if that is not whole, unless the task accepts it
        """
        wanted, whole = self.params["run"], [run for run in there if run.whole]
        known = f" Those that are whole: {', '.join(run.name for run in whole) or 'none'}."
        if not wanted:
            if not whole:
                raise Missing(f"directory: '{self.directory}' has no backup that is whole.{_partial_ones(there)}")
            return whole[0]
        run = next((run for run in there if run.name == wanted), None)
        if run is None:
            raise Missing(f"run: '{self.directory}' has no backup '{wanted}'.{known}")
        if not run.whole:
            self._check_partial(run, known)
        return run

    def _check_partial(self, run: Run, known: str) -> None:
        if run.state != manifests.PARTIAL or "ended_at" not in run.manifest:
            raise InvalidInput(f"run: {run.name} was not written to its end, or was changed since.{known}")
        if not self.params["partial"]:
            lacking = ", ".join(facts["title"] for facts in run.manifest["failed"])
            raise InvalidInput(f"run: {run.name} lacks {lacking}; 'partial: true' takes what it has.{known}")

    # -- an import ----------------------------------------------------------------------------------------------------

    def imported(self) -> dict[str, Any]:
        run = self._verified()
        self._check_server(run)
        definition = lacking(self.client, self._definition(run), run.path)
        result = run_stack(
            self.client,
            KINDS,
            StackOptions(),
            [Document(os.path.join(run.path, manifests.DOCUMENT), definition, {})],
            self.check_mode,
            parallel=self.params["parallel"],
        )
        kept = ("changed", "actions", "steps", "diff", "warnings", "plan_lines", "summary")
        return {**{name: result[name] for name in kept}, "server_backup": shown(run)}

    def _check_server(self, run: Run) -> None:
        """Refuse a server that cannot read the exports, before anything is changed."""
        of, server = run.manifest["server"], self.client.server.get("environment", {})
        if of["implementation"] != self.client.implementation:
            raise InvalidInput(
                f"'{run.path}' is a backup of {of['implementation']}, and {self.client.label} is another product: what "
                "one exports was never tested with the other."
            )
        if _version(server.get("server_version", "")) < _version(of["version"]):
            raise InvalidInput(
                f"'{run.path}' is a backup of {of['implementation']} {of['version']}, and {self.client.label} is "
                "older: install that version or a newer one."
            )

    def _definition(self, run: Run) -> dict[str, Any]:
        """The document of a run, in which what has an export is made of it."""
        document = json.loads(run.content(manifests.DOCUMENT))
        items = {(item.kind, item.project, item.label, item.place): item for item in run.items if item.files}
        for kind, section in SECTIONS.items():
            entries = []
            for entry in document.get(section) or ():
                place = entry.get("target") or "" if kind == "storage_volume" else ""
                item = items.get((kind, entry.get("project") or "default", _label(kind, entry), place))
                if item:
                    entries.append(self._made_of(entry, item, run))
                elif kind == "image" and "source" in entry:
                    entries.append(entry)
            document[section] = entries
        return placed(self.client, document)

    def _made_of(self, entry: dict[str, Any], item: Item, run: Run) -> dict[str, Any]:
        paths = [os.path.join(run.path, name) for name in item.files]
        rest = {name: value for name, value in entry.items() if name not in ("image", "source", "auto_update")}
        if item.kind == "image":
            return {**rest, **dict(zip(("file", "rootfs"), paths))}
        if item.kind == "instance" and self.params["start"] is False:
            rest["state"] = "present"
        return {**rest, "source": {"type": "backup", "file": paths[0]}}


def _label(kind: str, entry: dict[str, Any]) -> str:
    return f"{entry['pool']}/{entry['name']}" if kind == "storage_volume" else str(entry["name"])


def _partial_ones(there: list[Run]) -> str:
    names = ", ".join(run.name for run in there if not run.whole)
    return f" Not whole: {names}." if names else ""


def _version(text: str) -> tuple[int, ...]:
    """The first two numbers of a version: what is exported does not change in between."""
    return numbers_of(text)[:2]
