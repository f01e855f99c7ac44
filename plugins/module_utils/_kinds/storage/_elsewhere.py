# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Volumes that are copied or moved from another server."""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import InvalidInput
from ..._engine import values
from ..._engine.users import used_words, user_of
from .._copied import LIVE
from .._copies import digest
from .._original import Original
from .._other_server import MODES, RELAY
from .._versions import SIZES_SENT, VOLUME_SIZES, is_of


class VolumeOriginal(Original):
    """`/1.0/storage-pools/POOL/volumes/custom/NAME` of another server."""

    kind = "storage_volume"
    named_by = "name"
    keys = ("pool", "compression_algorithm")
    modes = (*MODES, RELAY)
    sent = ("volume_only",)

    @property
    def pool(self) -> str:
        return str(self.source.get("pool") or self.resource.params["pool"])

    @property
    def url(self) -> str:
        return f"/1.0/storage-pools/{quote(self.pool)}/volumes/custom/{quote(self.name)}"

    def identity(self, original: dict[str, Any]) -> str:
        uuid = (original.get("config") or {}).get("volatile.uuid")
        server = (self.there.server.get("environment") or {}).get("certificate_fingerprint")
        return str(
            uuid or f"{server}/{quote(self.query['project'] or 'default')}/{quote(self.pool)}/{quote(self.name)}"
        )

    def check_server(self) -> None:
        """Refuse a server that would crash, with the API of all of its instances."""
        super().check_server()
        here = self.resource.client
        if self.mode != RELAY and is_of(here, VOLUME_SIZES) and not is_of(self.there, SIZES_SENT):
            raise InvalidInput(
                f"source.mode: {here.label} crashes when it receives a volume of {self.there.label}: set it to relay."
            )

    def state_of(self, original: dict[str, Any]) -> str:
        used = []
        for url in sorted(original.get("used_by") or ()):
            user = user_of(url)
            found = (
                self.there.find(url.partition("?")[0], project=user.project) if user.parts[0] == "instances" else None
            )
            if found and found.metadata.get("status") not in ("Stopped", "Error"):
                return LIVE
            used.append([url, found and found.metadata.get("last_used_at")])
        snapshots = [] if self.says("volume_only") else self.snapshots()
        return digest(used, snapshots)

    def refuse_move(self, original: dict[str, Any]) -> None:
        users = original.get("used_by") or ()
        if self.says("volume_only"):
            raise InvalidInput("source.volume_only: a move would lose the snapshots. Leave volume_only or move out.")
        if self.keeps:
            if self.state_of(original) == LIVE:
                self.resource.miss(  # in check mode, an earlier task of the run did not stop it either
                    f"source.move: storage_volume {self.label} is used by an instance that runs: stop that first."
                )
        elif users:
            words = used_words(self.there.label, "moved", list(users))
            raise InvalidInput(f"source.move: storage_volume '{self.name}' {words}")

    def take_over(self, body: dict[str, Any], original: dict[str, Any]) -> None:
        if original.get("content_type") == "iso":
            raise InvalidInput(
                f"source.name: storage_volume {self.label} is an ISO image, which has no place for the mark of a copy. "
                "Upload the file with source: {type: iso, file: …}."
            )
        if body.get("content_type") not in (None, original.get("content_type")):
            raise InvalidInput(
                f"content_type: storage_volume {self.label} holds {original['content_type']}, and so does its copy."
            )
        config = {
            key: value
            for key, value in (original.get("config") or {}).items()
            if key not in values.MARKS and not values.matches(key, self.resource.hidden_keys)
        }
        body["config"] = values.merge(config, self.resource.desired.get("config"))
        for key in ("description", "content_type"):
            body.setdefault(key, original.get(key) or "")

    def more(self, original: dict[str, Any]) -> dict[str, Any]:
        return {"name": self.name, "pool": self.pool}

    def body_of(self, existing: dict[str, Any]) -> dict[str, Any]:
        return {
            key: existing[key] for key in ("name", "type", "content_type", "config", "description") if key in existing
        }
