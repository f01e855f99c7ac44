# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`exact` on real daemons: what they fill in themselves is no difference, and what people write by hand is found."""

from __future__ import annotations

from typing import Any

import pytest

ROOT = {"type": "disk", "path": "/", "pool": "default"}
NIC = {"type": "nic", "network": "exactbr0"}
EMPTY = {"source": {"type": "none"}, "state": "stopped"}
#: With every value that a daemon completes or adds: sources and sizes of pools, addresses, features, profiles, images.
DOCUMENT: dict[str, Any] = {
    "storage_pools": [{"name": "exact", "driver": "btrfs"}, {"name": "exact-dir", "driver": "dir"}],
    "networks": [{"name": "exactbr0", "config": {"ipv6.address": "none"}}],
    "projects": [{"name": "exact", "config": {"features.images": False}}, {"name": "default", "exact": False}],
    "profiles": [
        {"name": "exact", "config": {"limits.memory": "64MiB"}, "devices": {"root": ROOT, "eth0": NIC}},
        {"name": "default", "project": "exact", "devices": {"root": ROOT}},
    ],
    "images": [{"name": "busybox"}],
    "instances": [
        {"name": "exact1", "image": "busybox", "profiles": ["exact"], "wait_for": ["ipv4"]},
        {"name": "exact2", "image": "debian/12", "pool": "exact", "state": "stopped"},
        {
            "name": "exact3",
            "profiles": ["exact"],
            "devices": {"eth0": {"limits.ingress": "2Mbit"}, "root": {"size": "1GiB"}},
            **EMPTY,
        },
        {"name": "exact4", "project": "exact", **EMPTY},
    ],
    "instance_snapshots": [{"instance": "exact2", "name": "first"}],
}
#: What the plan shows of that.
FOUND = [
    "! project exact",
    '-     config.limits.instances: "5"',
    "! network exactbr0",
    '-     config.dns.domain: "by.hand"',
    "      it is used by instances exact1, exact3 and profile exact",
    "! profile default (project exact)",
    '-     config.limits.cpu: "1"',
    "      it is used by instances exact4, stray",
    "! instance exact1",
    '-     config.limits.memory: "1GiB"',
    '-     devices.eth0.limits.ingress: "10Mbit"',
    '-     devices.eth0.network: "exactbr0"',
    '-     devices.eth0.type: "nic"',
    "      warning: instance 'exact1': config.user.token: exact keeps secrets that no document has, because what is "
    "unset is lost. Write them, or null to unset them.",
    "! instance exact3",
    '-     devices.eth0.limits.egress: "1Mbit"',
    "! instance exact4 (project exact)",
    '-     profiles: ["default", "stray"]',
    '+     profiles: ["default"]',
    "? instance stray (project exact)",
    "      it is there, no document has it, and no stack manages it",
    "? profile stray (project exact)",
    "      it is there, no document has it, and no stack manages it",
]


def run(api, check: bool = False, **options: Any) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    given = {"name": "exact", "definition": DOCUMENT, "exact": True, **options}
    return api.run("stack", check=check, **given)


def write_by_hand(daemon) -> None:  # type: ignore[no-untyped-def]
    """Over the values of profiles, and where no document has anything."""
    daemon.cli("config", "set", "exact1", "limits.memory", "1GiB")
    daemon.cli("config", "set", "exact1", "user.token", "s3cr3t")
    daemon.cli("config", "device", "override", "exact1", "eth0", "limits.ingress=10Mbit")
    daemon.cli("config", "device", "set", "exact3", "eth0", "limits.egress=1Mbit")
    daemon.cli("profile", "create", "stray", "--project", "exact")
    daemon.cli("profile", "add", "exact4", "stray", "--project", "exact")
    daemon.cli("network", "set", "exactbr0", "dns.domain", "by.hand")
    daemon.cli("profile", "set", "default", "limits.cpu", "1", "--project", "exact")
    daemon.cli("project", "set", "exact", "limits.instances", "5")
    daemon.cli("init", "stray", "--empty", "--project", "exact")
    daemon.cli("init", "elsewhere", "--empty")


def test_what_somebody_does_by_hand_is_found_and_taken_back(api) -> None:
    assert run(api)["changed"] is True
    for options in ({}, {"prune": True}):
        again = run(api, check=True, **options)
        assert (again["changed"], again["unmanaged"]) == (False, []), again["plan_text"]
    assert again.get("warnings", []) == []

    write_by_hand(api.daemon)
    assert run(api, check=True, exact=False)["changed"] is False
    found = run(api, check=True)
    assert found["report_lines"] == FOUND
    assert found["unmanaged"] == [
        {"kind": kind, "name": "stray", "project": "exact"} for kind in ("instance", "profile")
    ]
    assert len(found["warnings"]) == 1  # of the secret
    done = run(api)
    assert done["report_lines"] == found["report_lines"]
    web = api.query("/1.0/instances/exact1")
    assert (web["expanded_config"]["limits.memory"], web["devices"]) == ("64MiB", {})
    assert web["config"]["user.token"] == "s3cr3t" and "volatile.base_image" in web["config"]
    again = run(api)
    assert (again["changed"], len(again["unmanaged"])) == (False, 2)


def test_a_root_disk_that_instances_rely_on(api) -> None:
    """The plan of a profile that loses it is refused, as the server refuses the change."""
    empty = {"name": "exact-root", "profiles": ["exact-root"], **EMPTY}
    api.run("profile", name="exact-root", devices={"root": ROOT})
    api.run("instance", **empty)
    bare = {"profiles": [{"name": "exact-root", "exact": True}]}
    words = api.fails("stack", name="exact", definition=bare, adopt=True)
    assert "devices.root: it is the root disk of instance exact-root, so it cannot be removed" in words
    assert "exact: true removes what an entry does not write" in words
    words = api.fails("profile", name="exact-root", devices={"root": None})
    assert "it is the root disk of instance exact-root" in words
    with pytest.raises(RuntimeError, match="relies on this profile's root disk"):
        api.daemon.cli("profile", "device", "remove", "exact-root", "root")
    api.run("profile", name="exact-last", devices={"root": ROOT})
    api.run("instance", **{**empty, "profiles": ["exact-root", "exact-last"]})
    api.converges("profile", name="exact-root", devices={"root": None})


def test_a_root_disk_that_was_moved_by_hand_is_reported_and_stays(api) -> None:
    definition = {"instances": [{"name": "exact5", "profiles": ["default"], **EMPTY}]}
    api.run("storage_pool", name="exact-moved", driver="dir")
    run(api, definition=definition)
    api.daemon.cli("move", "exact5", "--storage", "exact-moved")
    done = run(api, definition=definition)
    assert done["changed"] is False
    assert "its root disk is in the storage pool 'exact-moved', and those of its profiles in 'default'" in str(
        done.get("warnings")
    )
    definition["instances"][0]["pool"] = "default"
    assert run(api, definition=definition)["changed"] is True
    again = run(api, definition=definition)
    assert (again["changed"], again.get("warnings", [])) == (False, [])
