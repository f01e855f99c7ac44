# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exceptions count until their date and for what they name, and nothing about them is silent. Remedies in one play."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit import end_of_life
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.enforced import enforced
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.exceptions import applied, declared
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.remedies import merged, task
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.subjects import subjects
from ansible_collections.cloudhost.lxd.tests.unit.audited import TODAY, around, audit, instance, listings, server

WEAK = {"security.nesting": "true", "raw.lxc": "x"}
FOUND = listings(instances=[instance(WEAK, name=name) for name in ("ci-1", "ci-2", "web")])


def entry(**given):
    return {"rule": "instance-nesting", "project": None, "name": None, "item": None, "reason": "R", **given}


def covered(*entries):
    outcome = applied(declared(entries), audit(FOUND), TODAY)
    names = [finding.subject.name for finding, exception in outcome.findings if exception]
    return names, [(one["state"], one["findings"]) for one in outcome.exceptions]


@pytest.mark.parametrize(
    ("given", "names", "state"),
    [
        ({}, ["ci-1", "ci-2", "web"], ("active", 3)),
        ({"name": "ci-*"}, ["ci-1", "ci-2"], ("active", 2)),
        ({"name": "ci-*", "project": "default", "item": "security.nesting"}, ["ci-1", "ci-2"], ("active", 2)),
        ({"name": "ci"}, [], ("unused", 0)),
        ({"project": "shop"}, [], ("unused", 0)),
        ({"item": "raw.lxc"}, [], ("unused", 0)),
        ({"rule": "instance-privileged"}, [], ("unused", 0)),
        ({"until": "2026-11-27"}, [], ("expired", 3)),
        ({"until": "2026-11-27", "name": "gone"}, [], ("unused", 0)),
        ({"until": "2026-11-28"}, ["ci-1", "ci-2", "web"], ("active", 3)),
    ],
)
def test_what_an_exception_covers(given, names, state):
    assert covered(entry(**{"until": "2026-12-31", **given})) == (names, [state])


def test_an_expired_exception_does_not_hide_one_that_counts():
    assert covered(entry(until="2020-01-01"), entry(until="2030-01-01", name="web")) == (
        ["web"],
        [("expired", 3), ("active", 1)],
    )


def test_all_that_is_wrong_is_told_before_anything_is_read():
    wrong = [
        entry(rule="instance-nestin", until="2026-12-31"),
        entry(reason=" ", until="soon"),
        entry(until="2026-12-31"),
    ]
    with pytest.raises(InvalidInput) as caught:
        declared(wrong)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("exceptions, entry 1: rule: there is no rule 'instance-nestin'.")
    assert "instance-nesting" in lines[0]
    assert lines[1:] == [
        "exceptions, entry 2: reason: it is empty. Say why the finding is accepted.",
        "exceptions, entry 2: until: 'soon' is no date. Write the last day on which it counts, as in 2027-01-31.",
    ]


def test_remedies_are_one_task_for_each_object_in_an_order_that_works():
    tasks = [
        task("project", name="shop", config={"restricted": "true"}),
        task("instance", name="web", project="shop", state="present", config={"a": "1"}, devices={"x": None}),
        task("instance", name="web", project="shop", state="restarted"),
        task("instance", name="web", project="shop", state="present", config={"b": None}),
        task("instance", name="web", project="default", state="present", config={"b": "2"}),
        task("certificate", fingerprint="ab", restricted=True, projects=[]),
        task("certificate", fingerprint="ab", state="absent"),
        task("profile", name="weak", project="shop", config={"a": "1"}),
        {"name": "Upgrade", "ansible.builtin.include_role": {"name": "cloudhost.lxd.install"}},
        {"name": "Upgrade", "ansible.builtin.include_role": {"name": "cloudhost.lxd.install"}},
    ]
    before = repr(tasks)
    assert [
        next((key.rpartition(".")[2], value) for key, value in one.items() if key != "name") for one in merged(tasks)
    ] == [
        ("profile", {"name": "weak", "project": "shop", "config": {"a": "1"}}),
        (
            "instance",
            {
                "name": "web",
                "project": "shop",
                "state": "restarted",
                "config": {"a": "1", "b": None},
                "devices": {"x": None},
            },
        ),
        ("instance", {"name": "web", "project": "default", "state": "present", "config": {"b": "2"}}),
        ("certificate", {"fingerprint": "ab", "state": "absent"}),
        ("project", {"name": "shop", "config": {"restricted": "true"}}),
        ("include_role", {"name": "cloudhost.lxd.install"}),
    ]
    assert repr(tasks) == before, "the tasks of findings are changed"


def test_what_one_remedy_unsets_stays_unset():
    both = [task("instance", name="a", config={"x": None}), task("instance", name="a", config={"x": "1"})]
    for order in (both, both[::-1]):
        (one,) = merged(order)
        assert one["cloudhost.lxd.instance"]["config"] == {"x": None}


@pytest.mark.parametrize("name", ["{{ x }}", "a b", "`"])
def test_odd_names_are_in_no_name_of_a_task(name):
    assert task("project", name=name)["name"] == "Harden project"
    assert task("instance", name="web", project=name)["name"] == "Harden instance web"


def test_corrections_of_the_end_of_versions():
    dates = end_of_life.with_corrections({"lxd": {"5.0": "2026-01-01", "4": None}, "own": {"1": "2020-01-01"}})
    end = end_of_life.end_of
    assert end("lxd", "5.0.2", dates) == datetime.date(2026, 1, 1)
    assert end("lxd", "4.0", dates) is None
    assert end("Own System", "1.5", dates) == datetime.date(2020, 1, 1)
    assert end("lxd", "5.0.2", end_of_life.with_corrections({})) == datetime.date(2027, 6, 30)
    assert end("", "", dates) is None
    for versions in end_of_life.TABLE.values():
        assert all(datetime.date.fromisoformat(date) for date in versions.values())


def test_facts():
    kept = {"raw.apparmor": "x", "security.privileged": "true"}
    devices = {"etc": {"type": "disk", "source": "/etc"}, "usb": {"type": "usb"}}
    lacking = [{"type": "Couldn't find the CGroup memory controller", "status": "new", "location": "none"}]
    listed = listings(
        servers=[server(lxc_features={"seccomp_allow_deny_syntax": "true"})],
        instances=[instance(kept, devices), instance(type="virtual-machine", config={"limits.cpu": "1"}, name="vm")],
        warnings=lacking,
    )
    member, project, container, machine = (one["enforced"] for one in enforced(subjects(listed), around(listed)))
    assert (member["apparmor"], member["seccomp"], member["cgroup_memory"], member["cgroup_pids"]) == (
        *(True, True, False, True),
    )
    assert project == {"restricted": False, "limits": {}, "allowed": []}
    assert container == {
        "type": "container",
        "unprivileged": False,
        "idmap": "none",
        "nesting": False,
        "seccomp": "server",
        "apparmor": "own",
        "limits": {"cpu": "1", "memory": "not enforced", "processes": "500"},
        "host_paths": ["/etc"],
        "host_devices": ["usb"],
        "raw": ["raw.apparmor"],
    }
    assert (machine["type"], machine["secureboot"]) == ("virtual-machine", True)
    listed.unread.append("warnings")
    facts = [one["enforced"].get("apparmor") for one in enforced(subjects(listed), around(listed))]
    assert facts == ["unknown", None, "unknown", "unknown"]
