# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The types of values in the tables: what the daemons accept, and how an error says what is allowed. Pure functions.

A type accepts at least what any supported version of the daemon accepts. Where that is not certain, it accepts all: a
refusal of what a server would take is worse than a mistake that only the server finds.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, NamedTuple

from .. import values

_SIZE = re.compile(r"(\d+)(B| bytes|[kMGTPE]B|[KMGTPE]iB)?")
_SIXTY_FOUR, _THIRTY_TWO = 2**63, 2**32


class Type(NamedTuple):
    """Whether a value is of a type, and the type in words, for `is not …`."""

    accepts: Callable[[str], bool]
    words: str


def _integer(least: int, most: int) -> Callable[[str], bool]:
    """Whether it is a whole number as the daemons read one: an optional sign and digits."""
    return lambda value: bool(re.fullmatch(r"[+-]?[0-9]{1,30}", value)) and least <= int(value) <= most


def _unsigned(most: int) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(r"[0-9]{1,30}", value)) and int(value) <= most


def _size(value: str) -> bool:
    return bool(_SIZE.fullmatch(value))


def _memory(value: str) -> bool:
    nothing = re.fullmatch(r"[+-]?0+\D*", value)
    return not nothing and (_size(value) or bool(re.fullmatch(r"[+-]?[0-9]+%", value)))


def _allowance(value: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[0-9]+%|[+-]?[0-9]+(ms)?/[+-]?[0-9]+(ms)?", value))


def _cpus(value: str) -> bool:
    """A number of CPUs, or a set of them as `0-3,6`."""
    if re.fullmatch(r"[0-9]{1,18}", value):
        return True
    parts = [part.split("-") for part in value.split(",")]
    return all(len(part) <= 2 and all(re.fullmatch(r"[0-9]{1,18}", end) for end in part) for part in parts)


def _topology(value: str) -> bool:
    return bool(re.fullmatch(r"\s*(sockets|cores|threads)\s*=.*", value))


def _expiry(value: str) -> bool:
    return all(re.fullmatch(r"[0-9]+[SMHdwmy]", part) for part in value.split())


#: The least and the most that the five fields of a schedule can have, and words for the last two.
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {
    3: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    4: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_SCHEDULES = (
    "hourly", "daily", "midnight", "weekly", "monthly", "annually", "yearly", "startup", "never",
    "always", "5minutes", "10minutes", "15minutes", "30minutes", "everysecond",
)  # fmt: skip


def _schedule(value: str) -> bool:
    """Schedules of cron, several with a comma and a space. Incus 7 takes more than five fields, and more in them."""
    return all(_trigger(one) for one in value.lower().split(", "))


def _trigger(text: str) -> bool:
    fields = text.split()
    if len(fields) == 1:
        return text[1:] in _SCHEDULES and text.startswith("@")
    if not 5 <= len(fields) <= 7 or not re.fullmatch(r"[0-9a-z*?,/# -]+", text):
        return False
    return len(fields) > 5 or all(_in_field(place, field) for place, field in enumerate(fields))


def _in_field(place: int, field: str) -> bool:
    least, most = _FIELDS[place]
    ends = [end for part in field.split(",") for end in re.split(r"[-#]", part.partition("/")[0])]
    known = ("*", "?", *_NAMES.get(place, ()))
    return all(least <= int(end) <= most if end.isdigit() else end in known or end.endswith(("l", "w")) for end in ends)


def _lxc(value: str) -> bool:
    """Lines of `KEY = VALUE`, with empty ones and comments between."""
    lines = [line.lstrip("\t ") for line in value.split("\n")]
    return all(not line or line.startswith("#") or "=" in line for line in lines)


def _octal(value: str) -> bool:
    return bool(re.fullmatch(r"[0-7]{1,11}", value))


def _address(version: int) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            return False
        return version in (0, found.version) or getattr(found, "ipv4_mapped", None) is not None

    return accepts


def _network(version: int, host: bool) -> Callable[[str], bool]:
    """An address with its mask. With `host` that of an interface, without it that of a network."""

    def accepts(value: str) -> bool:
        address, slash, bits = value.partition("/")
        if not slash or not re.fullmatch(r"[0-9]{1,3}", bits):
            return False
        try:
            found = ipaddress.ip_interface(value)
        except ValueError:
            return False
        if version not in (0, found.version):
            return False
        whole = found.network.prefixlen == found.max_prefixlen
        is_base = found.ip == found.network.network_address
        return whole or (not is_base if host else is_base)

    return accepts


def _range(version: int) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        ends = value.split("-")
        return len(ends) == 2 and all(_address(version)(end) for end in ends)

    return accepts


def _proxy(value: str) -> bool:
    """`tcp:` or `udp:`, an address or none, and ports; or `unix:` and a path."""
    sort, _colon, place = value.partition(":")
    if sort == "unix":
        return bool(place)
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*):([0-9,-]+)", place)
    if sort not in ("tcp", "udp") or not match:
        return False
    host = match[1].strip("[]")
    return (not host or _address(0)(host)) and all(
        re.fullmatch(r"[0-9]{1,5}(-[0-9]{1,5})?", part) for part in match[2].split(",")
    )


def _pattern(text: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(text, value))


_PORTS = "tcp:ADDRESS:PORT, udp:ADDRESS:PORT or unix:PATH"
#: The types that the tables name. What is none of these is a word that the daemons take as it stands.
TYPES = {
    "text": Type(lambda value: True, "text"),
    "bool": Type(lambda value: value.lower() in values.TRUE + values.FALSE, "a boolean (true or false)"),
    "int": Type(_integer(-_SIXTY_FOUR, _SIXTY_FOUR - 1), "a whole number"),
    "uint": Type(_unsigned(_THIRTY_TWO - 1), "a whole number from 0 to 4294967295"),
    "priority": Type(_integer(0, 10), "a whole number from 0 to 10"),
    "port": Type(_unsigned(65535), "a port from 0 to 65535"),
    "mtu": Type(_integer(68, 16384), "an MTU from 68 to 16384"),
    "mtu1280": Type(_integer(1280, 16384), "an MTU from 1280 to 16384"),
    "vlan": Type(_integer(0, 4094), "a VLAN from 0 to 4094"),
    "size": Type(_size, "a size, as in 10GiB"),
    "memory": Type(_memory, "a size or a percentage, as in 2GiB or 10%"),
    "allowance": Type(_allowance, "a percentage or a share of time, as in 50% or 25ms/100ms"),
    "cpus": Type(_cpus, "a number of CPUs or a set of them, as in 2 or 0-3,6"),
    "topology": Type(_topology, "a topology, as in sockets=1,cores=2,threads=2"),
    "expiry": Type(_expiry, "a period, as in 1d 12H"),
    "schedule": Type(_schedule, "a schedule, as in @daily or 0 6 * * *"),
    "lxc": Type(_lxc, "in lines of KEY = VALUE, as in lxc.apparmor.profile = unconfined"),
    "octal": Type(_octal, "an octal mode, as in 0660"),
    "hwaddr": Type(_pattern(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"), "a MAC address, as in 00:16:3e:12:34:56"),
    "hex4": Type(_pattern(r"[0-9a-f]{4}"), "four hexadecimal digits, as in 10de"),
    "pci": Type(
        _pattern(r"([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9a-fA-F]"), "a PCI address, as in 01:00.0"
    ),
    "ifname": Type(_pattern(r"[-_a-zA-Z0-9.]{2,15}"), "the name of an interface (2 to 15 letters, digits, . _ and -)"),
    "ip": Type(_address(0), "an address, as in 10.158.1.1"),
    "ip4": Type(_address(4), "an IPv4 address, as in 10.158.1.1"),
    "ip6": Type(_address(6), "an IPv6 address, as in fd42::1"),
    "cidr4": Type(_network(4, host=True), "an IPv4 address with its mask, as in 10.158.1.1/24"),
    "cidr6": Type(_network(6, host=True), "an IPv6 address with its mask, as in fd42::1/64"),
    "net4": Type(_network(4, host=False), "an IPv4 network, as in 10.158.1.0/24"),
    "net6": Type(_network(6, host=False), "an IPv6 network, as in fd42::/64"),
    "range4": Type(_range(4), "a range of IPv4 addresses, as in 10.158.1.10-10.158.1.99"),
    "range6": Type(_range(6), "a range of IPv6 addresses, as in fd42::10-fd42::99"),
    "proxy": Type(_proxy, _PORTS),
}


def is_of(notation: str, value: str) -> bool:
    """Whether a value is of one of the types that a notation lists, or one of its words. Empty text unsets a key."""
    return not value or any(_is_of_one(one, value) for one in notation.split("|"))


def _is_of_one(one: str, value: str) -> bool:
    if one.endswith("*"):
        return all(_is_of_one(one[:-1], part.strip()) for part in value.split(","))
    return TYPES[one].accepts(value) if one in TYPES else value == one


def words_of(notation: str) -> str:
    """What a notation allows, for an error."""
    parts = [_words_of_one(one) for one in notation.split("|")]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _words_of_one(one: str) -> str:
    name = one.rstrip("*")
    words = TYPES[name].words if name in TYPES else name
    return f"{words} (several with commas)" if one.endswith("*") else words


def literals(notation: str) -> list[str]:
    """The words of a notation that stand for themselves: those that a misspelled value may be near to."""
    return [one for one in notation.split("|") if one.rstrip("*") not in TYPES] + (
        ["true", "false"] if "bool" in notation.split("|") else []
    )
