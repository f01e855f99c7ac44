# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.
"""Write an export: have the server make a backup, stream it into a file, and publish the file with its record.

The file has a name of its own until it is whole (`FILE.part`), and is locked meanwhile. A run that is killed leaves
that file, which the next run of the task takes over, and the backup on the server, which that run deletes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from typing import IO, Any, Iterator

from .._api.client import quote
from .._api.deadline import Deadline
from .._api.errors import Interrupted, LXDError, ServerError
from ._backed import Backed
from ._durable import anew, settle, settle_names
from ._exports import PART, RECORD, Exports, Record, moment

#: For how many hours the server keeps a backup that nobody deletes.
KEPT_HOURS = 24
#: For how many seconds a backup is deleted where the time of the task is over.
TIDY_SECONDS = 30.0


def export(backup: Backed, own: str, part: Part, options: dict[str, Any]) -> str:
    """Make an export. Returns the name of the backup on the server; after an error, that backup is deleted."""
    name, began = own + secrets.token_hex(4), time.time()
    try:
        backup.writer.write(
            "POST", backup.collection, backup.request(name, moment(began + 3600 * KEPT_HOURS)), **backup.query()
        )
        _fetch(backup, name, part)
        part.publish(began, backup.source, options)
    except BaseException:
        _discard_anyway(backup, name)
        raise
    return name


def _fetch(backup: Backed, name: str, part: Part) -> None:
    """`GET` of the contents of a backup. A transfer that breaks begins again from the start."""
    path = f"{backup.collection}/{quote(name)}/export"
    backup.writer.waiting_for(detail="download")
    try:
        backup.writer.request("GET", path, query=backup.query(), sink=part.sink)  # type: ignore[arg-type]
    except ServerError as exc:
        if exc.code != 404:
            raise
        raise Interrupted(f"backup {name} was deleted while it was read: {exc.text}") from exc


def discard(backup: Backed, name: str) -> None:
    """Delete a backup on the server; that it is gone is no error. There is time for that when the time of the task is
    over, too.
    """
    task = backup.writer.deadline
    backup.writer.deadline = Deadline(max(TIDY_SECONDS, task.remaining()))
    try:
        backup.writer.write("DELETE", f"{backup.collection}/{quote(name)}", **backup.query())
    except ServerError as exc:
        if exc.code != 404:
            raise
    finally:
        backup.writer.deadline = task


def _discard_anyway(backup: Backed, name: str) -> None:
    """The same after an error, which is what the task reports."""
    try:
        discard(backup, name)
    except LXDError as exc:
        backup.warn(
            f"{backup.kind} of {backup.owner_words}: the backup {name} stays on the server until the next run of this "
            f"task, or for {KEPT_HOURS} hours: {exc}"
        )


class Part:
    """An export that is being written."""

    def __init__(self, exports: Exports, file: IO[bytes]) -> None:
        self.exports, self.file, self.path = exports, file, exports.path + PART
        self.published = False
        self.seek(0)

    def sink(self, status: int, headers: Any) -> Part | None:
        """Take the body of an answer, if that is a file and there is space for it."""
        if status != 200 or "json" in str(headers.get("Content-Type")):
            return None
        needed, free = int(headers.get("Content-Length") or 0), shutil.disk_usage(self.exports.folder).free
        if needed > free:
            raise LXDError(
                f"'{self.exports.folder}' has {free} bytes free, and the export needs {needed}. Free space there, or "
                "write it elsewhere with 'file'. Nothing is left of this export; those that were there are as they "
                "were."
            )
        return self

    # -- as a file, for the transport ---------------------------------------------------------------------------------

    def seek(self, position: int) -> None:
        self.file.seek(position)
        self.digest, self.size = hashlib.sha256(), 0

    def truncate(self) -> None:
        self.file.truncate()

    def write(self, piece: bytes) -> None:
        with _failing(self.path):
            self.file.write(piece)
        self.digest.update(piece)
        self.size += len(piece)

    # -- once it is whole ---------------------------------------------------------------------------------------------

    def publish(self, when: float, source: dict[str, Any], options: dict[str, Any]) -> None:
        """Give it its name, and then its record. All of it is on the disk before, so it is whole even after a power
        failure.
        """
        with _failing(self.path):
            settle(self.file)
        path = self.exports.at(when)
        record = Record.made(self.digest.hexdigest(), self.size, when, source, options)
        beside = path + RECORD
        with _failing(beside):
            with anew(beside + PART) as file:
                file.write(record.text(os.path.basename(path)).encode())
                settle(file)
            os.replace(self.path, path)
            self.published = True
            os.replace(beside + PART, beside)
            settle_names(self.exports.folder)


@contextlib.contextmanager
def written(exports: Exports) -> Iterator[Part]:
    """The file for an export until it is whole. It is gone afterwards, unless it was published."""
    path = exports.path + PART
    with _failing(path):
        file = _locked(path)
    part = Part(exports, file)
    try:
        yield part
    finally:
        if not part.published:
            with contextlib.suppress(OSError):
                os.unlink(path)
        with contextlib.suppress(OSError):  # what was not written is not missed
            file.close()


def _locked(path: str) -> IO[bytes]:
    """An empty file that only its owner can read, for this process alone."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(descriptor, path):
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                return os.fdopen(descriptor, "wb")
        except BlockingIOError as exc:
            os.close(descriptor)
            raise LXDError(f"Another run is writing '{path}'. Let it end, or give this task another 'file'.") from exc
        os.close(descriptor)  # another run has published or removed it since it was opened


def _same(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def erase(path: str) -> None:
    """Remove an export, and then its records, so that a run that is killed in between finds it again."""
    for end in ("", RECORD, RECORD + PART):
        with _failing(path + end), contextlib.suppress(FileNotFoundError):
            os.unlink(path + end)


@contextlib.contextmanager
def _failing(path: str) -> Iterator[None]:
    """Errors of the file system as errors of the task."""
    try:
        yield
    except OSError as exc:
        raise LXDError(
            f"'{path}' cannot be written on the host that runs the module: {exc.strerror or exc}. Free space there or "
            "correct its permissions, or write it elsewhere with 'file'. What was there before is as it was."
        ) from exc
