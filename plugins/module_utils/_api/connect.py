# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A client from the connection options of modules and plugins (doc fragment _connection)."""

from __future__ import annotations

from typing import Any

from .addresses import Addresses, urls_of
from .client import Client
from .errors import LXDError
from .transport import Transport, default_url


def connect(params: dict[str, Any], read_only: bool = False) -> Client:
    """A client for the connection options. Nothing is sent yet."""
    if params["timeout"] < 1:
        raise LXDError(f"timeout: {params['timeout']} is too short; it is a number of seconds, 1 or more.")
    urls = urls_of(params["url"]) or (default_url(),)
    tls = None
    if any(url.startswith("https:") for url in urls):
        from .tls import trust_from  # what a socket needs no time to load

        tls = trust_from(params)
    transport, *_others = [Transport(url, tls) for url in urls]  # all of them are checked before one is used
    client = Client(transport, params["timeout"], read_only, params["trust_token"], Addresses(urls))
    client.credentials = {option: params.get(option) for option in ("client_cert", "client_key")}
    client.opener = connect
    client.remotes = params.get("remotes") or {}
    return client
