# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What certificates and tokens have in common: both can be limited to projects."""

from __future__ import annotations

from typing import Any, Mapping

from ..._api.errors import InvalidInput
from ..._engine.fields import Field, Flag, NameSet
from ..._engine.resource import Resource

#: What a certificate and a token may be limited to.
LIMITS: tuple[Field, ...] = (
    Flag("restricted", extension="certificate_project", exact=False),  # `exact` never gives more rights
    NameSet("projects", extension="certificate_project"),
)


class Limited(Resource):
    """A kind with the fields `LIMITS`."""

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        new = super().merged(current)
        refuse_unlimited(new, self.wanted)
        return new


def refuse_unlimited(new: dict[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse projects for an unrestricted certificate: the servers accept and ignore them."""
    if wanted.get("projects") and not new.get("restricted"):
        raise InvalidInput(
            f"projects: {', '.join(wanted['projects'])} would limit nothing, since the certificate is not "
            "restricted: add restricted: true."
        )
