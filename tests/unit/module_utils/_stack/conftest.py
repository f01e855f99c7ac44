# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of stacks share."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.tests.unit.world import BLANK
from ansible_collections.cloudhost.lxd.tests.unit.zones import Note, Record, Zone, with_own


@pytest.fixture(scope="module", autouse=True)
def _no_root_needed(rootless):
    """Not every test needs a pool."""


@pytest.fixture
def zones(world, monkeypatch):
    """All kinds, with those of zones, on a server that knows them."""
    for sort in ("network-zones", "records", "notes"):
        monkeypatch.setitem(BLANK, sort, {"description": "", "config": {}})
    world.server["api_extensions"].append("zones")
    return with_own(KINDS, Note, Record, Zone)
