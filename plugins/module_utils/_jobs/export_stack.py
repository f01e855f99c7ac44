# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `stack_export`: its options, and the document of a server."""

from __future__ import annotations

from typing import Any

from .._api.client import Client
from .._stack.export import export
from .registry import KINDS


class StackExport:
    """A server as a document."""

    spec: dict[str, dict[str, Any]] = {
        "projects": {"type": "list", "elements": "str"},
        "kinds": {"type": "list", "elements": "str"},
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        definition, secrets = export(client, KINDS, params["projects"], params["kinds"])
        return {"definition": definition, "left_out": secrets}
