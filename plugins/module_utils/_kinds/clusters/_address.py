# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Addresses at which members of a cluster reach each other. The daemons take one without a port, and hang or exit."""

from __future__ import annotations

import ipaddress
import re

_HOST_AND_PORT = re.compile(r"(\[[^\[\]\s/]+\]|[^\[\]:\s/]*):([0-9]{1,5})")
#: A name as DNS has it: what ends in digits only is an address, or none at all.
_HOST_NAME = re.compile(r"(?=.*[A-Za-z_-])[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


def fault(address: str) -> str:
    """What is wrong with an address for other members, in words that follow it; empty for a host and a port."""
    found = _HOST_AND_PORT.fullmatch(address)
    if not found:
        return "is not a host and a port (an IPv6 address stands in brackets)"
    host, port = found[1], int(found[2])
    if not 1 <= port <= 65535:
        return f"has the port {port}, and ports are 1 to 65535"
    if host in ("", "*"):
        return "stands for all addresses of the host, which others cannot connect to"
    try:
        parsed = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return "" if _HOST_NAME.fullmatch(host) else f"has the host '{host}', which is neither an address nor a name"
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_unspecified or mapped.is_unspecified:
        return "stands for all addresses of the host, which others cannot connect to"
    return ""


def same(one: str, other: str) -> bool:
    """Whether two such addresses are one, however they are spelled."""
    return _plain(one) == _plain(other)


def covers(listening: str, address: str) -> bool:
    """Whether what listens there is reached at an address, too."""
    (host, port), (wanted, at) = _plain(listening), _plain(address)
    return (host, port) == (wanted, at) or (
        port == at and (host in ("", "*", "::") or (host == "0.0.0.0" and ":" not in wanted))
    )


def _plain(address: str) -> tuple[str, str]:
    host, _colon, port = address.rpartition(":") if re.search(r":[0-9]+$", address) else (address, "", "8443")
    try:
        return str(ipaddress.ip_address(host.strip("[]"))), port
    except ValueError:
        return host.lower().rstrip("."), port
