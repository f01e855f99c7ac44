# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan shows to people: what is created, what changes, what is lost, and never two sides that look the same."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, SHOP, run

USER_DATA = "#cloud-config\npackages:\n  - nginx\n  - curl\nruncmd:\n  - [true]\n"
WEB = {
    "name": "web9",
    "source": EMPTY,
    "state": "stopped",
    "profiles": [],
    "config": {"limits.memory": "1GiB", "cloud-init.user-data": USER_DATA},
    "devices": {"root": ROOT, "logs": {"type": "disk", "source": "/srv/logs", "path": "/logs"}},
}


def planned(world, *instances, **wish):
    return run(world, {**SHOP, "instances": [*SHOP["instances"], *instances]}, check=True, **wish)


def test_a_new_resource_is_shown_with_its_content(world):
    run(world, SHOP)
    done = planned(world, WEB)
    assert done["report_lines"] == [
        "+ instance web9",
        '+     state: "stopped"',
        '+     source.type: "none"',
        '+     type: "container"',
        '+     config.limits.memory: "1GiB"',
        "+     config.cloud-init.user-data:",
        *(f"+       {line}" for line in USER_DATA.splitlines()),
        '+     devices.root: {"type": "disk", "path": "/", "pool": "fast"}',
        '+     devices.logs: {"type": "disk", "source": "/srv/logs", "path": "/logs"}',
        "      devices.logs.source: /srv/logs has to exist on the server, which no plan can check",
    ]
    text = done["plan_text"]
    assert "  + instance web9\n" in text and "      devices.logs: {" in text and "user.cloudhost" not in text


def test_text_that_changes_is_shown_by_its_lines(world):
    run(world, {**SHOP, "instances": [*SHOP["instances"], WEB]})
    edited = {**WEB, "config": {**WEB["config"], "cloud-init.user-data": USER_DATA.replace("curl", "wget")}}
    assert planned(world, edited)["report_lines"] == [
        "! instance web9",
        "!     config.cloud-init.user-data:",
        "          - nginx",
        "-         - curl",
        "+         - wget",
        "        runcmd:",
    ]


def test_a_path_of_the_host_is_named_once(world):
    """Where it is new, and if an instance does not start without it."""
    optional = {"type": "disk", "source": "/srv/a", "path": "/a", "required": "false"}
    web = {**WEB, "devices": {**WEB["devices"], "a": optional}}
    done = planned(world, web)
    assert [line for line in done["report_lines"] if "has to exist" in line] == [
        "      devices.logs.source: /srv/logs has to exist on the server, which no plan can check"
    ]
    run(world, {**SHOP, "instances": [*SHOP["instances"], web]})
    assert not any("has to exist" in line for line in planned(world, {**web, "description": "x"})["report_lines"])


def test_a_change_of_a_profile_names_the_instances_that_use_it(world):
    more = [{"name": f"more{number:02}", "source": EMPTY, "profiles": ["web"]} for number in range(12)]
    shop = {**SHOP, "instances": [*SHOP["instances"], *more]}
    run(world, shop)

    def report(**options):
        web = {**SHOP["profiles"][0], **options}
        return run(world, {**shop, "profiles": [web, SHOP["profiles"][1]]}, check=True)

    changed = report(config={"limits.cpu": "1", "raw.lxc": "lxc.x = 1"})
    listed = ", ".join(f"more{number:02}" for number in range(10))
    assert f"      it is used by instances {listed} and 4 more" in changed["report_lines"]
    assert changed["warnings"] == ["profile 'web': raw.lxc takes effect when instances that use it start."]
    pool = {**SHOP["storage_pools"][0], "config": {"rsync.compression": "false"}}
    world.find("/1.0/storage-pools/fast")["used_by"] = ["/1.0/profiles/web"]
    grown = run(world, {**shop, "storage_pools": [pool]}, check=True)["report_lines"]
    assert any("storage_pool fast" in line for line in grown) and not any("used by" in line for line in grown)
    idle = report(description="Web servers", config={"user.note": "x"})
    assert idle["plan"] and not any("used by" in line for line in idle["report_lines"])


def test_long_values_are_cut_where_they_differ(world):
    old, new = "a" * 150 + "b" + "c" * 150, "a" * 150 + "d" + "c" * 150
    run(world, {**SHOP, "instances": [*SHOP["instances"], {**WEB, "description": old}]})
    first, second = planned(world, {**WEB, "description": new})["report_lines"][1:]
    assert first != second and "ab" in first and "ad" in second
    assert all(len(line) < 130 for line in (first, second))


def test_a_deletion_says_what_is_lost(world):
    run(world, SHOP)
    without = {**SHOP, "instances": SHOP["instances"][1:], "instance_snapshots": []}
    lines = run(world, without, check=True, prune=True, force=True)["report_lines"]
    assert lines == ["- instance web1", "-     it is running, and its root file system is lost"]


def test_a_replacement_says_what_is_lost(world):
    world.server["environment"]["storage_supported_drivers"] = [{"Name": "dir"}, {"Name": "btrfs"}]
    pool = {"name": "big", "driver": "dir"}
    run(world, {"storage_pools": [pool]})
    lines = run(world, {"storage_pools": [{**pool, "driver": "btrfs", "recreate": True}]}, check=True)["report_lines"]
    assert lines[:3] == ["! storage_pool big", '-     driver: "dir"', '+     driver: "btrfs"']
    assert "-     it is deleted and re-created: its data is lost" in lines
    assert any("what the server keeps in it is lost (dir" in line for line in lines)


def test_an_interruption_is_announced(world):
    web = {**WEB, "state": "started"}
    run(world, {**SHOP, "instances": [*SHOP["instances"], web]})
    config = {**WEB["config"], "security.privileged": True}
    later = planned(world, {**web, "config": config})
    assert any("warning: " in line and "next start" in line for line in later["report_lines"]), later["report_lines"]
    now = planned(world, {**web, "config": config, "restart": "if_required"})
    assert any("it is interrupted: " in line for line in now["report_lines"]), now["report_lines"]


@pytest.mark.parametrize("secret", ["user.password", "user.api_token"])
def test_secrets_of_new_resources_are_hidden(world, secret):
    run(world, SHOP)
    done = planned(world, {**WEB, "config": {secret: "hunter22"}})
    assert "hunter22" not in str(done) and any(secret in line for line in done["report_lines"])


def test_what_somebody_wrote_stays_within_its_line(world):
    run(world, SHOP)
    done = planned(world, {**WEB, "description": "a\u2028+ project x", "config": {"user.a": "b\n```\n# All is well"}})
    assert all(line[0] in "+-! " and "\u2028" not in line and "\n" not in line for line in done["report_lines"])
    assert not any(line.startswith(("```", "#")) for line in done["report_lines"])


def test_the_counts_are_those_of_the_summary(world):
    done = run(world, SHOP)
    words = ", ".join(
        f"{number} {'' if what == 'unchanged' else 'to '}{what}"
        for what, number in done["counts"].items()
        if what != "unmanaged"  # which only an exact stack has
    )
    assert words == done["summary"]
