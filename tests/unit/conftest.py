# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that last for one test, their time, and how hard hypothesis tries."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import attempts as _attempts
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import deadline as _deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import rules as _rules
from ansible_collections.cloudhost.lxd.tests.unit.clock import Clock
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import FakeServer
from ansible_collections.cloudhost.lxd.tests.unit.world import World
from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit",
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("CLOUDHOST_EXAMPLES", "100")),
    derandomize=os.environ.get("CI") == "true",  # a run of CI says something about the change, and not about luck
    print_blob=True,  # how to have the same example again
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")
# What is in memory has no other writers; test_lost_races.py is about them.
_converge.SHORTEST_LOOK = _converge.LONGEST_LOOK = 0.0

#: The tests that import ansible-core, or PyYAML, which comes with it. Without them, as on a managed host, all others
#: run (`--ansible none`).
WITH_ANSIBLE = (
    "inventories/test_workflow.py",
    "module_utils/_engine/test_yaml.py",
    "module_utils/_stack/test_arguments.py",
    "module_utils/test_runner.py",
    "playbooks/test_backup.py",
    "playbooks/test_hosts.py",
    "playbooks/test_validate.py",
    "playbooks/test_variables.py",
    "plugins/action/test_direct.py",
    "plugins/action/test_host_program.py",
    "plugins/filter/test_from_document.py",
    "plugins/filter/test_known_variables.py",
    "plugins/filter/test_ovn_plan.py",
    "plugins/filter/test_tenants_plan.py",
    "plugins/filter/test_security_report.py",
    "plugins/filter/test_to_document.py",
    "plugins/modules/test_contract.py",
    "plugins/plugin_utils/test_server_variables.py",
    "plugins/plugin_utils/test_shown_progress.py",
    "plugins/plugin_utils/test_templates.py",
    "plugins/plugin_utils/test_written.py",
    "repository/test_adding_a_kind.py",
    "repository/test_bench.py",
    "repository/test_claims.py",
    "repository/test_claims_of_options.py",
    "repository/test_measured.py",  # of a program for newer Pythons
    "repository/test_known_keys.py",
    "repository/test_lab.py",
    "repository/test_roles.py",
    "repository/test_samples.py",
    "repository/test_schemas.py",
    "repository/test_security_rules.py",
    "repository/test_table_of_kinds.py",
    "roles/test_ovn.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ansible", choices=("all", "only", "none"), default="all", help="the tests that import Ansible")


def pytest_ignore_collect(collection_path: pathlib.Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that `--ansible` does not ask for. Directories are always entered."""
    wanted = config.getoption("--ansible")
    if wanted == "all" or collection_path.is_dir():
        return None
    needs_it = str(collection_path.relative_to(pathlib.Path(__file__).parent)) in WITH_ANSIBLE
    return True if needs_it != (wanted == "only") else None


@pytest.fixture(scope="module")
def rootless():
    """Servers in memory take instances without a root disk."""
    of_several = _rules.not_one_root
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rules, "not_one_root", lambda found, *rest: of_several(found, *rest) if found else "")
        yield


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder with a short name: the path of a unix socket has at most 107 bytes."""
    path = tempfile.mkdtemp(prefix="unit-")
    yield path
    shutil.rmtree(path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that waits for what does not come ends, and says where it waited."""
    if config.pluginmanager.hasplugin("timeout"):
        for item in items:
            item.add_marker(pytest.mark.timeout(900))  # the longest takes a minute, and more beside daemons


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The engine's time, which stands still but for its own pauses."""
    clock = Clock()
    for module in (_attempts, _deadline, _converge):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def server(folder: str) -> Iterator[FakeServer]:
    """A fake server on a unix socket. A request that it does not expect fails the test, even if the client goes on."""
    server = FakeServer(os.path.join(folder, "unix.socket"))
    yield server
    server.close()
    assert server.complaints == []


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    client = Client(Transport(server.url), timeout=60)
    yield client
    client.transport.close()


@pytest.fixture
def world() -> World:
    """A daemon in memory, as its package leaves it."""
    return World()
