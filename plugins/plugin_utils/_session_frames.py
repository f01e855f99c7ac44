# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The frames of a session as they arrive at the controller. `_session_agent/frames.py` describes them."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_agent.frames import HEAD


class Frames:
    """Splits a stream of bytes into frames."""

    def __init__(self) -> None:
        self._bytes = b""

    def add(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Letter and content of each frame that these bytes complete."""
        self._bytes += data
        while len(self._bytes) >= HEAD.size:
            kind, size = HEAD.unpack_from(self._bytes)
            end = HEAD.size + size
            if len(self._bytes) < end:
                return
            content, self._bytes = self._bytes[HEAD.size : end], self._bytes[end:]
            yield kind, content
