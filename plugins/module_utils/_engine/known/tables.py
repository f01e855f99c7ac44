# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Tables of the keys that LXD and Incus know, and of the types of their values.

A table is text, one key in a line: `KEY TYPE`, or `KEY TYPE lxd` for what only one of the products has. `*` in a key
stands for any text. A type is a name from `types.TYPES`, a word that stands for itself, or several of both with `|`;
`*` after a name is a list with commas.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from typing import Iterable


class Table:
    """The keys of one sort of object, as one product knows them."""

    def __init__(self, product: str, texts: Iterable[str]) -> None:
        self.exact: dict[str, str] = {}
        self.patterns: list[tuple[re.Pattern[str], str]] = []
        for text in texts:
            for line in text.split("\n"):
                self._add(product, line.split(" "))

    def _add(self, product: str, parts: list[str]) -> None:
        if len(parts) < 2 or product not in (*parts[2:], *(["lxd", "incus"] if len(parts) == 2 else [])):
            return
        key, notation = parts[:2]
        if "*" in key:
            self.patterns.append((re.compile(fnmatch.translate(key)), notation))
        else:
            self.exact.setdefault(key, notation)

    def notation(self, key: str) -> str | None:
        """The type of a key; None where the table does not have the key."""
        if key in self.exact:
            return self.exact[key]
        return next((notation for pattern, notation in self.patterns if pattern.match(key)), None)


@functools.lru_cache(maxsize=None)
def table(product: str, *texts: str) -> Table:
    """The table of the texts, the first of which counts most."""
    return Table(product, texts)
