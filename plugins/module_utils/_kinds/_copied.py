# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a copy from another server says of itself.

The servers report neither whether a copy is whole nor what it was made of, so a copy has a mark: the state that its
original had when the transfer began, and what the original is. As long as not all data is there, the state is
`creating` or `refreshing`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._engine import values

CREATING, REFRESHING = "creating", "refreshing"
#: Of an original that can change at any moment: a copy of it is never known to be up to date.
LIVE = "live"
#: Of an original that has been deleted at the end of a move. What has its name now is something else.
MOVED = "moved"


class Mark(NamedTuple):
    """The mark of a copy."""

    state: str
    origin: str

    @classmethod
    def read(cls, obj: dict[str, Any]) -> Mark | None:
        state, _space, origin = str((obj.get("config") or {}).get(values.COPY) or "").partition(" ")
        return cls(state, origin) if origin else None

    def __str__(self) -> str:
        return f"{self.state} {self.origin}"


def is_part(obj: dict[str, Any]) -> bool:
    """Whether an object is a copy of which not all data is there."""
    mark = Mark.read(obj)
    return mark is not None and mark.state in (CREATING, REFRESHING)


def is_elsewhere(source: Any) -> bool:
    """Whether a source is on another server. The API has a text as `server` of an image: its address."""
    return isinstance(source, dict) and isinstance(source.get("server"), dict)
