# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The index of an image server that a daemon keeps for an hour, by the address of the server."""

from __future__ import annotations

import contextlib
import hashlib
import os

#: Where the daemons keep what they have read of image servers, by the directory of their socket; elsewhere it is the
#: directory `cache` beside the socket.
_CACHES = {
    "/var/lib/lxd": "/var/cache/lxd",
    "/var/lib/incus": "/var/cache/incus",
    "/run/incus": "/var/cache/incus",
}


def forget_index(url: str, server: str) -> bool:
    """Remove the index of an image server that a daemon on this host keeps. Caches may be removed at any time (FHS).

    Returns whether there was one, and it is gone.
    """
    if not url.startswith("unix://"):
        return False
    folder = os.path.dirname(url[len("unix://") :])
    cache = _CACHES.get(folder, os.path.join(folder, "cache"))
    address = server[:-1] if server.endswith("/") else server  # as the daemons shorten it
    place = os.path.join(cache, hashlib.sha256(address.encode()).hexdigest())
    gone = False
    with contextlib.suppress(OSError):  # of another user, or elsewhere: the daemon then uses it
        for name in os.listdir(place):
            os.unlink(os.path.join(place, name))
            gone = True
    return gone
