# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""First contact with a server that does not trust the client yet, and the advice of errors about rights."""

from __future__ import annotations

import socket
from typing import Any

from .errors import InvalidInput, LXDError, ServerError

UNTRUSTED = (
    ". The server does not trust this client: give client_cert and client_key of a trusted certificate, or a "
    "trust_token from cloudhost.lxd.trust_token or `lxc config trust add` to make it trusted"
)
LIMITED = (
    "This client is limited to some projects, or to metrics (`lxc config trust list` or `incus config trust list` on "
    "the server tells): name one of its projects, or have it allowed more with cloudhost.lxd.certificate."
)
_USED = (
    "A token is good for one client and one time, and may have been used, revoked or expired since: "
    "make another on the server, with cloudhost.lxd.trust_token or `lxc config trust add`."
)


def check(url: str, client_pem: str | None, read_only: bool) -> None:
    """Raise an error if the client must not use its trust token, or cannot. Sends nothing."""
    if read_only:
        raise LXDError(
            f"{url} does not trust this client yet. To use the trust_token would change the server, which check mode "
            "must not do."
        )
    if not client_pem:
        raise InvalidInput(
            "trust_token needs client_cert and client_key: it is that certificate which becomes trusted."
        )


def certificate(token: str, by_name: bool) -> dict[str, Any]:
    """The body of `POST /1.0/certificates` that makes the certificate of this connection trusted.

    `by_name` is `ServerFacts.tokens_by_name`.
    """
    return {
        "type": "client",
        "name": socket.gethostname(),
        ("trust_token" if by_name else "password"): token.strip(),
    }


def not_taken(url: str, refusal: ServerError) -> ServerError:
    """The error for a token that the server refuses. It does not show the token."""
    words = f"{url} does not take the trust_token: {refusal.text}. {_USED}"
    return ServerError(words, refusal.code, refusal.text)
