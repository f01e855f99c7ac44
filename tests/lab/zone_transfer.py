# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a DNS server for a whole zone, and prints its records as JSON: `python zone_transfer.py HOST PORT ZONE`.

The daemons answer nothing but that. It runs in their network namespaces, so it needs nothing but Python.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import sys

AXFR, IN = 252, 1
TYPES = {1: "A", 2: "NS", 6: "SOA", 12: "PTR", 16: "TXT", 28: "AAAA"}


def question(zone: str) -> bytes:
    name = b"".join(bytes([len(label)]) + label.encode() for label in zone.split(".")) + b"\0"
    return struct.pack("!6H", 1, 0, 1, 0, 0, 0) + name + struct.pack("!2H", AXFR, IN)


def name_at(message: bytes, place: int) -> tuple[str, int]:
    """A name, and where it ends."""
    labels = []
    while message[place]:
        if message[place] >= 0xC0:  # the rest is elsewhere
            rest = struct.unpack_from("!H", message, place)[0] & 0x3FFF
            return ".".join([*labels, name_at(message, rest)[0]]), place + 2
        labels.append(message[place + 1 : place + 1 + message[place]].decode())
        place += 1 + message[place]
    return ".".join(labels), place + 1


def records(message: bytes) -> tuple[int, list[list[object]]]:
    """The code of an answer, 0 for success, and its records: name, type, seconds to keep it, value."""
    _number, flags, questions, answers, _authorities, _others = struct.unpack_from("!6H", message)
    place, found = 12, []
    for _question in range(questions):
        place = name_at(message, place)[1] + 4
    for _answer in range(answers):
        name, place = name_at(message, place)
        sort, _class, ttl, length = struct.unpack_from("!2HIH", message, place)
        data, start = message[place + 10 : place + 10 + length], place + 10
        place = start + length
        kind = TYPES.get(sort, str(sort))
        if kind in ("A", "AAAA"):
            value = str(ipaddress.ip_address(data))
        elif kind == "TXT":
            value = data[1:].decode()
        else:
            value = name_at(message, start)[0] if kind in ("NS", "SOA", "PTR") else data.hex()
        found.append([name, kind, ttl, value])
    return flags & 0xF, found


def transfer(host: str, port: int, zone: str) -> tuple[int, list[list[object]]]:
    """All records of a zone. It begins and ends with the SOA, and can come in several messages."""
    found: list[list[object]] = []
    with socket.create_connection((host, port), timeout=10) as server, server.makefile("rb") as stream:
        asked = question(zone)
        server.sendall(struct.pack("!H", len(asked)) + asked)
        while sum(record[1] == "SOA" for record in found) < 2:
            head = stream.read(2)
            if len(head) < 2:
                break
            code, more = records(stream.read(struct.unpack("!H", head)[0]))
            if code:
                return code, []
            found += more
    return 0, found


if __name__ == "__main__":
    print(json.dumps(transfer(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
