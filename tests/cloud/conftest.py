# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One private cloud for each product, made by one run of its playbook. Each test works on its own, too. A test takes
away what it made, also after a failure. What breaks the cloud is in a file of a later name than what uses it.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.cloud import Cloud  # noqa: E402 - the tests folder is no package of the collection
from lab.daemon import KINDS  # noqa: E402
from lab.folder import folder  # noqa: E402
from lab.watched import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401 - hooks


@pytest.fixture(scope="session", params=KINDS)
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Three hosts, node1 to node3, after one run of the playbook with `inventories/private-cloud`."""
    with folder("cloud") as lab:
        cloud = Cloud(request.param, lab)
        try:
            cloud.start()
            cloud.make()
            yield cloud
        finally:
            cloud.stop()
