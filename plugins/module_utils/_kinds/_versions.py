# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What only certain versions of the servers do, faults above all, where no extension of the API shows it."""

from __future__ import annotations

from typing import NamedTuple

from .._api.reader import Reader
from .._api.versions import Range, numbers_of, within


class Versions(NamedTuple):
    """A product, and versions of it."""

    product: str
    ranges: tuple[Range, ...]


#: A volume that is received without its size makes the daemon crash.
VOLUME_SIZES = Versions("incus", (("6.0.4", "6.0.5"), ("6.11", "6.13")))
#: Those that send the size of a volume before the volume.
SIZES_SENT = Versions("incus", (("6.0.4", "6.1"), ("6.11", None)))
#: Changed ACLs of an OVN network do not reach instances that run, once the list of all instances has come to one whose
#: project has other networks.
NETWORK_ACLS = Versions("incus", (("6.0", "6.0.6"), ("6.1", "6.16")))


def is_of(server: Reader, versions: Versions) -> bool:
    """Whether a server is one of these."""
    text = str((server.server.get("environment") or {}).get("server_version") or "")
    return server.implementation == versions.product and within(numbers_of(text), versions.ranges)
