# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a backup is of, and the request that has the server make one."""

from __future__ import annotations

from typing import Any

from .._engine.resource import Resource


class Backed(Resource):
    """A kind that belongs to what it is a backup of, the last of its parents.

    :cvar of: the kind of what it is a backup of
    :cvar ways: the options that say how it is made
    """

    of = ""
    ways: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """The path of what it is a backup of."""
        return self.parent_of(self.collection)

    @property
    def owner_words(self) -> str:
        return f"{self.of} {'/'.join(str(self.params[option]) for option in self.parents())}"

    @property
    def source(self) -> dict[str, Any]:
        """The same for the records of exports."""
        where = {key: value for key, value in self.query().items() if value}
        named = {option: str(self.params[option]) for option in self.parents()}
        return {"kind": self.of, **named, "project": "default", **where}

    def original(self, path: str) -> Resource:
        """What it is a backup of, as a resource that is made from a file."""
        raise NotImplementedError

    def request(self, name: str, expires_at: str | None) -> dict[str, Any]:
        """The body of the request that has the server make a backup."""
        ways = {option: self.params[option] for option in self.ways if self.params[option] is not None}
        return {"name": name, "expires_at": expires_at, **ways}
