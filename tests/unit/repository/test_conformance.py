# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the conformance suite has every kind, and says of each what there is to test."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Devices, Map, Moment, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._member_config import Members
from ansible_collections.cloudhost.lxd.tests.integration.conformance import ELSEWHERE, TABLE

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_every_kind_has_an_entry():
    assert set(TABLE) | set(ELSEWHERE) == set(KINDS), "add an entry to tests/integration/conformance/"
    assert not set(TABLE) & set(ELSEWHERE)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_is_tested_elsewhere_is_tested_there(kind):
    assert f'"{kind}"' in (ROOT / ELSEWHERE[kind]).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", TABLE)
def test_an_entry_leaves_nothing_out(kind):
    entry, declared = TABLE[kind], KINDS[kind]
    fields = {field.name: field for field in declared.fields}
    create_only = {name for name, field in fields.items() if field.create_only}
    # those of members are tested with several of them: tests/integration/test_cluster_contents.py
    of_members = {name for name, field in fields.items() if isinstance(field, Members)}
    assert set(entry.changes) == set(fields) - create_only - of_members, "each field that can change"
    assert set(entry.fixed) >= create_only, "each field that cannot change"
    assert bool(entry.renamed) == declared.renames
    assert bool(entry.users or entry.lonely) == bool(declared.unless_used)
    named = {declared.named_by}
    assert {*named, *declared.parents()} - set(entry.key) <= (named if declared.key != declared.named_by else set())
    for option, value in entry.changes.items():
        if isinstance(fields[option], Map) and not isinstance(fields[option], Devices):
            assert not set(value) & set(entry.new.get(option) or {}), f"{option}: other keys than it is made with"


@pytest.mark.parametrize("kind", TABLE)
def test_an_entry_has_a_bad_value_of_each_field(kind):
    """Of those that can have one: free text has none, and what is refused of a moment is the same for all."""
    entry, declared = TABLE[kind], KINDS[kind]
    free = {
        field.name
        for field in declared.fields
        if field.type == "bool"
        or field.spec.get("choices")
        or isinstance(field, Moment)
        or (type(field) is Text and not field.create_only)
    }
    needed = {field.name for field in declared.fields} - free - {"properties"}
    assert needed <= set(entry.bad), needed - set(entry.bad)
    assert declared.named_by in entry.bad
