# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One set of hosts for each product. Its tests run in the order of their files: the cluster is made, lived in, broken and taken away."""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.daemon import KINDS  # noqa: E402 - the tests folder is no package of the collection
from lab.folder import folder  # noqa: E402
from lab.scenario import Scenario  # noqa: E402


@pytest.fixture(scope="session", params=KINDS)
def scenario(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    with folder("hosts") as lab:
        scenario = Scenario(request.param, lab)
        try:
            scenario.start()
            yield scenario
        finally:
            scenario.stop()
