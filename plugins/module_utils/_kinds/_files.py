# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Files that the API takes as the body of a request, with what it has to know of them in headers."""

from __future__ import annotations

import os
from typing import Any

from .._api.client import Client
from .._api.errors import InvalidInput


def header(client: Any, name: str) -> str:
    """The name of a header: both products have their own."""
    return f"X-{'Incus' if client.implementation == 'incus' else 'LXD'}-{name}"


def check_file(option: str, path: str | None, what: str) -> None:
    """Refuse a path that is no file, before anything is sent.

    :param what: what the file has to be, as in `the tarball of an export`
    """
    if not os.path.isfile(path or ""):
        raise InvalidInput(f"{option}: '{path}' is not a file on the host that runs the module; it is {what}.")


def send(client: Client, path: str, file: str, about: dict[str, str], query: dict[str, Any]) -> None:
    """`POST` a file. `about` has the headers by their names without the part of the product."""
    headers = {header(client, name): value for name, value in about.items()}
    headers.update({"Content-Type": "application/octet-stream", "Content-Length": str(os.path.getsize(file))})
    with open(file, "rb") as stream:
        client.write("POST", path, headers=headers, stream=stream, **query)
