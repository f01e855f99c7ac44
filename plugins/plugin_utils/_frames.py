# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Frames as they come to the controller. `_inside` says what they are, and what their letters mean."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.cloudhost.lxd.plugins.plugin_utils._inside import HEAD


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
