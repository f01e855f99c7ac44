# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Integrations: the OVN of another server, for peers of type remote. Incus only."""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput, did_you_mean
from ..._engine.fields import Map, Text
from ..._engine.resource import Resource

TYPES = ["ovn"]


class NetworkIntegration(Resource):
    """`/1.0/network-integrations`."""

    kind = "network_integration"
    path = "/1.0/network-integrations"
    extension = "network_integrations"
    scoped = False
    fields = (Text("description"), Text("type", create_only=True), Map("config"))
    renames = True
    unless_used = ("delete",)
    copied = False

    def create_body(self) -> dict[str, Any]:
        body = {"type": "ovn", **super().create_body()}
        if body["type"] not in TYPES:
            raise InvalidInput(f"type: '{body['type']}' is no type of integration. {did_you_mean(body['type'], TYPES)}")
        return body
