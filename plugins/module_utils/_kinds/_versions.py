# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Faults of certain versions of the servers that plans have to know, because no extension of the API shows them."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._api.reader import Reader


class Fault(NamedTuple):
    """A product, and the versions that have the fault: each pair from the first one to before the second."""

    product: str
    versions: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


#: A volume that is received without its size makes the daemon crash.
VOLUME_SIZES = Fault("incus", (((6, 0, 4), (6, 0, 5)), ((6, 11), (6, 13))))
#: Changed ACLs of an OVN network do not reach instances that run, once the list of all instances has come to one whose
#: project has other networks.
NETWORK_ACLS = Fault("incus", (((6, 0), (6, 0, 6)), ((6, 1), (6, 16))))


def version_of(server: Reader) -> tuple[int, ...]:
    """The version of a server as numbers."""
    text = str((server.server.get("environment") or {}).get("server_version") or "")
    return tuple(map(int, re.findall(r"\d+", text)))


def has_fault(server: Reader, fault: Fault) -> bool:
    """Whether the version of a server has a fault."""
    version = version_of(server)
    return server.implementation == fault.product and any(first <= version < end for first, end in fault.versions)
