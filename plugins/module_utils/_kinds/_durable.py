# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Files that only their owner can read, and that are on the disk before they count, see fsync(2)."""

from __future__ import annotations

import os
from typing import IO


def anew(path: str) -> IO[bytes]:
    """An empty file to write and read, in place of what it had before. A link is not followed, but an error.

    :raises OSError: as open(2)
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "w+b")


def settle(file: IO[bytes]) -> None:
    """Have what was written to a file on the disk."""
    file.flush()
    os.fsync(file.fileno())


def settle_names(folder: str) -> None:
    """Have the names of the files in a directory on the disk, as they are after a renaming."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
