# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""IP addresses in the form in which the daemons write them. Pure functions.

The daemons parse addresses with Go, which is stricter than Python in some versions: it accepts no zone (`fe80::1%eth0`)
and no leading zeros (`010.0.0.1`), and it writes an IPv4 address inside IPv6 as IPv4.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_LEADING_ZERO = re.compile(r"(?:^|\.)0\d")
_LENGTH = re.compile(r"0|[1-9]\d{0,2}")


def parsed(text: str) -> Address | None:
    """The address that a text is; None for any other text."""
    text = text.strip()
    last = text.rpartition(":")[2]  # which can be IPv4, also in IPv6
    if "%" in text or ("." in last and _LEADING_ZERO.search(last)):
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def canonical(text: str) -> str:
    """An address, an address with the length of its prefix, or a range of addresses; empty for any other text.

    `2001:DB8::1` is `2001:db8::1`, and `fd42:0::1/64` is `fd42::1/64`.
    """
    first, dash, last = text.partition("-")
    if dash:
        ends = [parsed(first), parsed(last)]
        return f"{ends[0]}-{ends[1]}" if all(ends) else ""
    host, slash, length = text.strip().partition("/")
    address = parsed(host)
    if address is None or (slash and not (_LENGTH.fullmatch(length) and int(length) <= address.max_prefixlen)):
        return ""
    return f"{address}{slash}{length}"


def interface(text: str) -> Interface | None:
    """An address with the length of its prefix; None for any other text, also for an address alone."""
    try:
        return ipaddress.ip_interface(text) if "/" in text else None
    except ValueError:
        return None


def subnet(text: str) -> Subnet | None:
    """The subnet of an address with the length of its prefix; None for any other text."""
    found = interface(canonical(text))
    return found.network if found else None
