# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove chassis of hosts that are no more from the databases of OVN, which have servers on this host. Print the names
of these chassis as JSON.

Usage: forget.py do|check KEPT HOST...    KEPT are the names of chassis that stay, with commas in between; a HOST is
the name of a host, with or without its domain, or that of its chassis
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing

NORTHBOUND, SOUTHBOUND = "ovn-nbctl", "ovn-sbctl"


def said(*command: str) -> str:
    client, *rest = command
    options = ("--timeout=60", "--no-leader-only")
    return subprocess.run((client, *options, *rest), stdout=subprocess.PIPE, text=True, check=True).stdout


def rows(client: str, table: str, *columns: str) -> list[list[typing.Any]]:
    found = json.loads(said(client, "--format=json", f"--columns={','.join(columns)}", "list", table))
    places = [found["headings"].index(column) for column in columns]
    return [[row[place] for place in places] for row in found["data"]]


def identifiers(value: list[typing.Any]) -> list[str]:
    """Of a column that refers to other rows: one reference, or a set of them."""
    kind, content = value
    return [content] if kind == "uuid" else [identifier for _kind, identifier in content]


def lost(kept: set[str], hosts: set[str]) -> list[str]:
    found = rows(SOUTHBOUND, "Chassis", "name", "hostname")
    return sorted(
        name for name, host in found if name not in kept and hosts & {name, host, str(host).partition(".")[0]}
    )


def main() -> None:
    mode, kept, *hosts = sys.argv[1:]
    names = lost(set(kept.split(",")), set(hosts))
    if mode == "do":
        chassis = {identifiers(row)[0]: name for row, name in rows(NORTHBOUND, "HA_Chassis", "_uuid", "chassis_name")}
        for group, members in rows(NORTHBOUND, "HA_Chassis_Group", "name", "ha_chassis"):
            for name in sorted({chassis.get(member, "") for member in identifiers(members)} & set(names)):
                said(NORTHBOUND, "ha-chassis-group-remove-chassis", group, name)
        for name in names:
            said(SOUTHBOUND, "chassis-del", name)
    json.dump(names, sys.stdout)


if __name__ == "__main__":
    main()
