# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of a document, reported at once and with their places, before any change; and documents without errors."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.arguments import checked
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import validate
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, ROOT, refused, run


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"instnaces": []}, "instnaces: there is no such section. Did you mean 'instances'?"),
        ({"storage_volumes": [{"name": "v"}]}, "storage_volumes[0]: pool: it is missing"),
        ({"cluster_members": []}, "use the module cloudhost.lxd.cluster_member"),
        ({"cluster": {"enabled": True}}, "use the role cloudhost.lxd.cluster"),
        (
            {"instances": {"name": "x"}},
            "instances: a list of instance entries is needed, each with '- name: …', not a dict",
        ),
        (
            {"instances": ["web1"]},
            "instances[0]: a dictionary with the options of the module instance is needed, not 'web1'",
        ),
        (
            {"profiles": [{"name": "a", "confg": {}}]},
            "profiles[0] 'a': confg: there is no such key. Did you mean 'config'?",
        ),
        ({"profiles": [{"config": {}}]}, "profiles[0]: name: it is missing"),
        ({"profiles": [{"name": ["a"]}]}, "name: a single value is needed, not a list"),
        (
            {"profiles": [{"name": "a", "purge_config": "perhaps"}]},
            "purge_config: true or false is needed, not 'perhaps'",
        ),
        ({"profiles": [{"name": "a", "config": "x"}]}, "config: a dictionary is needed, not 'x'"),
        (
            {"profiles": [{"name": "a", "config": {"limits.memory": "lots"}}]},
            "profiles[0] 'a': config.limits.memory: 'lots' is not a size",
        ),
        ({"profiles": [{"name": "a", "config": {MARK: "x"}}]}, f"'{MARK}' is written by the stack itself"),
        ({"profiles": [{"name": "a", "state": "absent"}]}, "state: 'absent' is none of present"),
        ({"profiles": [{"name": "a", "new_name": "b"}]}, "new_name: there is no such key"),
        ({"profiles": [{"name": "a/b"}]}, "name: 'a/b' is not a valid name for a profile"),
        (
            {"profiles": [{"name": "a"}, {"name": "a"}]},
            "profiles[1] 'a': profile a is claimed twice, here and by profiles[0] 'a'",
        ),
        ({"profiles": [{"name": "a", "project": "nope"}]}, "project: there is no 'nope'"),
        ({"profiles": [{"name": "a", "depends_on": ["profile/b"]}]}, "depends_on: no document has 'profile/b'"),
        ({"profiles": [{"name": "a", "depends_on": ["profile/a"]}]}, "cannot be ordered: profile a -> profile a"),
        (
            {"profiles": [{"name": "a", "devices": {"r": {"type": "disk", "pool": "nope"}}}]},
            "devices.r.pool: there is no 'nope'",
        ),
        ({"instances": [{"name": "x", "image": "nope"}]}, "image: there is no image 'nope'"),
        (
            {"instances": [{"name": "x", "source": {"type": "none"}, "state": "restarted"}]},
            "state: 'restarted' is none of started",
        ),
        (
            {"instances": [{"name": "x", "image": "a", "source": {"type": "none"}}]},
            "image, source: only one of them can be given",
        ),
        (
            {"instances": [{"name": "x", "source": {"type": "none"}, "wait_for": ["ipv5"]}]},
            "wait_for[0]: 'ipv5' is none of",
        ),
        (
            {"instance_snapshots": [{"instance": "x", "name": "s"}]},
            "instance_snapshots[0] 'x/s': instance: there is no 'x'",
        ),
        ({"images": [{"name": "x", "rootfs": "/x"}]}, "rootfs: it needs file too"),
        (["x"], "a document is a dictionary of sections such as 'instances:', not a list"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_changed(world, definition, words):
    assert words in refused(world, definition)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.stackable and kind.named], ids=lambda kind: kind.kind
)
def test_an_entry_of_any_kind_with_an_unknown_option(world, kind):
    """A placeholder stands for it, whatever its requests need of the options."""
    named = dict.fromkeys((*kind.parents(), kind.named_by), "one")
    words = refused(world, {kind.plural(): [{**named, "no_such_option": 1}]})
    assert "no_such_option: there is no such key" in words


def test_all_that_is_wrong_is_said_at_once_with_its_line(world):
    one = Document(
        "a.yml",
        {"profiles": [{"name": "a", "confg": 1}, {"name": "b"}]},
        {"profiles/0": 2, "profiles/0/confg": 3, "profiles/1": 4},
    )
    two = Document(
        "b.yml", {"profiles": [{"name": "b", "config": {"size": "x"}}]}, {"profiles/0": 2, "profiles/0/config": 7}
    )
    assert refused(world, documents=[two, one]).splitlines() == [
        "3 errors, and nothing was changed:",
        "- a.yml:3: profiles[0] 'a': confg: there is no such key. Did you mean 'config'?",
        "- a.yml:4: profiles[1] 'b': profile b is claimed twice, here and by b.yml:2: profiles[0] 'b'.",
        "- b.yml:7: profiles[0] 'b': config.size: 'x' is not a size; write a whole number and a unit (B, kB, MB, GB, "
        "TB, KiB, MiB, GiB, TiB), as in 10GiB.",
    ]


def test_all_that_is_wrong_in_one_entry_is_said_at_once(world):
    """Types of options, values of keys and devices, and what an option inside another does not take."""
    one = {
        "name": "a",
        "state": "gone",
        "wait_for": ["ipv4", "ip", {}],
        "config": {"limits.memory": "lots", "limits.cpu": [1]},
        "devices": {"root": "text", "eth0": {"type": "nic", "network": {}}},
        "ephemeral": "maybe",
    }
    for found in (refused(world, {"instances": [one]}), invalid({"instances": [one]})):
        options = [line.split(": ")[1] for line in found.splitlines()[1:]]
        assert sorted(options) == [
            "config.limits.cpu", "config.limits.memory", "devices.eth0.network", "devices.root", "ephemeral", "state",
            "wait_for[1]", "wait_for[2]",
        ], found  # fmt: skip


def test_choices_are_listed_once(world):
    words = refused(world, {"instances": [{"name": "a", "state": "zzz"}, {"name": "b", "state": "startd"}]})
    assert words.count("Known:") == 0 and words.count("'zzz' is none of started, stopped, frozen, present") == 1
    assert words.count("Did you mean 'started'?") == 1


def invalid(definition):
    """What a check without a server says."""
    with pytest.raises(InvalidInput) as caught:
        validate(KINDS, [Document("", definition, {})])
    return str(caught.value)


def test_the_line_is_that_of_the_key_or_property(world):
    nic = {"type": "nic", "network": "nope", "hwaddr": {"a": 1}}
    content = {
        "config": {"user.x": "1", "core.x": {}},
        "profiles": [{"name": "a", "config": {"limits.x": []}}, {"name": "b", "devices": {"e.th/0": nic}}],
        "instances": [{"name": "x", "wait_for": ["ipv4", "ip"]}],
    }
    lines = {
        "config/core.x": 2, "profiles/0/config/limits.x": 4, "profiles/1": 5, "profiles/1/devices/e.th/0/hwaddr": 8,
        "instances/0/wait_for": 9, "instances/0/wait_for/1": 11,
    }  # fmt: skip
    found = refused(world, documents=[Document("a.yml", content, lines)]).splitlines()[1:]
    assert [line.split(": ")[0] for line in found] == ["- a.yml:2", "- a.yml:4", "- a.yml:8", "- a.yml:11"]


def test_warnings_have_a_place_too(world):
    content = {"profiles": [{"name": "a", "config": {"user.user-data": "x"}}, {"name": "b"}]}
    doubt = {"profiles/1/config/user.user-data": "config.user.user-data: no YAML"}
    lines = {"profiles/0/config/user.user-data": 4, "profiles/1": 5}
    done = run(world, documents=[Document("a.yml", content, lines, doubt)])
    ignored, doubted = done["warnings"]
    assert ignored.startswith("a.yml:4: profiles[0] 'a': config.user.user-data: the first line is none")
    assert doubted == "a.yml:5: profiles[1] 'b': config.user.user-data: no YAML"
    assert run(world, documents=[Document("a.yml", content, lines, doubt)])["warnings"] == []  # nothing changes


def test_a_reference_to_what_is_wrong_is_not_wrong_itself(world):
    definition = {
        "profiles": [{"name": "web", "confg": 1}],
        "instances": [{"name": "x", "source": EMPTY, "profiles": ["web", "wbe"]}],
    }
    lines = refused(world, definition).splitlines()
    assert len(lines) == 3 and "profiles: there is no 'wbe' on lxd 6.1 at world. Did you mean 'web'?" in "".join(lines)


def test_a_preseed_as_lxd_prints_it(world):
    preseed = {
        "config": {},
        "networks": [
            {"config": {"ipv4.address": "auto"}, "description": "", "name": "lxdbr0", "type": "", "project": "default"}
        ],
        "storage_pools": [{"config": {}, "description": "", "name": "default", "driver": "dir"}],
        "profiles": [
            {"config": {}, "description": "", "devices": {"root": {**ROOT, "pool": "default"}}, "name": "default"}
        ],
        "projects": [],
        "cluster": None,
    }
    assert (
        run(world, preseed, name=None)["summary"] == "2 to create, 1 to update, 0 to replace, 0 to delete, 1 unchanged"
    )
    assert run(world, {**preseed, "cluster": {"enabled": False}}, name=None)["changed"] is False


@pytest.mark.parametrize(
    ("constraints", "given", "words"),
    [
        ({"required_together": [("a", "b")]}, {"a": 1}, "a, b: they go together."),
        ({"required_one_of": [("a", "b")]}, {}, "a, b: one of them is needed."),
        ({"required_by": {"a": "b"}}, {"a": 1}, "a: it needs b too."),
        ({"required_if": [("a", 1, ["b", "c"])]}, {"a": 1, "b": 2}, "a: with '1' it needs c too."),
        ({"required_if": [("a", 1, ["b", "c"], True)]}, {"a": 1}, "a: with '1' it needs b or c too."),
        ({"mutually_exclusive": [("a", "b")]}, {"a": 1, "b": 2}, "a, b: only one of them can be given."),
        ({}, {"a": "x"}, "a: a whole number is needed, not 'x'."),
        ({}, {"inner": [{"d": "x"}]}, "inner[0].d: true or false is needed, not 'x'."),
        ({}, {"inner": "x", "a": 1}, "inner[0]: a dictionary is needed, not 'x'."),
    ],
)
def test_rules_that_a_module_can_declare(constraints, given, words):
    inner = {"type": "list", "elements": "dict", "options": {"d": {"type": "bool"}}}
    _params, complaints = checked({**{name: {"type": "int"} for name in "abc"}, "inner": inner}, constraints, given)
    assert [complaint.words for complaint in complaints] == [words]
