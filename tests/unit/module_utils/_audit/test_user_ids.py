# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Isolated containers that have user IDs of each other, and limits that the host does not enforce."""

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.enforced import enforced
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.subjects import subjects
from audited import around, audit, instance, listings

RULE = "instance-idmap-overlap"


def isolated(name, base, **fields):
    config = {"volatile.idmap.base": str(base), **fields.pop("config", {})}
    return instance(config, name=name, **fields)


def found(*instances, rule=RULE, **more):
    hits = [one for one in audit(listings(instances=list(instances), **more)) if one.rule.id == rule]
    return {(one.subject.project, one.subject.name): one.hit for one in hits}


def base_of(hit):
    ((options,),) = ([value for key, value in task.items() if key != "name"] for task in hit.tasks)
    return options["config"]["security.idmap.base"]


def test_each_with_its_own():
    assert not found(isolated("a", 165536), isolated("b", 231072), isolated("c", 296608))


def test_one_keeps_its_ids_and_the_others_get_free_ones():
    hits = found(isolated("a", 165536), isolated("b", 165536), isolated("c", 300000), isolated("d", 200000))
    assert {name for _project, name in hits} == {"a", "b", "d"}
    assert hits["default", "a"].tasks == ()
    assert "165536" in hits["default", "a"].text and "b of the project default, and 1 more" in hits["default", "a"].text
    assert (base_of(hits["default", "b"]), base_of(hits["default", "d"])) == ("365536", "431072")


def test_one_of_the_same_name_in_another_project():
    """LXD does not count it when it looks for free IDs."""
    hits = found(isolated("a", 165536), isolated("a", 165536, project="blue"), projects=projects("default", "blue"))
    assert set(hits) == {("default", "a"), ("blue", "a")}


def test_another_size_counts():
    wide = {"security.idmap.size": "100000"}
    assert len(found(isolated("a", 165536, config=wide), isolated("b", 231072))) == 2
    assert len(found(isolated("a", 165536, config={"security.idmap.size": "1000"}), isolated("b", 166536))) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"location": "node2"},
        {"type": "virtual-machine"},
        {"config": {"security.privileged": "true"}},
        {"config": {"security.idmap.isolated": "false"}},
    ],
)
def test_what_has_no_ids_in_common(other):
    assert not found(isolated("a", 165536), isolated("b", 165536, **other))


def projects(*names):
    return [{"name": name, "config": {}, "used_by": []} for name in names]


@pytest.mark.parametrize(
    "controller, config, devices, item",
    [
        ("hugetlb controller", {"limits.hugepages.2MB": "4MiB"}, {}, "limits.hugepages.2MB"),
        ("network priority controller", {"limits.network.priority": "5"}, {}, "limits.network.priority"),
        ("blkio.weight", {"limits.disk.priority": "5"}, {}, "limits.disk.priority"),
        ("memory swap accounting", {"limits.memory.swap": "false"}, {}, "limits.memory.swap"),
        ("blkio", {}, {"root": {"type": "disk", "path": "/", "pool": "p", "limits.write": "1MiB"}}, "root"),
    ],
)
def test_limits_that_the_host_does_not_enforce(controller, config, devices, item):
    warnings = [{"type": f"Couldn't find the CGroup {controller}", "status": "new", "location": "none"}]
    rule = "instance-limit-not-enforced"
    (hit,) = found(instance(config, devices), rule=rule, warnings=warnings).values()
    assert hit.item == item and hit.tasks == ()
    assert not found(instance(config, devices), rule=rule)
    assert not found(instance(), rule=rule, warnings=warnings)
    assert not found(rule="member-limits-not-enforced", warnings=warnings)


@pytest.mark.parametrize(
    "raw, facts",
    [
        ("lxc.apparmor.profile = unconfined", ("off", "server")),
        ("lxc.environment=A=1\nlxc.apparmor.profile=own-profile", ("own", "server")),
        ("lxc.apparmor.profile=unconfined\nlxc.apparmor.profile=own", ("own", "server")),
        ("lxc.seccomp.profile=/dev/null", ("server", "own")),
        ("lxc.environment=lxc.apparmor.profile=unconfined", ("server", "server")),
    ],
)
def test_protection_that_raw_lxc_turns_off(raw, facts):
    listed = listings(instances=[instance({"raw.lxc": raw})])
    (told,) = (one["enforced"] for one in enforced(subjects(listed), around(listed)) if one["kind"] == "instance")
    assert (told["apparmor"], told["seccomp"]) == facts
