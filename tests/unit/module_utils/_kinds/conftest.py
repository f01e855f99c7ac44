# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of kinds share."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import rules

_not_one_root = rules.not_one_root


@pytest.fixture(scope="module", autouse=True)
def rootless():
    """The servers in memory take instances without a root disk, so that not every test needs a pool."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "not_one_root", lambda found, *rest: _not_one_root(found, *rest) if found else "")
        yield
