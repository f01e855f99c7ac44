# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Peers of OVN networks: routes between two networks, each of which has to name the other."""

from __future__ import annotations

from typing import Any, Mapping

from ..._api.errors import DeadlineExceeded, InvalidInput, LXDError
from ..._engine.fields import Map, Text
from ..._engine.plans import Existing, Plan
from ..._engine.resource import Resource
from ._listening import unfit_type

CREATED, ERRORED = "Created", "Errored"


class NetworkPeer(Resource):
    """`/1.0/networks/NETWORK/peers`. A peer is pending until the other side exists. No ETag is compared here."""

    kind = "network_peer"
    path = "/1.0/networks/{network}/peers"
    extension = "network_peer"
    feature = "networks"
    fields = (
        Text("description"),
        Text("type", create_only=True, extension="network_integrations", choices=["local", "remote"]),
        Text("target_network", create_only=True),
        Text("target_project", create_only=True),
        Text("target_integration", create_only=True, extension="network_integrations"),
        Map("config"),
    )
    options = {
        "network": {"type": "str", "required": True},
        "wait_for": {"type": "list", "elements": "str", "choices": ["created"]},
    }
    refers = {"network": "network", "target_integration": "network_integration"}
    unless_used = ("delete",)
    copied = False
    mutual = True
    one_by_one = ("create", "delete", "replace")  # LXD 5.0 removes the routes of both sides with each, and fails

    #: What `read` found last.
    status = ""
    #: What a peer that is re-created keeps.
    kept: Mapping[str, Any] = {}

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        other = ("network", str(params.get("target_network") or ""), str(params.get("target_project") or ""))
        return super().references(params) + ([other if other[2] else other[:2]] if other[1] else [])

    @classmethod
    def unfit(cls, parent: dict[str, Any]) -> str:
        return unfit_type(parent, "ovn")

    def plan_update(self, found: Existing) -> Plan:
        """Re-create a peer whose other side is gone: it names no network any longer, and connects nothing."""
        if found.object.get("status") == ERRORED and self.wanted.get("target_network"):
            merged = self.merged(found.object)
            self.kept = {key: merged[key] for key in ("description", "config")}
            return self.plan_recreate(found)
        return super().plan_update(found)

    def create_body(self) -> dict[str, Any]:
        body = {**super().create_body(), **self.kept}
        option = "target_integration" if body.get("type") == "remote" else "target_network"
        if not body.get(option):
            raise InvalidInput(f"{option}: network_peer '{self.name}' does not exist yet, so '{option}' is needed.")
        return body

    def adopt(self, found: Existing | None) -> None:
        super().adopt(found)
        self.status = str(found.object.get("status")) if found else ""

    def awaits(self) -> bool:
        return bool(self.params["wait_for"]) and self.status != CREATED

    def after_apply(self, found: Existing | None) -> dict[str, Any] | None:
        if not found or not self.params["wait_for"]:
            return None
        peer, attempt = found.object, 0
        while peer["status"] != CREATED:
            where = f"network_peer '{self.name}' of network '{self.params['network']}' on {self.client.label}"
            if peer["status"] == ERRORED:
                raise LXDError(f"{where}: its other side is gone. Delete the peer, and create both sides again.")
            try:
                self.client.deadline.pause(attempt, f"waiting for {where} to be created")
            except DeadlineExceeded as exc:
                raise DeadlineExceeded(
                    f"{exc} It is {peer['status']}: network '{peer.get('target_network')}' needs a network_peer whose "
                    f"target_network is '{self.params['network']}'."
                ) from exc
            peer, attempt = self.client.get(self.url(), **self.query()).metadata, attempt + 1
        return peer
