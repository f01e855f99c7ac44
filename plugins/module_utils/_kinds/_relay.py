# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Transfers through the host that runs the module: a backup of the original is read there, and imported here.

The servers need not reach each other, and each knows how to read the other one's backups where it does not know how to
talk to it. The data is in a temporary file without a name meanwhile, which is gone however the module ends. An import
that breaks off is no copy: it has another name until it is whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from typing import IO, Any, Callable

from .._api.client import Client, quote
from .._api.errors import LXDError, Missing
from .._api.transport import Sink
from ._exports import moment
from ._files import header

#: What the name of an import ends with until it is whole.
PART = ".cloudhost-part"
#: For how many hours a server keeps a backup that nobody deletes.
KEPT_HOURS = 24
#: Where temporary files are, unless TMPDIR says it: /tmp is often in memory.
FOLDER = "/var/tmp"


def relay(resource: Any, original: Any, body: dict[str, Any], query: dict[str, Any], refresh: bool) -> None:
    """Make a volume of a backup of its original, with the config and the description of `body`.

    :param resource: the volume here
    :param original: the volume there (`_original.Original`)
    :param refresh: whether it replaces one of the same name
    """
    sent = {key: original.says(key) for key in original.sent if original.source.get(key) is not None}
    compression = original.source.get("compression_algorithm")
    ways = {**sent, **({"compression_algorithm": compression} if compression else {})}
    whole = {"config": body.get("config") or {}, "description": body.get("description") or ""}
    with tempfile.TemporaryFile(dir=os.environ.get("TMPDIR") or FOLDER) as file:

        def sink(status: int, headers: Any) -> IO[bytes] | None:
            if status != 200 or "json" in str(headers.get("Content-Type")):
                return None
            _check_space(file, int(headers.get("Content-Length") or 0))
            return file

        exported(original.there, original.url, original.query, ways, sink)
        deliver(resource.writer, resource.collection, file, body["name"], query, whole, replaces=refresh)


def deliver(
    here: Client,
    collection: str,
    file: IO[bytes],
    name: str,
    query: dict[str, Any],
    whole: dict[str, Any],
    check: Callable[[str], None] = lambda part: None,
    replaces: bool = False,
) -> None:
    """Import a backup as a volume, which has its name only once it is whole.

    :param file: the backup
    :param whole: what is written into the volume besides what the backup says
    :param check: gets the name of the import, and can refuse it
    :param replaces: whether there is one of the same name, which is deleted once the import is whole
    """
    part = name + PART
    path = f"{collection}/{quote(part)}"
    if here.find(path, **query):  # an earlier run broke off
        here.write("DELETE", path, **query)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    about = {header(here, "name"): part, "Content-Type": "application/octet-stream", "Content-Length": str(size)}
    here.write("POST", collection, headers=about, stream=file, **query)
    check(part)
    found = here.find(path, **query)
    if found is None:
        raise Missing(f"the volume '{part}' is gone after its import")
    config = {**(found.metadata.get("config") or {}), **whole["config"]}
    here.write("PUT", path, {**found.metadata, **whole, "config": config}, etag=found.etag, **query)
    if replaces:
        here.write("DELETE", f"{collection}/{quote(name)}", **query)
    here.write("POST", path, {"name": name}, **query)


def exported(there: Client, path: str, query: dict[str, Any], ways: dict[str, Any], sink: Sink) -> None:
    """Have a server make a backup of the volume at a path, read it, and delete it there.

    :param ways: how it is made, as the API has it
    :param sink: takes the backup, as in `Client.request`
    """
    name, began = f"cloudhost-{secrets.token_hex(6)}", time.time()
    backups = f"{path}/backups"
    try:
        there.write("POST", backups, {"name": name, "expires_at": moment(began + 3600 * KEPT_HOURS), **ways}, **query)
        there.waiting_for(detail="download")
        there.request("GET", f"{backups}/{name}/export", query=query, sink=sink)
    finally:
        with contextlib.suppress(LXDError):  # it expires
            there.write("DELETE", f"{backups}/{name}", **query)


def _check_space(file: IO[bytes], needed: int) -> None:
    free = shutil.disk_usage(file.fileno()).free
    if needed > free:
        raise LXDError(
            f"The directory for temporary files of the host that runs the module has {free} bytes free, and the export "
            f"needs {needed}. Free space there, or set TMPDIR to another directory."
        )
