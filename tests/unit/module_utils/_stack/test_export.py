# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exported documents, and kinds that the stack does not know of."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.export import export
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, SHOP, refused_after, run, titles
from ansible_collections.cloudhost.lxd.tests.unit.world import BLANK, World, WorldClient
from ansible_collections.cloudhost.lxd.tests.unit.zones import with_own


def test_what_is_exported_changes_nothing_and_makes_the_same(world):
    run(
        world,
        {
            **SHOP,
            "profiles": [*SHOP["profiles"], {"name": "secret", "config": {"user.password": "hunter22", "user.a": "b"}}],
        },
    )
    definition, left_out = export(WorldClient(world), KINDS)
    assert left_out == ["profile secret: config.user.password"]
    assert list(definition) == ["config", "projects", "storage_pools", "networks", "profiles", "instances"]
    assert MARK not in str(definition) and "hunter22" not in str(definition)
    assert run(world, definition, name=None)["changed"] is False
    other = World()
    run(other, definition, name=None)
    assert export(WorldClient(other), KINDS)[0] == definition
    only, _left_out = export(WorldClient(world), KINDS, ["lab"], ["instance", "instance_snapshot"])
    assert only == {
        "instances": [
            {
                "name": "lab1",
                "type": "container",
                "profiles": ["default"],
                "source": EMPTY,
                "state": "stopped",
                "project": "lab",
            }
        ]
    }
    with pytest.raises(InvalidInput, match="Did you mean 'instance'"):
        export(WorldClient(world), KINDS, None, ["instnace"])


class Zone(Resource):
    kind = "network_zone"
    path = "/1.0/network-zones"
    fields = (Text("description"), Map("config"))


class Record(Resource):
    kind = "network_zone_record"
    path = "/1.0/network-zones/{zone}/records"
    fields = (Text("description"), Map("config"))
    options = {"zone": {"type": "str", "required": True}}
    refers = {"zone": "network_zone"}


def test_a_new_kind_is_a_part_of_everything_without_a_word_in_the_stack(world, monkeypatch):
    for sort in ("network-zones", "records"):
        monkeypatch.setitem(BLANK, sort, {"description": "", "config": {}})
    kinds = with_own(KINDS, Record, Zone)
    before = world.dump()
    definition = {
        "networks": [{"name": "n0", "config": {"dns.zone.forward": "z0"}}],
        "network_zone_records": [{"zone": "z0", "name": "www", "description": "d"}],
        "network_zones": [{"name": "z0"}],
    }
    assert titles(run(world, definition, kinds=kinds, parallel=1)) == [
        ("network_zone", "z0"),
        ("network", "n0"),
        ("network_zone_record", "z0/www"),
    ]
    assert run(world, definition, kinds=kinds)["changed"] is False
    exported, _left_out = export(WorldClient(world), kinds)
    assert exported["network_zone_records"] == [{"zone": "z0", "name": "www", "description": "d"}]
    assert run(world, exported, kinds=kinds, name=None)["changed"] is False
    assert "zone: it is missing" in refused_after(world, {"network_zone_records": [{"name": "www"}]}, kinds=kinds)
    pruned = {**definition, "network_zone_records": []}
    assert titles(run(world, pruned, kinds=kinds, prune=True)) == [("network_zone_record", "z0/www")]
    run(world, definition, kinds=kinds)
    gone = titles(run(world, kinds=kinds, absent=True))
    assert gone[-1] == ("network_zone", "z0") and set(gone[:-1]) == {
        ("network", "n0"),
        ("network_zone_record", "z0/www"),
    }
    assert world.dump() == before
