# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is on another server, and is copied from there."""

from __future__ import annotations

from typing import Any

from .._api.errors import InvalidInput, Missing, did_you_mean
from .._engine.plans import Existing, Step
from . import _other_server as servers


class Original(servers.Elsewhere):
    """One object of another server, as `source` names it. Subclasses say what it is.

    :ivar moves: whether it moves: it is deleted once it is copied
    :ivar keeps: whether a move keeps it aside instead of that
    """

    #: The key of `source` that names it, and other keys besides those of every copy.
    named_by = ""
    keys: tuple[str, ...] = ()
    #: Keys of `source` that the servers take as they are.
    sent: tuple[str, ...] = ()

    def __init__(self, resource: Any) -> None:
        super().__init__(resource)
        servers.check_source(self.source, (self.named_by, "refresh", "keep", *self.keys, *self.sent), self.modes)
        self.name = str(self.source.get(self.named_by) or "")
        if not self.name:
            raise InvalidInput(f"source.{self.named_by}: the name of the {self.kind} to copy is missing.")
        self.moves, self.keeps = self.says("move"), self.says("keep")
        if self.keeps and not self.moves:
            raise InvalidInput(
                "source.keep: it is for a move, which would delete the original: a copy keeps it anyway."
            )

    def find(self) -> dict[str, Any] | None:
        found = servers.find(self.there, self.url, **self.query)
        self.check_server()
        return found

    def get(self) -> dict[str, Any]:
        """The object.

        :raises Missing: if it does not exist
        """
        found = self.find()
        if found is None:
            known = self.there.names(self.url.rpartition("/")[0], **self.query)
            raise Missing(
                f"source.{self.named_by}: there is no {self.kind} '{self.name}' to copy on {self.there.label}. "
                f"{did_you_mean(self.name, known)}"
            )
        return found

    def snapshots(self) -> list[list[str]]:
        """Its snapshots as lists of a name and a time. The time differs where one was re-created."""
        found = self.there.get(f"{self.url}/snapshots", recursion=1, **self.query).metadata or []
        return sorted([one["name"].rpartition("/")[2], str(one.get("created_at"))] for one in found)

    # -- what a kind says ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its path."""
        raise NotImplementedError

    def identity(self, original: dict[str, Any]) -> str:
        """What distinguishes it from all others, without a space."""
        raise NotImplementedError

    def state_of(self, original: dict[str, Any]) -> str:
        """The state of its data, as far as the server reports it; `LIVE` if it can change at any moment."""
        raise NotImplementedError

    def refuse_move(self, original: dict[str, Any]) -> None:
        """Refuse what keeps it from being deleted."""

    def retire(self, receiver: str) -> None:
        """Keep it from being used beside its copy.

        :param receiver: the name of the server that it has moved to
        """

    def stopping(self, original: dict[str, Any]) -> list[Step]:
        """What ends its use, if it moves."""
        return []

    def understood(self, original: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The object in the keys of the server that receives, and the keys that this has not."""
        receiver = self.resource.client.implementation
        if receiver == self.there.implementation:
            return original, []
        from ._converted import converted  # few copies are for another product

        return converted(self.kind, original, self.there.implementation, receiver)

    def take_over(self, body: dict[str, Any], original: dict[str, Any]) -> None:
        """Put into the body of a new copy what that has of it."""
        raise NotImplementedError

    def kept(self, original: dict[str, Any]) -> dict[str, str]:
        """Keys that the server writes, and that it keeps when it moves."""
        return {}

    def identity_keys(self, original: dict[str, Any]) -> dict[str, str]:
        """Those of them by which others know it, and which a copy that exists gets when it moves."""
        return {}

    def is_used(self, existing: dict[str, Any]) -> bool:
        """Whether a copy is in use, so that its identity cannot change."""
        return False

    def more(self, original: dict[str, Any]) -> dict[str, Any]:
        """More keys of the source that requests of this kind have."""
        return {}

    def body_of(self, existing: dict[str, Any]) -> dict[str, Any]:
        """The body of the request that refreshes an existing copy, without its source."""
        raise NotImplementedError

    def written(self, found: Existing, config: dict[str, str]) -> dict[str, Any]:
        """The body of the request that writes the config of a copy."""
        return {**found.object, "config": config}
