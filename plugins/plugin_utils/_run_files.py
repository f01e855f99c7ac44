# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Files that the workers of one run of Ansible share. Ansible removes their directory when it ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from typing import Any, Iterable

from ansible import constants as C


def path(what: str, key: list[Any], files: Iterable[str | None]) -> str:
    """The path of what belongs to a key: the same in all workers, and another one for every other key.

    `files` are options that may name a file. The content of the file is a part of the key, because it may change.
    """
    digest = hashlib.sha256(json.dumps([*key, *map(_digest, files)], default=str).encode()).hexdigest()
    return os.path.join(C.DEFAULT_LOCAL_TMP, f"lxd-{what}-{digest[:24]}")


def _digest(file: str | None) -> str:
    try:
        with open(os.path.expanduser(file or ""), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except (OSError, ValueError):  # not set, PEM text, or a file that is missing, which the client reports
        return ""


def write(place: str, value: dict[str, Any]) -> None:
    """Store a value for other workers, all at once."""
    own = f"{place}.{os.getpid()}.{threading.get_ident()}"
    with contextlib.suppress(OSError):  # for example, the disk is full: then the next worker finds nothing
        with open(own, "w", encoding="utf-8") as stream:
            json.dump(value, stream)
        os.replace(own, place)


def read(place: str) -> dict[str, Any] | None:
    try:
        with open(place, encoding="utf-8") as stream:
            return dict(json.load(stream))
    except FileNotFoundError:
        return None
