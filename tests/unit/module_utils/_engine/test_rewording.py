# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of steps are for people: with other words, everything but text is the same."""

from __future__ import annotations

import copy
import pathlib
import re

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.plans import Step
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.arguments import defaults
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, SHOP, run
from ansible_collections.cloudhost.lxd.tests.unit.world import World, WorldClient

MODULE_UTILS = pathlib.Path(__file__).resolve().parents[4] / "plugins" / "module_utils"


def task(world, **options):
    return _converge.converge(
        Instance(WorldClient(world), {**defaults(Instance.argument_spec()), "project": None, "target": None, **options})
    )


def lived():
    """What a world sees of a stack, of its changes and of its end, and of tasks that restart and remove."""
    world, rows = World(), []
    changed = copy.deepcopy(SHOP)
    changed["instances"][0] = {
        "name": "web1",
        "source": EMPTY,
        "profiles": ["web"],
        "config": {"raw.lxc": "x ="},
        "restart": "if_required",
    }
    changed["instances"][1] = {
        "name": "web2",
        "source": EMPTY,
        "profiles": ["web"],
        "type": "virtual-machine",
        "recreate": True,
        "state": "stopped",
    }
    for definition, wish in ((SHOP, {}), (changed, {"prune": True}), (changed, {})):
        rows.append(
            [(row["kind"], row["name"], row["action"]) for row in run(world, definition, **wish, parallel=1)["plan"]]
        )
    outcomes = [
        task(world, name="web1", state="started", config={"raw.lxc": "y =", "user.a": 1}, restart="if_required"),
        task(world, name="web1", state="restarted"),
        task(world, name="web1", state="absent"),
    ]
    rows.append([len(outcome.actions) for outcome in outcomes])
    run(world, SHOP, absent=True, force=True, parallel=1)
    return world.writes, world.dump(), rows


def test_other_words_change_nothing_but_text(monkeypatch):
    plain = lived()
    assert {action for row in plain[2][:3] for _kind, _name, action in row} >= {"create", "update", "replace"}
    make = Step.__new__
    monkeypatch.setattr(
        Step, "__new__", lambda cls, action, _words, *rest, **more: make(cls, action, "something", *rest, **more)
    )
    assert lived() == plain


@pytest.mark.parametrize(
    "path", sorted(MODULE_UTILS.rglob("*.py")), ids=lambda path: str(path.relative_to(MODULE_UTILS))
)
def test_nothing_reads_the_words(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"words\.startswith|in (step|self)\.words|words (not )?in "
        r"self\.done|startswith\(\(?\"(update|delete|rename|create)",
        text,
    )
