# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stack says of what it does not own, or does not plan."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.marks import mark_of
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused, run
from ansible_collections.cloudhost.lxd.tests.unit.zones import Zone

PROFILE = {"profiles": [{"name": "web", "config": {"limits.cpu": 2}}]}
TOLD = "profile web is as the document says, and belongs to no stack. It was restored."


@pytest.fixture
def restored(monkeypatch):
    monkeypatch.setattr(Profile, "lost_mark", classmethod(lambda cls, obj: ("It was restored.", True)))


def test_what_has_lost_its_mark_is_told(world, restored):
    world.put("/1.0/profiles/web", config={"limits.cpu": "2"})
    assert run(world, PROFILE)["warnings"] == [TOLD]
    assert run(world, PROFILE, name=None)["warnings"] == [], "without a name no stack owns anything"


def test_what_has_its_mark_or_gets_it_is_not_told(world, restored):
    assert run(world, PROFILE)["warnings"] == run(world, PROFILE)["warnings"] == []
    world.put("/1.0/profiles/web", config={"limits.cpu": "1"})
    assert run(world, PROFILE, adopt=True)["warnings"] == []


def test_what_is_adopted_with_a_change_is_not_told(world, restored):
    world.put("/1.0/profiles/web", config={"limits.cpu": "1"})
    for check in (True, False):
        assert run(world, PROFILE, adopt=True, check=check)["warnings"] == []


def test_the_daemons_own_has_no_mark_to_lose(world, restored):
    assert run(world, {"profiles": [{"name": "default", "description": ""}]})["warnings"] == []


def test_of_a_kind_that_does_not_lose_its_mark_nothing_is_told(world):
    world.put("/1.0/profiles/web", config={"limits.cpu": "2"})
    assert run(world, PROFILE)["warnings"] == []
    world.put("/1.0/profiles/web", config={"limits.cpu": "1"})
    assert refused(world, PROFILE).endswith("what agrees with the document already stays unmanaged.")


class Wide(Zone):
    fields = (*(Text(f"text{number}") for number in range(8)), Map("config"))


def test_all_that_differs_is_named_in_order(world, zones):
    written = {f"text{number}": "x" for number in range(8)}
    kinds, definition = {**KINDS, "network_zone": Wide}, {"network_zones": [{"name": "z0", **written}]}
    world.put("/1.0/network-zones/z0")
    assert f"differs in {', '.join(sorted(written))}. With" in refused(world, definition, kinds=kinds)
    [row] = run(world, definition, kinds=kinds, adopt=True, check=True)["plan"]
    assert row["why"] == f"it is adopted, and differs in {', '.join(sorted([*written, 'config']))}"


class Called(Zone):
    """Has another name besides its own, as an image has aliases."""

    @classmethod
    def called(cls, obj, label):
        return [label, "alias"]


def test_a_mark_that_names_it_by_another_of_its_names_stays(world, zones):
    mark = mark_of("shop", Called, "default", "alias")
    world.put("/1.0/network-zones/z0", config=mark)
    definition = {"network_zones": [{"name": "z0"}]}
    assert run(world, definition, kinds={**KINDS, "network_zone": Called})["changed"] is False


def test_what_depends_on_what_cannot_be_imagined_has_no_errors_of_its_own(world):
    definition = {
        "instances": [{"name": "a/b", "source": EMPTY}],
        "instance_snapshots": [{"instance": "a/b", "name": "s"}],
    }
    words = refused(world, definition)
    assert words.startswith("instances[0] 'a/b': name: 'a/b' is not a valid name") and "\n" not in words
