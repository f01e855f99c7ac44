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
import hashlib
import os
import tarfile
import threading
from typing import IO, Any

from .._api.client import Client, quote
from .._api.errors import LXDError, ServerError
from .._kinds._files import header
from .._kinds._relay import deliver, exported
from .._kinds.images._upload import fingerprint, open_image
from .._kinds.instances._origin import ROOT, profiles_of
from . import libvirt_disks as disks
from .backup_export import check_directory
from .libvirt_domain import Domain
from .libvirt_plan import MARK

_PIECE = 1 << 20


class Work:
    """The files of an import on the host, and where they go.

    :ivar fingerprint: that of the image with the root disk, once it is there
    """

    def __init__(self, client: Client, params: dict[str, Any], domain: Domain) -> None:
        self.client, self.params, self.domain = client, params, domain
        self.query = {"project": params["project"]}
        self.folder = os.path.abspath(params["work_directory"])
        check_directory(self.folder)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.fingerprint = ""
        self.files: list[str] = []

    def copy(self, target: str, source: disks.Source, volume: str) -> None:
        """Bring a disk to the server, unless it is there."""
        base = os.path.join(self.folder, f"{self.domain.uuid}-{target}-{source.stamp()}")
        whole = f"{base}.qcow2"
        self.files += [whole, f"{base}.metadata.tar", f"{base}.backup"]
        if volume and self._has_volume(volume):
            return
        disks.converted(source, whole, self.params["compress"])
        if volume:
            self._send_volume(f"{base}.backup", whole, source, volume)
        else:
            self._send_image(f"{base}.metadata.tar", whole)

    # -- the root disk ------------------------------------------------------------------------------------------------

    def _send_image(self, metadata: str, disk: str) -> None:
        """Upload the image. The server compares the checksum of what it received with that of the files."""
        created = int(os.stat(disk).st_mtime)
        disks.write_metadata(metadata, self.domain.architecture, self.domain.name, created)
        paths = [metadata, disk]
        self.fingerprint = fingerprint(paths)
        if self.client.find(f"/1.0/images/{self.fingerprint}", **self.query):
            return
        stream, headers = open_image(paths)
        headers[header(self.client, "fingerprint")] = self.fingerprint
        try:
            self.client.write("POST", "/1.0/images", headers=headers, stream=stream, **self.query)
        finally:
            stream.close()

    def with_root(self, wanted: dict[str, Any], pool: str | None) -> dict[str, Any]:
        """The devices of the new instance: without NICs of profiles, which the domain did not have."""
        profiles = profiles_of(self.client, wanted.get("profiles") or ["default"], self.params["project"])
        inherited = {name: device for one in profiles for name, device in (one.get("devices") or {}).items()}
        devices = {
            name: {"type": "none"}
            for name, device in inherited.items()
            if device.get("type") == "nic" and name not in wanted["devices"]
        }
        devices.update(wanted["devices"])
        if "root" not in inherited and pool:
            devices["root"] = {**ROOT, "pool": pool, **devices["root"]}
        return devices

    # -- further disks ------------------------------------------------------------------------------------------------

    def _path(self, volume: str) -> str:
        return f"/1.0/storage-pools/{quote(self.params['pool'])}/volumes/custom/{quote(volume)}"

    def _has_volume(self, volume: str) -> bool:
        """Whether the volume is there, made of this domain.

        :raises LXDError: for a volume that is something else
        """
        found = self.client.find(self._path(volume), **self.query)
        if found and (found.metadata.get("config") or {}).get(MARK) != self.domain.uuid:
            raise LXDError(
                f"disks: storage_volume '{volume}' exists in the pool '{self.params['pool']}', and was not made of the "
                f"domain '{self.domain.name}': choose another name, as in disks: {{vdb: NAME}}."
            )
        return bool(found)

    def _send_volume(self, path: str, disk: str, source: disks.Source, volume: str) -> None:
        """Import the volume, and compare the checksum of what the server then has."""
        digest = disks.write_volume(path, disk, source, volume, f"Disk of the domain {self.domain.name}")
        collection = os.path.dirname(self._path(volume))

        def check(name: str) -> None:
            if self.params["verify"] and self._read_back(name) != digest:
                raise LXDError(f"storage_volume '{volume}' on {self.client.label} is not as the disk that was sent.")

        with open(path, "rb") as file:
            deliver(self.client, collection, file, volume, self.query, {"config": {MARK: self.domain.uuid}}, check)

    def _read_back(self, name: str) -> str:
        """The checksum of the data that the server has."""
        reader = _Digesting("backup/volume.img")
        try:
            exported(self.client, self._path(name), self.query, {"compression_algorithm": "none"}, reader.sink)
        finally:
            reader.close()
        return reader.digest

    def tidy(self) -> None:
        """Delete what only the import needed."""
        with contextlib.suppress(ServerError):
            if self.fingerprint:
                self.client.write("DELETE", f"/1.0/images/{self.fingerprint}", **self.query)
        for path in self.files:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


class _Digesting:
    """Takes a tarball as it arrives, and computes the checksum of one file in it. Nothing of it is kept."""

    def __init__(self, name: str) -> None:
        self.name, self.digest = name, ""
        read, write = os.pipe()
        self._read: IO[bytes] = os.fdopen(read, "rb")
        self._write: IO[bytes] = os.fdopen(write, "wb")
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        with contextlib.suppress(tarfile.TarError, OSError), tarfile.open(fileobj=self._read, mode="r|") as tar:
            for entry in tar:
                stream = tar.extractfile(entry) if entry.name == self.name else None
                if stream:
                    self.digest = _sha256(stream)
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


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in iter(lambda: stream.read(_PIECE), b""):
        digest.update(piece)
    return digest.hexdigest()
