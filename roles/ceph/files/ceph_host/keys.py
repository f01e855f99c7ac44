# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and keyrings, in the formats of Ceph."""

from __future__ import annotations

import base64
import configparser
import os
import struct
import time
from typing import Mapping

#: Of a secret: its type (AES), the time it was made (seconds and nanoseconds), and how many bytes follow.
HEADER = struct.Struct("<HIIH")
LENGTH = 16


def new() -> str:
    """A new key."""
    return base64.b64encode(HEADER.pack(1, int(time.time()), 0, LENGTH) + os.urandom(LENGTH)).decode("ascii")


def keyring(entities: Mapping[str, tuple[str, Mapping[str, str]]]) -> str:
    """A keyring.

    :param entities: the key and the capabilities of each entity, such as `client.lxd`
    """
    lines = []
    for entity, (key, caps) in entities.items():
        lines += [f"[{entity}]", f"\tkey = {key}", *(f'\tcaps {daemon} = "{text}"' for daemon, text in caps.items())]
    return "\n".join(lines) + "\n"


def key_of(text: str | None, entity: str) -> str | None:
    """The key of an entity in a keyring."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string("\n".join(line.strip() for line in (text or "").splitlines()))
    except configparser.Error:
        return None
    return parser.get(entity, "key", fallback=None)
