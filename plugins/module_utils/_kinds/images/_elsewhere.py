# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Images that are copied or moved from another server, which need not be public there.

The fingerprint of an image is that of its data, so it shows whether a copy is whole and up to date.
"""

from __future__ import annotations

from typing import Any

from ..._api.errors import InvalidInput, LXDError, Missing, ServerError, did_you_mean
from ..._engine.plans import ELSEWHERE, Action, Plan, Step
from .. import _other_server as servers
from ._source import find_image


class ImageCopy(servers.Elsewhere):
    """`/1.0/images/FINGERPRINT` of another server."""

    kind = "image"

    def __init__(self, resource: Any) -> None:
        super().__init__(resource)
        servers.check_source(self.source, ("alias", "fingerprint", "refresh"))
        named = [self.source[key] for key in ("alias", "fingerprint") if self.source.get(key)]
        if len(named) != 1:
            raise InvalidInput("source: write either alias or fingerprint, the image of the other server.")
        self.name = str(named[0])
        self.refresh, self.move = self.says("refresh"), self.says("move")

    def find(self) -> str | None:
        """The fingerprint of the original; None if there is none."""
        servers.check_trust(self.there)
        self.check_server()
        return find_image(self.there, self.name, self.query["project"])

    def fingerprint(self) -> str:
        """The same, for an image to copy.

        :raises Missing: if there is none
        """
        found = self.find()
        if not found:
            known = self.there.names("/1.0/images/aliases", **self.query)
            option = "alias" if self.source.get("alias") else "fingerprint"
            raise Missing(
                f"source.{option}: there is no image '{self.name}' on {self.there.label}. "
                f"{did_you_mean(self.name, known)}"
            )
        self.check_reach()
        return found

    def newer(self, existing: str) -> str | None:
        """The fingerprint of the original where it is another one, and a refresh is wanted.

        :raises InvalidInput: if a move would delete an image of which this server has another one
        """
        found = self.find() if self.refresh or self.move else None
        if found in (None, existing):
            return None
        if not self.refresh:
            raise InvalidInput(
                f"name: image '{self.resource.name}' exists on {self.resource.client.label}, and is another one than "
                f"{self.label}: choose another name, or replace it with source.refresh: true."
            )
        return found

    # -- steps --------------------------------------------------------------------------------------------------------

    def transfer(self, fingerprint: str) -> None:
        """Copy the image without its aliases, unless it is here already."""
        from .._migration import Offer, Side  # only what copies needs it

        here, there = self.resource.writer, self.there
        path, source = f"/1.0/images/{fingerprint}", {"fingerprint": fingerprint, "mode": self.mode}
        receiving = Side(here, "/1.0/images", {}, self.resource.query())
        if self.mode == "pull":
            token = Offer(Side(there, f"{path}/secret", {}, self.query), {})
            about = {"type": "image", "protocol": here.implementation, "certificate": servers.certificate(there)}
            project = {"project": self.query["project"]} if self.query["project"] else {}
            server = servers.addresses(there)[0]
            try:
                receiving.post({"source": {**source, **about, **project, **token.secrets, "server": server}})
            except ServerError as exc:
                raise token.without(exc) from exc
            return
        offer = Offer(receiving, {"source": source})
        target = {"target": servers.addresses(here)[0], "certificate": servers.certificate(here), **offer.secrets}
        project = {"project": self.resource.project} if self.resource.project else {}
        try:
            Side(there, f"{path}/export", {}, self.query).post({**target, **project})
        except ServerError as exc:
            raise offer.without(exc, f" (of {there.label}, which was to send the image)") from exc
        finally:
            offer.cancel()

    def leaving(self, plan: Plan) -> list[Step]:
        """The step that ends a move."""
        if not self.move or not self.find():
            return []
        plan.before["original"], plan.after["original"] = "present", "absent"
        return [Step(Action.DELETE, f"delete image {self.label}", self._leave, detail=ELSEWHERE)]

    def _leave(self) -> None:
        found = self.find()
        if found is None:
            return
        if not self.resource.client.find(f"/1.0/images/{found}", **self.resource.query()):
            raise LXDError(f"image {self.label} is not deleted, because it has changed since it was copied.")
        self.there.write("DELETE", f"/1.0/images/{found}", **self.query)
