# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The files of an image: `GET /1.0/images/FINGERPRINT/export`, as a file or, of a split image, as two of them."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from typing import IO, Any

from .._api.client import Client
from .._api.errors import LXDError, Missing
from .._kinds._durable import anew, settle
from .._kinds._exports import PART
from .._kinds.images._source import find_image
from .._kinds.images._upload import fingerprint
from .backup_manifest import METADATA, ROOTFS

_PIECE = 1 << 20


def fetch(client: Client, project: str, name: str, path: str) -> tuple[bool, list[str]]:
    """Write the files of an image, unless they are there. Returns whether it has, and their paths."""
    wanted = find_image(client, name, project)
    if not wanted:
        raise Missing(f"there is no image '{name}' on {client.label}")
    for there in ([path], [path + METADATA, path + ROOTFS]):
        if all(map(os.path.isfile, there)) and fingerprint(there) == wanted:
            return False, there
    try:
        names = _download(client, project, wanted, path)
    except OSError as exc:
        raise LXDError(f"'{path}' cannot be written: {exc.strerror or exc}") from exc
    if fingerprint(names) != wanted:
        raise LXDError(f"image {name}: what {client.label} sent is not the image {wanted}; it is exported again.")
    return True, names


def _download(client: Client, project: str, wanted: str, path: str) -> list[str]:
    part = path + PART
    with anew(part) as file:

        def sink(status: int, headers: Any) -> IO[bytes] | None:
            return file if status == 200 and "json" not in str(headers.get("Content-Type")) else None

        reply = client.request("GET", f"/1.0/images/{wanted}/export", query={"project": project}, sink=sink)
        settle(file)
        boundary = re.search(r'boundary="?([^";]+)', str(reply.metadata.headers.get("Content-Type")))
        if not boundary:
            os.replace(part, path)
            return [path]
        names = _split(file, boundary[1].encode(), path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    return names


def _split(file: IO[bytes], boundary: bytes, path: str) -> list[str]:
    """The two parts of a `multipart/form-data` body as files: the metadata comes first."""
    names = [path + METADATA, path + ROOTFS]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        end = body.find(b"--" + boundary)
        for name in names:
            begin = body.find(b"\r\n\r\n", end) + 4
            end = body.find(b"\r\n--" + boundary, begin)
            if begin < 4 or end < 0:
                raise LXDError(f"'{path}': the server sent an image in an unknown form")
            _copy(body, begin, end, name)
    return names


def _copy(body: mmap.mmap, begin: int, end: int, name: str) -> None:
    with anew(name) as target:
        for position in range(begin, end, _PIECE):
            target.write(body[position : min(position + _PIECE, end)])
        settle(target)
