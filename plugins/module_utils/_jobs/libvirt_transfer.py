# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Disks of a domain on their way to a server: the root disk as an image, each other one as a volume.

The daemons make a virtual machine of an image with a qcow2, on every version. They make a volume of a backup, which has
the disk as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import tarfile
import threading
import urllib.parse
from typing import IO, Any, Iterable

from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError, ServerError
from .._api.operations import OPERATION_RUNNING
from .._kinds._files import header
from .._kinds._relay import PART, deliver, exported
from .._kinds.images._upload import fingerprint, open_image
from . import libvirt_disks as disks
from .backup_export import check_directory
from .libvirt_domain import Domain
from .libvirt_mark import IMPORTED, IMPORTING, KEY, Mark

_PIECE = 1 << 20
#: The disk in the backup of an instance.
ROOT = "backup/virtual-machine.img"


class Work:
    """What an import has on the host and on the server until the instance is whole.

    :ivar fingerprint: that of the image with the root disk, once it is there
    """

    def __init__(self, client: Client, params: dict[str, Any], domain: Domain) -> None:
        self.client, self.params, self.domain = client, params, domain
        self.query = {"project": params["project"]}
        self.placed = {**self.query, "target": params["target"]}
        self.folder = os.path.abspath(params["work_directory"])
        check_directory(self.folder)
        self.fingerprint = self.disk = ""
        self._lock = -1

    def open(self) -> None:
        """Make the directory, and keep other runs out of it."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        check_directory(self.folder)
        self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise LXDError(
                f"work_directory: another run imports with '{self.folder}'. Let it end, or give this task another one."
            ) from exc

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def copy(self, target: str, source: disks.Source, volume: str) -> None:
        """Bring a disk to the server, unless it is there."""
        base = os.path.join(self.folder, f"{self.domain.uuid}-{target}-{source.stamp()}")
        whole = f"{base}.qcow2"
        disks.converted(source, whole, self.params["compress"])
        if volume:
            disks.check_space(base, source)
            self._bring_volume(base, whole, volume)
        else:
            self._bring_image(f"{base}.metadata.tar", whole)

    # -- the root disk ------------------------------------------------------------------------------------------------

    def _bring_image(self, metadata: str, disk: str) -> None:
        """Upload the image. The server compares the checksum of what it received with that of the files."""
        created = int(os.stat(disk).st_mtime)
        disks.write_metadata(metadata, self.domain.architecture, self.domain.name, {KEY: self.domain.uuid}, created)
        paths = [metadata, disk]
        self.fingerprint, self.disk = fingerprint(paths), disk
        if self.client.find(f"/1.0/images/{self.fingerprint}", **self.query):
            return
        stream, headers = open_image(paths)
        headers[header(self.client, "fingerprint")] = self.fingerprint
        try:
            self.client.write("POST", "/1.0/images", headers=headers, stream=stream, **self.query)
        except ServerError:  # the server had it already, of a run that was ended before it knew that
            if not self.client.find(f"/1.0/images/{self.fingerprint}", **self.query):
                raise
        finally:
            stream.close()

    def check_root(self, name: str) -> None:
        """Compare the root disk of an instance with the disk that was sent.

        :raises LXDError: if they differ
        """
        raw = f"{self.disk}.raw"
        disks.unpacked(self.disk, raw)
        spans = disks.spans_of_root(raw)
        digest = disks.checksum(raw, spans)
        os.unlink(raw)
        ways = {**_PLAIN, "instance_only": True}
        if self._read_back(f"/1.0/instances/{quote(name)}", ways, ROOT, spans) != digest:
            raise LXDError(
                f"The root disk of instance '{name}' on {self.client.label} is not as the disk that was sent. The next "
                "run deletes the instance, and creates it again."
            )

    # -- further disks ------------------------------------------------------------------------------------------------

    def _path(self, pool: str, volume: str) -> str:
        return f"/1.0/storage-pools/{quote(pool)}/volumes/custom/{quote(volume)}"

    def mark_of(self, volume: str) -> Mark | None:
        """The mark of a volume that an earlier run brought, which broke off; None if there is no volume.

        :raises InvalidInput: for a volume that is something else
        """
        pool = self.params["pool"]
        found = self.client.find(self._path(pool, volume), **self.placed)
        if not found:
            return None
        mark = Mark.read(found.metadata)
        if mark is None or mark.uuid != self.domain.uuid:
            raise InvalidInput(
                f"disks: storage_volume '{volume}' exists in the pool '{pool}', and was not made of the domain "
                f"'{self.domain.name}': choose another name, as in disks: {{vdb: NAME}}."
            )
        if mark.state != IMPORTING:
            raise InvalidInput(
                f"disks: storage_volume '{volume}' in the pool '{pool}' is of an earlier import of the domain "
                f"'{self.domain.name}', and its data may have changed since: delete it, or choose another name."
            )
        return mark

    def _bring_volume(self, base: str, disk: str, volume: str) -> None:
        """Import the volume, and compare the checksum of what the server then has."""
        raw, backup, path = f"{base}.raw", f"{base}.backup", self._path(self.params["pool"], volume)
        digest, size = disks.unpacked(disk, raw), os.path.getsize(raw)
        mark = self.mark_of(volume)
        if mark is None or mark.about != digest:
            if mark is not None:  # the disk has changed since
                self.client.write("DELETE", path, **self.placed)
            disks.write_volume(backup, raw, volume, f"Disk of the domain {self.domain.name}")
            own = {"config": Mark(self.domain.uuid, IMPORTING, digest).config()}

            def check(name: str) -> None:
                where = self._path(self.params["pool"], name)
                if self.params["verify"] and self._read_back(where, _PLAIN, disks.VOLUME, [(0, size)]) != digest:
                    raise LXDError(
                        f"storage_volume '{volume}' on {self.client.label} is not as the disk that was sent."
                    )

            await_others(self.client, volume + PART, self.query)
            with open(backup, "rb") as file:
                deliver(self.client, os.path.dirname(path), file, volume, self.placed, own, check)
            os.unlink(backup)
        os.unlink(raw)

    def _read_back(self, path: str, ways: dict[str, Any], name: str, spans: list[tuple[int, int]]) -> str:
        """The checksum of the data that the server has."""
        reader = _Digesting(name, spans)
        try:
            exported(self.client, path, self.placed, ways, reader.sink)
        finally:
            reader.close()
        return reader.digest

    # -- the end ------------------------------------------------------------------------------------------------------

    def settle(self, devices: Iterable[dict[str, str]]) -> None:
        """Say of the volumes of the instance that they are whole, and delete what only the import needed.

        :param devices: those of the instance
        """
        for device in devices:
            if device.get("type") == "disk" and device.get("pool") and device.get("source"):
                self._settle_volume(self._path(device["pool"], device["source"]))
        for image in self.client.get("/1.0/images", recursion=1, **self.query).metadata or ():
            if (image.get("properties") or {}).get(KEY) == self.domain.uuid:
                self.client.write("DELETE", f"/1.0/images/{quote(image['fingerprint'])}", **self.query)
        for path in glob.glob(os.path.join(glob.escape(self.folder), f"{self.domain.uuid}-*")):
            os.unlink(path)

    def _settle_volume(self, path: str) -> None:
        found = self.client.find(path, **self.placed)
        mark = Mark.read(found.metadata) if found else None
        if found and mark and (mark.uuid, mark.state) == (self.domain.uuid, IMPORTING):
            config = {**found.metadata["config"], **Mark(mark.uuid, IMPORTED).config()}
            self.client.write("PUT", path, {**found.metadata, "config": config}, etag=found.etag, **self.placed)


_PLAIN = {"compression_algorithm": "none"}


class _Digesting:
    """Takes a tarball as it arrives, and computes the checksum of one file in it. Nothing of it is kept.

    :param spans: which parts of the file count. A pool can make a disk larger: what follows does not count
    """

    def __init__(self, name: str, spans: list[tuple[int, int]]) -> None:
        self.name, self.spans, self.digest = name, spans, ""
        read, write = os.pipe()
        self._read: IO[bytes] = os.fdopen(read, "rb")
        self._write: IO[bytes] = os.fdopen(write, "wb")
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        with contextlib.suppress(tarfile.TarError, OSError, EOFError), tarfile.open(
            fileobj=self._read, mode="r|"
        ) as tar:
            for entry in tar:
                stream = tar.extractfile(entry) if entry.name == self.name else None
                if stream:
                    self.digest = disks.digest_of(stream, self.spans) or ""
        while self._read.read(_PIECE):  # whoever writes must not wait for ever
            pass

    def sink(self, status: int, headers: Any) -> Any:
        return self if status == 200 and "json" not in str(headers.get("Content-Type")) else None

    def seek(self, position: int) -> None:
        if position:
            raise LXDError("a checksum is computed from the begin only")

    def truncate(self) -> None:
        """Nothing is kept."""

    def write(self, piece: bytes) -> None:
        self._write.write(piece)

    def close(self) -> None:
        self._write.close()
        self._thread.join()
        self._read.close()


def await_others(client: Client, name: str, query: dict[str, Any]) -> None:
    """Wait for what the server still does with an instance or a volume of a name, for a run that was ended meanwhile.

    Whether it ends well says nothing about the data.
    """
    listed = client.get("/1.0/operations", recursion=1, project=query["project"]).metadata or {}
    for operation in (one for some in listed.values() for one in some or ()):
        paths = [path.partition("?")[0] for some in (operation.get("resources") or {}).values() for path in some or ()]
        concerned = any(urllib.parse.unquote(path.rpartition("/")[2]) == name for path in paths)
        if concerned and operation.get("status_code") in OPERATION_RUNNING:
            with contextlib.suppress(LXDError):
                client.wait(f"/1.0/operations/{operation['id']}")
