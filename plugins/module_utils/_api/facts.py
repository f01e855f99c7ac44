# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What `GET /1.0` reports about a server, for everything that can read it."""

from __future__ import annotations

from typing import Any

from .errors import InvalidInput


class ServerFacts:
    """Questions that `server`, the metadata of `GET /1.0`, answers."""

    #: Whether this is the server as a plan will leave it, and not as it is.
    is_plan = False
    is_removal = False
    #: Whether this is check mode of a single module, where what earlier tasks would create is missing.
    is_rehearsal = False

    @property
    def url(self) -> str:
        """The address that is spoken to, for errors."""
        raise NotImplementedError

    @property
    def server(self) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def implementation(self) -> str:
        """`lxd` or `incus`; `lxd` if the server does not tell."""
        return self.server.get("environment", {}).get("server") or "lxd"

    @property
    def clustered(self) -> bool:
        return bool(self.server.get("environment", {}).get("server_clustered"))

    @property
    def tokens_by_name(self) -> bool:
        """Whether requests have fields of their own for tokens; LXD 5.0 takes tokens as passwords.

        The server does not tell an untrusted client its implementation, only its extensions.
        """
        return self.has("explicit_trust_token") or any("incus" in name for name in self.server["api_extensions"])

    def has(self, extension: str) -> bool:
        return extension in self.server["api_extensions"]

    def require(self, extension: str, what: str) -> None:
        """Raise `InvalidInput` if the server does not have the extension that `what` needs. Changes nothing."""
        if not self.has(extension):
            version = f"{self.implementation} {self.server.get('environment', {}).get('server_version', '?')}"
            raise InvalidInput(
                f"{what} needs the extension '{extension}'; this server ({version}, {self.url}) does not have it."
            )
