# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One set of hosts for each product: a cluster that is made, lived in, broken and taken away. Each test before the last
works on its own, too.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.daemon import KINDS  # noqa: E402 - the tests folder is no package of the collection
from lab.folder import folder  # noqa: E402
from lab.heartbeats import Heartbeats  # noqa: E402
from lab.scenario import Scenario  # noqa: E402
from lab.watched import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401 - hooks


@pytest.fixture(scope="session", params=KINDS)
def nothing(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """An outer daemon for hosts, and what they are made of."""
    with folder("hosts") as lab:
        scenario = Scenario(request.param, lab)
        try:
            scenario.start()
            yield scenario
        finally:
            scenario.stop()


@pytest.fixture(scope="session")
def scenario(nothing: Scenario) -> Scenario:
    """Three hosts and the cluster of them, as molecule makes both: its step creates and prepares them first."""
    nothing.made = nothing.molecule("converge")
    return nothing


@pytest.fixture
def tidy(scenario: Scenario) -> Iterator[None]:
    yield
    scenario.online("node1", "node1", "node2", "node3")
    scenario.tidy()


@pytest.fixture(scope="session")
def kept(scenario: Scenario) -> str:
    """The name of a snapshot that web-node1 has."""
    scenario.run("node1", "instance_snapshot", instance="web-node1", name="kept")
    return "kept"


@pytest.fixture
def nothing_is_lost(scenario: Scenario, kept: str) -> Iterator[None]:
    """The containers of the scenario and their snapshots are there after every fault, each once."""
    yield
    scenario.online("node1", "node1", "node2", "node3")
    scenario.tidy()
    names = [instance["name"] for instance in scenario.query("node1", "/1.0/instances?recursion=1&all-projects=true")]
    assert sorted(name for name in names if name.startswith("web-")) == ["web-node1", "web-node2", "web-node3"]
    assert [place.rpartition("/")[2] for place in scenario.query("node1", "/1.0/instances/web-node1/snapshots")] == [
        kept
    ]


@pytest.fixture(scope="session")
def heartbeats(scenario: Scenario) -> Heartbeats:
    """The last test takes its triggers away with the hosts; without tests they do nothing."""
    heartbeats = Heartbeats(scenario)
    heartbeats.install()
    return heartbeats
