# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What planning reads of a server: the protocol that `client.Client` and `_stack.view.View` implement.

A client reads a server as it is. A view reads it as it will be once a plan is carried out. Whoever only reads takes a
`Reader`; whoever writes takes a `Client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .answers import Reply
from .deadline import Deadline

if TYPE_CHECKING:
    from .client import Client


class Reader(Protocol):
    """A server that can be read, but not changed: nothing here sends anything but GET."""

    @property
    def url(self) -> str:
        """The address of the server that is spoken to, as the option `url` names it."""

    @property
    def urls(self) -> tuple[str, ...]:
        """All addresses in the option `url`. More than one are those of one server, or of members of one cluster."""

    @property
    def is_plan(self) -> bool:
        """Whether this is the server as a plan will leave it, with all collections in memory."""

    @property
    def is_removal(self) -> bool:
        """Whether the plan deletes all that a stack manages, and what uses a resource before the resource."""

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is check mode of a single module, where what earlier tasks of the play would create is missing.

        The view of a stack has what the rest of the stack creates, so it is none.
        """

    @property
    def label(self) -> str:
        """The server as errors name it. Sends nothing."""

    @property
    def deadline(self) -> Deadline:
        """The time that is left for the task."""

    @property
    def hidden(self) -> Any:
        """The rules for values that are not shown (`_engine.secrets.Rules`)."""

    @property
    def remotes(self) -> dict[str, Any]:
        """The image servers that the task or its host names, as the option `remotes` has them."""

    @property
    def server(self) -> dict[str, Any]:
        """The metadata of `GET /1.0`; `api_extensions` is a set."""

    @property
    def implementation(self) -> str:
        """`lxd` or `incus`."""

    @property
    def clustered(self) -> bool:
        """Whether the server is a member of a cluster."""

    def has(self, extension: str) -> bool:
        """Whether the server has an API extension."""

    def require(self, extension: str, what: str) -> None:
        """Raise `InvalidInput` if the server does not have the extension that `what` needs."""

    def get(self, path: str, **query: Any) -> Reply:
        """An object or a collection. Raises `ServerError` with the code 404 if it does not exist."""

    def find(self, path: str, **query: Any) -> Reply | None:
        """An object, or a collection with `recursion`; None if it does not exist."""

    def names(self, path: str, **query: Any) -> list[str]:
        """The names of the objects in a collection; none if the collection, or the project, does not exist."""

    def beside(self, options: dict[str, Any]) -> Client:
        """A conversation with another server, for connection options. Who plans reads with it only."""

    def forget(self) -> None:
        """Forget every answer that is not about the server itself: the next call reads it again."""
