# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Frames: a letter, the length of what follows in four bytes, and what follows. C(_inside) says what the letters mean."""

from __future__ import annotations

import struct
from typing import Iterator

HEAD = struct.Struct(">cI")


class Frames:
    """Frames, out of bytes as they come."""

    def __init__(self) -> None:
        self._bytes = b""

    def of(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        self._bytes += data
        while len(self._bytes) >= HEAD.size:
            kind, size = HEAD.unpack_from(self._bytes)
            end = HEAD.size + size
            if len(self._bytes) < end:
                return
            frame, self._bytes = self._bytes[HEAD.size : end], self._bytes[end:]
            yield kind, frame


def frame(kind: bytes, data: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(data)) + data
