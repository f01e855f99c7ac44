# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block of the cluster modules, as written, on three hosts whose names and addresses are those of the
examples.
"""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from integration.conftest import KINDS
from integration.examples import MODULES, PREFIX, arguments, examples
from lab.cluster import Hosts, Node

#: But cluster_link, which no server of the tests has.
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
    return [given or {} for task in examples(module) for name, given in task.items() if name == PREFIX + module]


def run(node: Node, module: str, **variables: str) -> list[bool]:
    """Whether each task changed something."""
    changed = []
    for written in tasks(module):
        given = {
            key: variables.get(value.strip("{} "), value) if isinstance(value, str) else value
            for key, value in written.items()
        }
        changed.append(node.run(module, **given)["changed"])
    return changed


def others(first: Node, second: Node) -> None:
    """The examples of other modules that need a cluster, with what they take for granted."""
    for node, name in ((first, "enp1s0"), (second, "enp5s0")):
        assert node.inside("ip", "link", "add", name, "type", "bridge").returncode == 0
    first.run("cluster_group", name="gpu", members=["node1"])
    for module, begin in (
        ("storage_pool", "Create a pool on every member of a cluster, larger"),
        ("network", "Create a network that connects"),
    ):
        given = arguments(module, begin)
        assert first.converges(module, **given)["changed"] is True
        first.run(module, name=given["name"], state="absent")
    if "zfs" not in str(first.query("/1.0")["environment"]["storage_supported_drivers"]):
        disks = arguments("storage_pool", "Create a pool on every member of a cluster, on the disk")
        assert "'zfs' is not available" in first.refuses("storage_pool", **disks)
    for begin, place in (
        ("Create a container on a member", "node2"),
        ("Have it on any member of a cluster group", "node1"),
    ):
        # an empty one: what is shown here is the member, and images are copied between members in tests/hosts
        given = {**arguments("instance", begin), "source": {"type": "none"}}
        given.pop("image", None)
        first.converges("instance", **given)
        assert first.query("/1.0/instances/db1")["location"] == place
    first.run("instance", name="db1", state="absent")


def test_examples(hosts: Hosts) -> None:
    assert {path.stem for path in MODULES.glob("cluster*.py")} - {"cluster_link"} == COVERED
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
    others(first, second)
    hosts.join(third)
    assert run(first, "cluster_member") == [True, True, True, True, True]
    member = first.query("/1.0/cluster/members/node2")
    assert "event-hub" in member["roles"] and sorted(member["groups"]) == ["default", "gpu"]
    first.run("cluster_group", name="gpu", state="absent")
    assert run(first, "cluster_group") == [True, True]
    assert run(first, "cluster_token") == [True, True]
    assert run(first, "cluster_info") == [False]
    assert sorted(member["server_name"] for member in first.query("/1.0/cluster/members?recursion=1")) == [
        "node1",
        "node2",
    ]
