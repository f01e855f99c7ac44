# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Image files: their fingerprint, and how they become an image with an alias. They are read in pieces."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import urllib.parse
from typing import IO, Any, Mapping

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._api.transport import Exactly
from ..._engine.completion import complete
from .._files import header

_PIECE = 1 << 20


def check_files(params: Mapping[str, Any]) -> None:
    """Refuse files that do not exist, before anything is sent."""
    for option in ("file", "rootfs"):
        path = params[option]
        if path and not os.path.isfile(path):
            raise InvalidInput(f"{option}: '{path}' is not a file on the host that runs the module.")


def fingerprint(paths: list[str]) -> str:
    """The fingerprint the daemon will give: SHA-256 over the metadata and the root file system, one after the other."""
    return _fingerprint(tuple((path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in paths))


@functools.lru_cache(maxsize=None)
def _fingerprint(files: tuple[tuple[str, int, int], ...]) -> str:
    """Computed once for each file and its modification time: a stack plans an image and applies it."""
    digest = hashlib.sha256()
    for path, _changed, _size in files:
        with open(path, "rb") as stream:
            for piece in iter(lambda: stream.read(_PIECE), b""):
                digest.update(piece)
    return digest.hexdigest()


#: What a qcow2 begins with, https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
_QCOW2 = b"QFI\xfb"


class Multipart:
    """A `multipart/form-data` body of a split image: the parts `metadata` and `rootfs`, or for the disk of a virtual
    machine `rootfs.img`, in that order.

    Each has the length that its file had when it was opened, and a random boundary separates them.
    """

    name = "the image"

    def __init__(self, metadata: str, rootfs: str) -> None:
        boundary = f"cloudhost-lxd-{secrets.token_hex(16)}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = 0
        self._sources: list[Any] = []
        self._files: list[IO[bytes]] = []
        for field, path in (("metadata", metadata), ("rootfs.img" if _is_disk(rootfs) else "rootfs", rootfs)):
            name = urllib.parse.quote(os.path.basename(path), safe=" ()+,=@")
            self._text(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n')
            self._text("Content-Type: application/octet-stream\r\n\r\n")
            self._file(path)
            self._text("\r\n")
        self._text(f"--{boundary}--\r\n")

    def _text(self, text: str) -> None:
        data = text.encode()
        self.length += len(data)
        self._sources.append(data)

    def _file(self, path: str) -> None:
        self._files.append(open(path, "rb"))  # noqa: SIM115 - closed by close()
        size = os.fstat(self._files[-1].fileno()).st_size
        self.length += size
        self._sources.append(Exactly(self._files[-1], size))

    def read(self, size: int = -1) -> bytes:
        """The next piece, with at most `size` bytes if that is given."""
        while self._sources:
            source = self._sources[0]
            if isinstance(source, bytes):
                piece, left = (source[:size], source[size:]) if size >= 0 else (source, b"")
                self._sources[:1] = [left] if left else []
            else:
                piece = source.read(size if size >= 0 else _PIECE)
                if not piece:
                    self._sources.pop(0)
            if piece:
                return bytes(piece)
        return b""

    def close(self) -> None:
        for stream in self._files:
            stream.close()
        self._sources = []


def _is_disk(path: str) -> bool:
    """Whether a root file system is the disk of a virtual machine, which the servers take as qcow2 only."""
    with open(path, "rb") as stream:
        return stream.read(len(_QCOW2)) == _QCOW2


def open_image(paths: list[str]) -> tuple[IO[bytes], dict[str, str]]:
    """The body and headers for `POST /1.0/images`."""
    if len(paths) == 2:
        body = Multipart(*paths)
        headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        return body, headers  # type: ignore[return-value]
    stream = open(paths[0], "rb")  # noqa: SIM115 - closed by who sends it
    return stream, {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(os.fstat(stream.fileno()).st_size),
    }


def upload(image: Any, body: dict[str, Any]) -> None:
    """Upload an image unless it exists, set its alias, then its properties: each step can be repeated."""
    image.fingerprint = body["fingerprint"]
    if image.client.find(image.url(), **image.query()):
        pass
    elif image.elsewhere:
        image.elsewhere.transfer(image.fingerprint)
    else:
        stream, headers = open_image(image.files)
        # the server refuses files that have changed since the fingerprint was computed
        headers[header(image.client, "fingerprint")] = image.fingerprint
        # properties go with the image, so that an interrupted run does not leave one that no stack owns
        if body.get("properties"):
            headers[header(image.client, "properties")] = urllib.parse.urlencode(body["properties"])
        try:
            image.writer.write("POST", image.path, headers=headers, stream=stream, **image.query())
        finally:
            stream.close()
    point_alias(image)


def point_alias(image: Any) -> None:
    """Have the alias name the image, and give the image what the options say."""
    path, query = f"{image.path}/aliases", image.query()
    alias = image.client.find(f"{path}/{quote(image.name)}", **query)
    if not alias:
        image.writer.write("POST", path, {"name": image.name, "target": image.fingerprint}, **query)
    elif alias.metadata["target"] != image.fingerprint:
        entry = {"description": alias.metadata["description"], "target": image.fingerprint}
        image.writer.write("PUT", f"{path}/{quote(image.name)}", entry, etag=alias.etag, **query)
    complete(image, image.name)
