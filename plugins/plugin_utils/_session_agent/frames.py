# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The frames of a session, as the session agent reads and writes them.

A frame is a letter, the length of its content in four bytes, and the content. The controller sends `r` (a command in
JSON), `i` (a part of its input) and `e` (the end of its input). The agent sends `s` (the command starts), `o` and `E`
(parts of its output and of its errors), `x` (its exit code) and `d` (ready for the next command).
"""

from __future__ import annotations

import os
import struct

HEAD = struct.Struct(">cI")
BLOCK = 1 << 16


def frame(kind: bytes, content: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(content)) + content


def send(kind: bytes, content: bytes = b"") -> None:
    """Write a frame to the controller."""
    data = frame(kind, content)
    while data:
        data = data[os.write(1, data) :]


def receive() -> tuple[bytes, bytes]:
    """Wait for a frame of the controller: its letter and its content. Raises EOFError when the session has ended."""
    kind, size = HEAD.unpack(_read(HEAD.size))
    return kind, _read(size)


def _read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
