# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Image files: their fingerprint and the form in which the API takes them, read in pieces and never held whole."""

from __future__ import annotations

import functools
import hashlib
import os
from typing import IO, Any

from .._errors import InvalidInput

_BOUNDARY = "cloudhost-lxd-image"
_PIECE = 1 << 20


def check_files(params: dict[str, Any]) -> None:
    """Refuse files that are not there before anything is sent."""
    for option in ("file", "rootfs"):
        path = params[option]
        if path and not os.path.isfile(path):
            raise InvalidInput(f"{option}: '{path}' is not a file on the host that runs the module.")


def fingerprint(paths: list[str]) -> str:
    """The fingerprint the daemon will give: SHA-256 over the metadata and the root file system, one after the other."""
    return _fingerprint(tuple((path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in paths))


@functools.lru_cache(maxsize=None)
def _fingerprint(files: tuple[tuple[str, int, int], ...]) -> str:
    """Once for each file as it is now: a stack plans an image and applies it."""
    digest = hashlib.sha256()
    for path, _changed, _size in files:
        with open(path, "rb") as stream:
            for piece in iter(lambda: stream.read(_PIECE), b""):
                digest.update(piece)
    return digest.hexdigest()


class Multipart:
    """A C(multipart/form-data) body of a split image: the parts C(metadata) and C(rootfs.img), in that order."""

    content_type = f"multipart/form-data; boundary={_BOUNDARY}"

    def __init__(self, metadata: str, rootfs: str) -> None:
        self.length = 0
        self._sources: list[Any] = []
        for field, path in (("metadata", metadata), ("rootfs", rootfs)):
            self._text(f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{os.path.basename(path)}"\r\n')
            self._text("Content-Type: application/octet-stream\r\n\r\n")
            self.length += os.path.getsize(path)
            self._sources.append(open(path, "rb"))  # noqa: SIM115 - closed when read to its end, or by close()
            self._text("\r\n")
        self._text(f"--{_BOUNDARY}--\r\n")

    def _text(self, text: str) -> None:
        self.length += len(text)
        self._sources.append(text.encode())

    def read(self, size: int = -1) -> bytes:
        """The next piece, however large: http.client sends what it is given."""
        while self._sources:
            source = self._sources[0]
            piece = source if isinstance(source, bytes) else source.read(_PIECE)
            if isinstance(source, bytes) or not piece:
                self._sources.pop(0)
                if not isinstance(source, bytes):
                    source.close()
            if piece:
                return piece
        return b""

    def close(self) -> None:
        for source in self._sources:
            if not isinstance(source, bytes):
                source.close()
        self._sources = []


def open_image(paths: list[str]) -> tuple[IO[bytes], dict[str, str]]:
    """The body and headers for C(POST /1.0/images)."""
    if len(paths) == 2:
        body = Multipart(*paths)
        return body, {"Content-Type": body.content_type, "Content-Length": str(body.length)}  # type: ignore[return-value]
    return open(paths[0], "rb"), {"Content-Type": "application/octet-stream", "Content-Length": str(os.path.getsize(paths[0]))}
