# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of networks."""

from __future__ import annotations

from .entry import Entry

SILENT = {"ipv4.address": "none", "ipv6.address": "none"}

ENTRIES = {
    "network": Entry(
        key={"name": "suite"},
        new={"config": SILENT},
        changes={"description": "of the suite", "config": {"ipv4.dhcp": False}},
        bad={
            "name": ("a-name-that-is-too-long", ("name", "2 to 15")),
            "type": ("brdge", ("type", "'brdge'", "Did you mean 'bridge'?")),
            "config": ({"ipv4.nat": "maybe"}, ("config.ipv4.nat", "'maybe'", "a boolean")),
            "members": ({"nobody": {"parent": "eth0"}}, ("members", "not clustered")),
        },
        renamed="suite9",
        fixed={"type": "macvlan"},
        anew={"type": "macvlan", "config": {"parent": "lo", **dict.fromkeys(SILENT)}},
        users=(("profile", {"name": "user", "devices": {"eth0": {"type": "nic", "network": "suite"}}}),),
    ),
}
