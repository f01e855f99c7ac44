# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Versions of servers, for the few things that no extension of the API tells."""

from __future__ import annotations

import re
from typing import Iterable, Optional, Tuple

#: The first version, and the first one after the last; None where there is none yet.
Range = Tuple[str, Optional[str]]


def numbers_of(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with: of `5.21.3 LTS` and `5.0.2+git20231211` too. Empty if there are none."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def within(version: tuple[int, ...], ranges: Iterable[Range]) -> bool:
    """Whether a version, as numbers, is in one of the ranges."""
    return any(
        numbers_of(since) <= version and (before is None or version < numbers_of(before)) for since, before in ranges
    )
