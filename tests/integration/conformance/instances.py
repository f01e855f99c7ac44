# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of instances, their snapshots, and profiles."""

from __future__ import annotations

from .entry import EMPTY, Entry

NIC = {"type": "nic", "network": "lxdbr0"}

ENTRIES = {
    "instance": Entry(
        key={"name": "suite", "state": "present"},
        new={"source": {"type": "none"}, "config": {"user.a": "b"}},
        changes={
            "description": "of the suite",
            "ephemeral": True,
            "profiles": ["default", "suite"],
            "config": {"limits.cpu": 1, "limits.memory": "256MiB"},
            "devices": {"eth1": {"type": "nic", "nictype": "p2p"}},
        },
        unset={"profiles": ["default"]},
        bad={
            "name": ("under_score", ("name", "'under_score'", "dashes")),
            "profiles": (["defaultt"], ("profiles", "'defaultt'", "Did you mean 'default'?")),
            "config": ({"limits.memory": "lots"}, ("config.limits.memory", "'lots'", "10GiB")),
            "devices": ({"eth1": {"type": "nic", "network": "lxdbr1"}}, ("devices.eth1.network", "'lxdbr1'")),
            "type": ("virtual-machine", ("type",)),
        },
        needs=(("profile", {"name": "suite"}),),
        renamed="suite9",
        fixed={"type": "virtual-machine"},
        anew=None,
    ),
    "instance_snapshot": Entry(
        key={"instance": "suite", "name": "s1"},
        changes={"expires_at": "2031-01-01T00:00:00Z"},
        bad={"name": ("a/b", ("name", "'a/b'", "no slash"))},
        needs=(("instance", {"name": "suite", **EMPTY}),),
        renamed="s2",
        fixed={"stateful": True},
        theirs={"expires_at": "2032-01-01T00:00:00Z"},
    ),
    "profile": Entry(
        key={"name": "suite"},
        new={"config": {"security.nesting": True}},
        changes={"description": "of the suite", "config": {"limits.memory": "1GiB"}, "devices": {"eth0": NIC}},
        bad={
            "name": ("a/b", ("name", "'a/b'", "no slash")),
            "config": ({"limits.memory": "lots"}, ("config.limits.memory", "'lots'", "10GiB")),
            "devices": ({"eth0": {"type": "nic", "network": "lxdbr1"}}, ("devices.eth0.network", "'lxdbr1'")),
        },
        renamed="suite9",
        users=(("instance", {"name": "user", "profiles": ["default", "suite"], **EMPTY}),),
    ),
}
