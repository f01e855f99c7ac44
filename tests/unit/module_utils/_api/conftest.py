# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of several tests of this directory."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.tests.unit.certificates import Pair


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return {name: Pair(folder, name) for name in ("server", "client", "other")}
