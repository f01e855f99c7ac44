# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""How files of an instance are written, so that nobody in the instance can turn it against another file.

A new content is written into a file of its own, which only root can read until it has its owner and permissions, and
then takes the place of the old one at once. What exists is changed by its handle, and only if it is what was looked at.
"""

from __future__ import annotations

import posixpath
import secrets
import stat
from typing import Any, Callable

from ..._api.errors import LXDError
from ..._api.sftp import NEW, Sftp
from ._content import Source

#: How often a file is looked at that others write to, until it is what was looked at before it was opened.
_LOOKS = 10


def beside(path: str) -> str:
    """A path in the same directory, for what takes the place of a file once it is whole."""
    return posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(8)}.cloudhost")


def put(sftp: Sftp, body: dict[str, Any], old: dict[str, Any] | None, source: Source | None, spare: str) -> None:
    """Make what `body` says of what `old` says; None for nothing. `spare` is a path `beside` the file."""
    path = body["path"]
    if body["state"] == "link":
        _replace(sftp, path, spare, lambda aside: sftp.symlink(body["src"], aside))
    elif body["state"] == "file" and source and (not old or old.get("content") != body["content"]):
        _replace(sftp, path, spare, lambda aside: _write(sftp, aside, body, source))
    else:
        if not old:
            sftp.mkdir(path)
        _change(sftp, path, body)


def _replace(sftp: Sftp, path: str, aside: str, make: Callable[[str], None]) -> None:
    """Make something beside a path, and put it there."""
    _discard(sftp, aside)  # of an attempt whose connection broke
    try:
        make(aside)
        sftp.rename(aside, path)
    except BaseException:
        _discard(sftp, aside)
        raise


def _discard(sftp: Sftp, path: str) -> None:
    try:
        sftp.remove(path)
    except LXDError:  # it was not made, or the connection is what failed
        pass


def _write(sftp: Sftp, path: str, body: dict[str, Any], source: Source) -> None:
    handle = sftp.open(path, NEW)
    try:
        sftp.permit(handle, 0o600)
        sftp.write(handle, source.pieces())
        _permit(sftp, handle, body)
    finally:
        sftp.release(handle)


def _change(sftp: Sftp, path: str, body: dict[str, Any]) -> None:
    """Set owner, group and permissions of what is there."""
    fits = {"file": stat.S_ISREG, "directory": stat.S_ISDIR}[body["state"]]
    for _attempt in range(_LOOKS):
        about = sftp.lstat(path)
        if about is None or not fits(about.mode):
            break
        handle = sftp.open(path)
        try:
            if sftp.fstat(handle) == about:
                _permit(sftp, handle, body)
                return
        finally:
            sftp.release(handle)
    raise LXDError(f"path: {path} changed while the module worked with it. Run the task again.")


def _permit(sftp: Sftp, handle: bytes, body: dict[str, Any]) -> None:
    sftp.own(handle, body["uid"], body["gid"])
    sftp.permit(handle, int(body["mode"], 8))
    now = sftp.fstat(handle)
    if now and now.permissions != int(body["mode"], 8):
        raise LXDError(
            f"mode: the server made it {now.permissions:04o} where {body['mode']} was asked for: it does not set the "
            "bits for setuid, setgid and sticky. Set them with cloudhost.lxd.instance_exec and chmod."
        )
