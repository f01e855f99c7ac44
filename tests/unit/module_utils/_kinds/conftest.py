# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of kinds share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_root_needed(rootless):
    """Not every test needs a pool."""
