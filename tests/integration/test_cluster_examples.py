# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block of the cluster modules, as written, on three hosts whose names and addresses are those of the
examples.
"""

from __future__ import annotations

import importlib
import pathlib
from typing import Any, Iterator

import pytest
import yaml
from integration.conftest import KINDS
from lab.cluster import Hosts, Node

MODULES = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "modules"
PREFIX = "cloudhost.lxd."
COVERED = {"cluster", "cluster_group", "cluster_info", "cluster_member", "cluster_token"}


@pytest.fixture(params=KINDS)
def hosts(request: pytest.FixtureRequest, lab) -> Iterator[Hosts]:  # type: ignore[no-untyped-def]
    hosts = Hosts(request.param, lab / f"examples-{request.param}", 3)
    try:
        hosts.start()
        yield hosts
    finally:
        hosts.stop()


def tasks(module: str) -> list[dict[str, Any]]:
    examples = yaml.safe_load(
        importlib.import_module(f"ansible_collections.cloudhost.lxd.plugins.modules.{module}").EXAMPLES
    )
    return [arguments or {} for task in examples for name, arguments in task.items() if name == PREFIX + module]


def run(node: Node, module: str, **variables: str) -> list[bool]:
    """Whether each task changed something."""
    changed = []
    for arguments in tasks(module):
        given = {
            key: variables.get(value.strip("{} "), value) if isinstance(value, str) else value
            for key, value in arguments.items()
        }
        changed.append(node.run(module, **given)["changed"])
    return changed


def test_examples(hosts: Hosts) -> None:
    assert {path.stem for path in MODULES.glob("cluster*.py")} == COVERED
    first, second, third = hosts.nodes
    bootstrap, join = tasks("cluster")
    assert first.run("cluster", **bootstrap)["changed"] is True
    for node in (first, second):  # a folder that only this host's daemon sees
        node.within("sh", "-c", "mount -t tmpfs tmpfs /mnt && mkdir -p /mnt/data/lxd")
    first.run("storage_pool", name="local", driver="dir", members={"node1": {"source": "/mnt/data/lxd"}})
    token = first.run("cluster_token", name="node2")["cluster_token"]["token"]
    assert join["cluster_token"] == "{{ node2_token }}"
    assert second.run("cluster", **{**join, "cluster_token": token})["changed"] is True
    assert first.query("/1.0/storage-pools/local?target=node2")["config"]["source"] == "/mnt/data/lxd"
    hosts.join(third)
    assert run(first, "cluster_member") == [True, True, True, True]
    assert run(first, "cluster_group") == [True, True]
    assert run(first, "cluster_token") == [True, True]
    assert run(first, "cluster_info") == [False]
    assert sorted(member["server_name"] for member in first.query("/1.0/cluster/members?recursion=1")) == [
        "node1",
        "node2",
    ]
