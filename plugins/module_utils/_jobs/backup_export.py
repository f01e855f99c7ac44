# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""`state: exported`: whether a run is due, what it makes, and which older ones are removed.

A run that was interrupted, or in which an export failed, is gone on with while it is not older than `max_age`: what it
has is kept, and what it lacks is made.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from typing import Any, Iterator

from .._api.client import Client
from .._api.errors import InvalidInput, LXDError
from .._engine.plans import Done
from .._kinds._exports import RECORD, age
from .._kinds.instances._power import RUNNING
from .._stack.export import export
from .._stack.view import View
from . import backup_manifest as manifests
from .backup_manifest import Item, Run
from .backup_selection import Selection, selected
from .registry import KINDS

#: Options that say what a run has in it. One that was made with others is not what the task asks for.
CONTENTS = ("projects", "include", "exclude", "images", "snapshots", "compression_algorithm", "optimized_storage")


class BackupExport:
    """The work of a task with `state: exported`."""

    def __init__(self, client: Client, params: dict[str, Any], check_mode: bool) -> None:
        self.client, self.params, self.check_mode = client, {**params}, check_mode
        self.params["images"] = params["images"] or "local"
        self.directory = os.path.abspath(params["directory"])
        self.max_age, self.keep = age(params["max_age"]), params["keep"]
        if self.keep is not None and self.keep < 1:
            raise InvalidInput(f"keep: {self.keep} is no number of runs to keep; it is at least 1.")
        self.options = {name: self.params[name] for name in CONTENTS if self.params[name] is not None}
        self.done: list[Done] = []

    def result(self) -> dict[str, Any]:
        check_directory(self.directory)
        there = manifests.runs(self.directory)
        if there and there[0].manifest["server"]["name"] != self._server()["name"]:
            raise InvalidInput(
                f"directory: '{self.directory}' has backups of the server '{there[0].manifest['server']['name']}', and "
                f"{self.client.label} is '{self._server()['name']}': give each server a directory of its own."
            )
        newest = next((run for run in there if run.whole), None)
        reason = self._reason(newest)
        if self.check_mode:
            return self._foreseen(there, newest, reason)
        if not reason and not self._surplus(there, newest):
            return self._told(newest, [])
        manifests.make(self.directory)
        with _locked(self.directory):
            if not reason:
                self._rotate(there, newest)
                return self._told(newest, [])
            return self._made(there)

    def _server(self) -> dict[str, Any]:
        """What manifests say of the server. A cluster answers at several members: it is known by its certificate."""
        about = self.client.server.get("environment", {})
        clustered = self.client.clustered
        return {
            "implementation": self.client.implementation,
            "version": about.get("server_version", ""),
            "name": about.get("certificate_fingerprint" if clustered else "server_name", ""),
            "clustered": clustered,
        }

    def _reason(self, newest: Run | None) -> str:
        """Why a run is due, in words; empty if none is."""
        if newest is None:
            return "there is none that is whole"
        if newest.manifest["options"] != self.options:
            return f"{newest.name} was made with other options"
        return f"{newest.name} is older than {self.params['max_age']}" if newest.older_than(self.max_age) else ""

    # -- one run ------------------------------------------------------------------------------------------------------

    def _made(self, there: list[Run]) -> dict[str, Any]:
        from .backup_work import BackupWork  # only what writes needs it

        view, selection = self._selection()
        before = self._unfinished(there)
        path = before.path if before else self._new()
        # What an interrupted run has stopped, and starts again with this one.
        ran = manifests.running(before) & set(selection.together)
        manifests.make(path)
        manifest = {
            **manifests.FORMAT,
            "run": os.path.basename(path),
            "server": self._server(),
            "options": self.options,
            "items": [_begun(item, ran).facts() for item in selection.items],
            "files": [],
            "left_out": selection.left_out,
            "failed": [],
        }
        manifests.write(os.path.join(path, manifests.PARTIAL), manifests.text_of(manifest))
        work = BackupWork(self.client, self.params, path, ran)
        try:
            work.run(self._document(view, ran), selection)
        finally:
            self.done += work.done
        manifest.update(
            items=[item.facts() for item in work.items],
            files=sorted(work.files, key=lambda facts: facts["file"]),
            left_out=[*selection.left_out, *work.left_out],
            failed=work.failed,
            ended_at=manifests.stamp(time.time()),
        )
        if work.failed:
            manifests.write(os.path.join(path, manifests.PARTIAL), manifests.text_of(manifest))
            self._rotate_partial(manifests.runs(self.directory))
            raise self._failure(Run(path, manifest, manifests.PARTIAL), work.warnings)
        manifests.publish(path, manifest)
        made = Run(path, manifest, manifests.WHOLE)
        self._rotate(manifests.runs(self.directory), made)
        return self._told(made, work.warnings)

    def _document(self, view: View, ran: set[str]) -> dict[str, Any]:
        """The document of the server, as it was before an interrupted run has stopped instances."""
        document, _none = export(view, KINDS, self.params["projects"], with_secrets=True)
        for entry in document.get("instances") or ():
            if Item("instance", entry.get("project") or "default", {"instance": entry["name"]}).title in ran:
                entry["state"] = "started"
        return document

    def _selection(self) -> tuple[View, Selection]:
        view = View(self.client, KINDS)
        return view, selected(view, self.params)

    def _new(self) -> str:
        when = time.time()
        while os.path.lexists(os.path.join(self.directory, manifests.stamp(when))):
            when += 1
        return os.path.join(self.directory, manifests.stamp(when))

    def _unfinished(self, there: list[Run]) -> Run | None:
        """The run to go on with."""
        first = there[0] if there else None
        fits = first and first.state == manifests.PARTIAL and first.manifest["options"] == self.options
        return first if fits and first and not first.older_than(self.max_age) else None

    # -- rotation -----------------------------------------------------------------------------------------------------

    def _surplus(self, there: list[Run], newest: Run | None) -> list[Run]:
        """The runs to remove now that `newest` is whole: those beyond `keep`, and those before it that are not."""
        whole = [run for run in there if run.whole]
        old = whole[self.keep :] if self.keep else []
        broken = [run for run in there if not run.whole and newest and run.name < newest.name]
        return [*old, *broken]

    def _rotate(self, there: list[Run], newest: Run | None) -> None:
        self._remove(self._surplus(there, newest))

    def _rotate_partial(self, there: list[Run]) -> None:
        """After a run that is not whole, remove none that is: they are the last good ones. Of those since, `keep`."""
        since = []
        for run in there:
            if run.whole:
                break
            since.append(run)
        self._remove(since[self.keep :] if self.keep else [])

    def _remove(self, surplus: list[Run]) -> None:
        for run in surplus:
            left = manifests.remove(run)
            self.done.append(_removal(run))
            if left:
                self.done[-1] = self.done[-1]._replace(words=f"{self.done[-1].words}, but for {left}")

    # -- the result ---------------------------------------------------------------------------------------------------

    def _foreseen(self, there: list[Run], newest: Run | None, reason: str) -> dict[str, Any]:
        if reason:
            before = self._unfinished(there)
            _view, selection = self._selection()
            have = {item.title for item in selection.items if before and _is_there(before, item)}
            self.done += [
                one
                for one in selection.steps(manifests.running(before))
                if one.action != "export" or one.words.partition(" ")[2] not in have
            ]
            stamped = manifests.stamp(time.time())
            coming = Run(os.path.join(self.directory, before.name if before else stamped), {}, manifests.WHOLE)
            gone = self._surplus([coming, *(run for run in there if run != before)], coming)
        else:
            gone = self._surplus(there, newest)
        self.done += [_removal(run) for run in gone]
        return self._told(None if reason else newest, [])

    def _told(self, run: Run | None, warnings: list[str]) -> dict[str, Any]:
        words = "".join(f"{one.words}\n" for one in self.done)
        return {
            "changed": bool(self.done),
            "actions": [one.words for one in self.done],
            "steps": [one._asdict() for one in self.done],
            "server_backup": shown(run) if run else None,
            "diff": {"before": "", "after": words, "before_header": self.directory, "after_header": self.directory},
            "warnings": warnings,
        }

    def _failure(self, run: Run, warnings: list[str]) -> LXDError:
        failed = run.manifest["failed"]
        lines = [
            f"Of {len(run.items)} exports of {self.client.label} {len(failed)} failed, so the backup '{run.path}' is "
            "not whole, and none that is was removed. Correct what failed, then run it again: until "
            f"{self.params['max_age']} after its begin, the next run makes only what is missing.",
            *(f"- {facts['title']}: {facts['msg']}" for facts in failed),
        ]
        error = LXDError("\n".join(lines))
        error.done = self.done
        error.result = {"server_backup": shown(run), "warnings": warnings}
        return error


def _begun(item: Item, ran: set[str]) -> Item:
    """Something as it was when its run was begun."""
    return item._replace(status=RUNNING) if item.title in ran else item


def _is_there(run: Run, item: Item) -> bool:
    """Whether an unfinished run has the export of something, as far as that is known without reading it."""
    path = os.path.join(run.path, item.path)
    if item.kind == "image":
        return os.path.isfile(path) or os.path.isfile(path + manifests.ROOTFS)
    return os.path.isfile(path + RECORD)


def _removal(run: Run) -> Done:
    return Done("delete", "server_backup", run.name, f"remove {run.path}")


def shown(run: Run) -> dict[str, Any]:
    """What the module returns of a run."""
    manifest = run.manifest
    return {
        "run": run.name,
        "path": run.path,
        "whole": run.whole,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(manifests.began(run.name))),
        "size": sum(facts["size"] for facts in manifest["files"]),
        "server": manifest["server"],
        "identity_files": [facts["file"] for facts in manifest["files"] if facts["file"] in manifests.IDENTITY],
        "exported": [
            {"kind": item.kind, "name": item.label, "project": item.project} for item in run.items if item.files
        ],
        "left_out": manifest["left_out"],
        "failed": manifest["failed"],
    }


def check_directory(directory: str) -> None:
    """Refuse a directory that others could write into: who writes a backup is root in all that is restored from it."""
    try:
        about = os.stat(directory)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise InvalidInput(f"directory: '{directory}' cannot be read: {exc.strerror or exc}.") from exc
    if not stat.S_ISDIR(about.st_mode):
        raise InvalidInput(f"directory: '{directory}' is not a directory.")
    if about.st_uid not in (0, os.geteuid()) or about.st_mode & 0o022:
        raise InvalidInput(
            f"directory: '{directory}' can be written by others than the user of the module. A backup has keys in it, "
            "and what is restored from it runs: let it belong to this user, with mode 0700."
        )


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    path = os.path.join(directory, ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as exc:
        raise LXDError(f"Another run writes into '{directory}'. Let it end, or give this task another one.") from exc
    finally:
        os.close(descriptor)
