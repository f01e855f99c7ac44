# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The mark of what is imported from libvirt: which domain it was made of, and how far its import is."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

#: The config key of an instance, and of a volume.
KEY = "user.cloudhost.libvirt"
#: The data may be incomplete; of a volume whose data is whole, the domain is not whole.
IMPORTING = "importing"
#: All data is there, and what only the import needed is not deleted yet.
COPIED = "copied"
IMPORTED = "imported"


class Mark(NamedTuple):
    """A mark.

    :ivar uuid: of the domain
    :ivar about: of a volume that is being imported, the checksum of its data; of an instance whose data is copied, the
        fingerprint of the image that it was made of
    """

    uuid: str
    state: str
    about: str = ""

    @classmethod
    def read(cls, obj: Mapping[str, Any]) -> Mark | None:
        """The mark of an object of the API; None if it has none that this module writes."""
        parts = str((obj.get("config") or {}).get(KEY) or "").split(" ")
        if not 2 <= len(parts) <= 3 or parts[1] not in (IMPORTING, COPIED, IMPORTED):
            return None
        return cls(*parts)

    def config(self) -> dict[str, str]:
        """The config of an object that has it."""
        return {KEY: " ".join(part for part in self if part)}
