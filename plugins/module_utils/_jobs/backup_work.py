# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The work of a run: the document of the server, its databases and keys, and the exports, several at a time.

An export that fails does not stop the others. Where the server itself no longer answers, what is left is not begun.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import threading
import urllib.parse
from typing import Any, Callable, Iterator

from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import ConnectionFailed, LXDError, ServerError
from .._engine import values
from .._engine.converge import converge
from .._engine.plans import Done
from .._kinds._backup import Backup, options_of
from .._kinds._exports import RECORD
from .._kinds.images._source import find_image
from .._kinds.instances._power import RUNNING, normalize_status
from .._kinds.instances.instance import Instance
from .._kinds.instances.instance_backup import InstanceBackup
from .._kinds.storage.storage_volume_backup import StorageVolumeBackup
from . import backup_manifest as manifests
from .backup_image import fetch
from .backup_manifest import Item
from .backup_selection import Selection

#: The sections of a document that `lxd init --preseed` and `incus admin init --preseed` take.
PRESEED = ("config", "networks", "storage_pools", "profiles", "projects")
#: Where the daemons of packages and of the snap keep their keys, if not beside their socket.
FOLDERS = {"lxd": ("/var/lib/lxd", "/var/snap/lxd/common/lxd"), "incus": ("/var/lib/incus",)}
#: The statuses of an answer to a request that a client may not send, or that the server does not know.
_DENIED = (403, 404)


def preseed_of(document: dict[str, Any], implementation: str) -> dict[str, Any]:
    """What the client of the daemon takes of a document. That of LXD knows no project of a profile (`InitLocalPreseed`
    in shared/api/init.go).
    """
    preseed = {name: document[name] for name in PRESEED if name in document}
    if implementation == "lxd" and "profiles" in preseed:
        preseed["profiles"] = [one for one in preseed["profiles"] if one.get("project", "default") == "default"]
    return preseed


class BackupWork:
    """Writes a run.

    :ivar ran: the titles of instances that an interrupted run has stopped
    :ivar items: what was selected and still exists, with their files
    :ivar files: the line of the manifest of each file
    """

    def __init__(self, client: Client, params: dict[str, Any], path: str, ran: set[str]) -> None:
        self.client, self.params, self.path = client, params, path
        self.ran = ran
        self.items: list[Item] = []
        self.files: list[dict[str, Any]] = []
        self.left_out: list[dict[str, str]] = []
        self.failed: list[dict[str, str]] = []
        self.done: list[Done] = []
        self._did: set[tuple[str, str]] = set()
        self.warnings: list[str] = []
        self._lost = threading.Event()
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()

    def run(self, document: dict[str, Any], selection: Selection) -> None:
        self._write(manifests.DOCUMENT, manifests.text_of(document))
        self._write(manifests.PRESEED, manifests.text_of(preseed_of(document, self.client.implementation)))
        self._databases()
        self._identity()
        self.client.server  # noqa: B018 - read once here, and not by each worker
        try:
            with concurrent.futures.ThreadPoolExecutor(self.params["parallel"]) as pool:
                list(
                    pool.map(lambda group: self._group(group, group[0].title in selection.together), selection.groups())
                )
        finally:
            for client in self._clients:
                client.transport.close()
        order = {item.title: position for position, item in enumerate(selection.items)}
        self.items.sort(key=lambda item: order[item.title])
        self.done = [one for one in selection.steps(self.ran) if (one.action, one.words) in self._did]

    def _write(self, name: str, text: str | bytes) -> None:
        self.files.append(manifests.write(os.path.join(self.path, name), text))

    # -- what is no export --------------------------------------------------------------------------------------------

    def _databases(self) -> None:
        """`GET /internal/sql`, which the servers answer to the local administrator only."""
        for database, name in manifests.DATABASES.items():
            try:
                dump = self.client.get("/internal/sql", database=database, schema=0).metadata
                self._write(name, dump["text"])
            except (ServerError, KeyError, TypeError) as exc:
                if isinstance(exc, ServerError) and exc.code not in _DENIED:
                    raise
                self._leave("database", database, "only the local administrator can read it")

    def _identity(self) -> None:
        """The certificate of the server and its key, which clients know it by."""
        folder = self.params["daemon_directory"] or self._folder()
        found = False
        for name in manifests.IDENTITY if folder else ():
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError, PermissionError):
                with open(path, "rb") as stream:
                    self._write(name, stream.read())
                found = True
        if not found:
            self._leave("server", "server.key", "it is not on this host, or its user cannot read it")

    def _folder(self) -> str:
        """The directory of a daemon on this host; empty for one that is elsewhere."""
        address = urllib.parse.urlsplit(self.client.url)
        if address.scheme != "unix":
            return ""
        beside = os.path.dirname(os.path.realpath(address.path))
        folders = [beside, *FOLDERS.get(self.client.implementation, ())]
        return next((folder for folder in folders if os.path.exists(os.path.join(folder, "server.key"))), "")

    def _leave(self, kind: str, name: str, reason: str) -> None:
        self.left_out.append({"kind": kind, "name": name, "project": "", "reason": reason})

    # -- exports ------------------------------------------------------------------------------------------------------

    def _group(self, group: list[Item], stops: bool) -> None:
        """Export something; an instance that is stopped for it with the volumes that it has."""
        begun = 0
        try:
            with self._stopped(group[0]) if stops else contextlib.nullcontext():
                for item in group:
                    begun += 1
                    self._one(item)
        except LXDError as exc:  # it does not stop, or does not start again
            for item in group[begun:] or group[:1]:
                self._fail(item, exc)

    @contextlib.contextmanager
    def _stopped(self, item: Item) -> Iterator[None]:
        """Stop an instance meanwhile. One that an interrupted run has stopped is started, too."""
        runs = normalize_status(item.status) == RUNNING or item.title in self.ran
        client = self._client()
        names = {"name": item.label, "project": item.project, "target": None}
        if normalize_status(item.status) == RUNNING:
            self._did_to(item, converge(Instance(client, options_of(Instance, **names, state="stopped"))).done)
        try:
            yield
        finally:
            if runs:
                client = self._client()
                self._did_to(item, converge(Instance(client, options_of(Instance, **names, state="started"))).done)

    def _one(self, item: Item) -> None:
        try:
            if self._lost.is_set():
                raise LXDError("it was not begun, because the server does not answer")
            files = self._exported(item)
        except (LXDError, OSError) as exc:
            if isinstance(exc, ConnectionFailed):
                self._lost.set()
            if not self._lost.is_set() and self._is_gone(item):
                self._leave(item.kind, item.title, "it was deleted during the run")
                return
            self._fail(item, exc)
            return
        with self._lock:
            self.items.append(item._replace(files=tuple(facts["file"] for facts in files)))
            self.files += files

    def _exported(self, item: Item) -> list[dict[str, Any]]:
        """Export something, unless an earlier run has. Returns the lines of the manifest."""
        client, path = self._client(), os.path.join(self.path, item.path)
        manifests.make(os.path.dirname(path))
        if item.kind == "image":
            made, names = fetch(client, item.project, item.names["image"], path)
            if made:
                self._did_to(item, [Done("export", item.kind, item.label, "")])
            return [_line(self.path, name) for name in names]
        given = {name: self.params[name] for name in ("compression_algorithm", "optimized_storage")}
        kind: type[Backup] = InstanceBackup if item.kind == "instance" else StorageVolumeBackup
        if self.params["snapshots"] is False:
            given[kind.of.replace("storage_", "") + "_only"] = True
        where = {"project": item.project, "target": item.member if item.kind == "storage_volume" else None}
        options = options_of(kind, **given, **where, **item.names, file=path, verify="size")
        outcome = converge(kind(client, options))
        self._did_to(item, outcome.done)
        with self._lock:
            self.warnings += outcome.warnings
        result = outcome.result or {}  # its checksum is known, and to read a large file again takes long
        whole = {"file": item.path, "size": result["size"], "sha256": result["sha256"]}
        return [whole, _line(self.path, path + RECORD)]

    def _is_gone(self, item: Item) -> bool:
        paths: dict[str, Callable[[], Any]] = {
            "instance": lambda: self._find(f"/1.0/instances/{item.label}", item),
            "storage_volume": lambda: self._find(
                f"/1.0/storage-pools/{item.names['pool']}/volumes/custom/{item.names['volume']}", item
            ),
            "image": lambda: find_image(self._client(), item.label, item.project),
        }
        with contextlib.suppress(LXDError):
            return not paths[item.kind]()
        return False

    def _find(self, path: str, item: Item) -> Any:
        return self._client().find(urllib.parse.quote(path), project=item.project, target=item.member or None)

    def _fail(self, item: Item, exc: Exception) -> None:
        facts = {"kind": item.kind, "name": item.label, "project": item.project, "title": item.title}
        with self._lock:
            if all(item.title != other.title for other in self.items):
                self.items.append(item)
            self.failed.append({**facts, "msg": values.printable(str(exc), keep="\n")})

    def _did_to(self, item: Item, done: list[Done]) -> None:
        with self._lock:
            self._did |= {(one.action, f"{one.action} {item.title}") for one in done}

    def _client(self) -> Client:
        """The client of this thread, which has the time of a task for each export."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.client.another()
            with self._lock:
                self._clients.append(client)
        client.deadline = Deadline(self.client.deadline.seconds)
        return client


def _line(folder: str, path: str) -> dict[str, Any]:
    """The line of a manifest of a file that is whole."""
    return {
        "file": os.path.relpath(path, folder),
        "size": os.path.getsize(path),
        "sha256": manifests.checksum(path),
    }
