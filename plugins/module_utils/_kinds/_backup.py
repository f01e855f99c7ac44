# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Backups of anything: exported to files, imported from them, and kept on the server."""

from __future__ import annotations

from typing import Any, Mapping

from .._api.errors import InvalidInput
from .._engine.fields import Moment
from .._engine.plans import Existing, Plan
from .._engine.resource import Resource
from ._backed import Backed
from ._exporting import Exporting
from ._importing import Importing

#: Not a field: the API cannot change it, and an existing backup is not compared with it.
EXPIRY = Moment("expires_at")
#: The states that an option is for, where it is not for all of them.
STATES = {
    "name": ("present", "absent"),
    "new_name": ("present",),
    "expires_at": ("present",),
    "file": ("exported", "imported"),
    "keep": ("exported",),
    "max_age": ("exported",),
}


class Backup(Backed):
    """A kind that belongs to what it is a backup of, the last of its parents.

    With `exported` and `imported` the task is about a file, and backups on the server come and go with it. With
    `present` and `absent` it is about a backup on the server, which cannot be changed but for its name.
    """

    states = ("exported", "imported", "present", "absent")
    renames = True
    stackable = False
    name_rule = (r"[^/\s]+", "no slash and no space")
    options: dict[str, dict[str, Any]] = {
        "file": {"type": "path"},
        "max_age": {"type": "str"},
        "keep": {"type": "int"},
        "verify": {"type": "str", "choices": ["checksum", "size"], "default": "checksum"},
        "expires_at": {"type": "str"},
        "compression_algorithm": {"type": "str"},
        "optimized_storage": {"type": "bool"},
    }
    constraints = {
        "required_if": [
            *(("state", state, ("file",)) for state in ("exported", "imported")),
            *(("state", state, ("name",)) for state in ("present", "absent")),
        ]
    }

    @classmethod
    def argument_spec(cls) -> dict[str, dict[str, Any]]:
        return {**super().argument_spec(), "name": {"type": "str"}}

    @classmethod
    def identity(cls, params: Mapping[str, Any]) -> str | None:
        """Its name on the server; of an export, whose name there is not said, what it is an export of."""
        return params["name"] or params[cls.parents()[-1]]

    @classmethod
    def label(cls, params: Mapping[str, Any]) -> str:
        return super().label(params) if params["name"] else "/".join(str(params[option]) for option in cls.parents())

    def validate(self) -> None:
        super().validate()
        for option, states in STATES.items():
            if self.params[option] is not None and self.state not in states:
                raise InvalidInput(f"{option}: it is for state: {' and '.join(states)}, and not for {self.state}.")
        EXPIRY.clean(self.params)
        self.way: Exporting | Importing | None = None
        if self.state == "exported":
            self.way = Exporting(self)
        elif self.state == "imported":
            self.way = Importing(self)

    # -- read and plan ------------------------------------------------------------------------------------------------

    def read(self) -> Existing | None:
        return self.way.read() if self.way else super().read()

    def plan_create(self) -> Plan:
        return self.way.plan(None) if self.way else super().plan_create()

    def plan_update(self, found: Existing) -> Plan:
        return self.way.plan(found) if self.way else super().plan_update(found)

    def create_body(self) -> dict[str, Any]:
        return self.request(self.params["new_name"] or self.name, EXPIRY.clean(self.params))

    def after_apply(self, found: Existing | None) -> dict[str, Any] | None:
        return self.way.result() if self.way else None


def options_of(kind: type[Resource], **given: Any) -> dict[str, Any]:
    """The options of a task for a kind that has these and no others."""
    return {**{name: spec.get("default") for name, spec in kind.argument_spec().items()}, **given}
