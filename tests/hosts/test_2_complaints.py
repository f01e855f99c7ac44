# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complaints about clusters, by their numbers in docs/complaints.md, on the cluster of the scenario."""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest
from integration.modules import ModuleFailed
from lab.scenario import Scenario

NODES = ("node1", "node2", "node3")
pytestmark = pytest.mark.usefixtures("tidy")


def together(scenario: Scenario, tasks: list[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Modules that run at the same time, each on its host, and what each of them said."""
    processes = [scenario.module(host, module, **arguments) for host, module, arguments in tasks]
    results = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    for result in results:
        assert not result.get("failed"), result["msg"]
    return results


def test_29_and_30_an_instance_of_another_member_from_every_member(scenario: Scenario) -> None:
    """One play over all members makes one instance, where it should be, and every later run of each member changes
    nothing.
    """
    web: dict[str, Any] = {"name": "everywhere", "image": "debian/12", "target": "node2", "wait_for": ["ipv4"]}
    assert [scenario.run(host, "instance", **web)["changed"] for host in NODES] == [True, False, False]
    assert [scenario.run(host, "instance", **web)["changed"] for host in NODES] == [False, False, False]
    found = scenario.query("node3", "/1.0/instances/everywhere")
    assert (found["location"], found["status"]) == ("node2", "Running")


@pytest.mark.both
def test_35_nothing_is_put_on_a_member_that_is_evacuated(scenario: Scenario) -> None:
    empty: dict[str, Any] = {"name": "stray", "source": {"type": "none"}, "type": "container", "state": "present"}
    scenario.run("node1", "instance", **empty, target="node1")
    scenario.run("node1", "cluster_member", name="node3", state="evacuated")
    try:
        with pytest.raises(ModuleFailed, match="the member 'node3' .* is evacuated"):
            scenario.run("node1", "instance", **empty, target="node3")
        assert scenario.query("node1", "/1.0/instances/stray")["location"] == "node1"
    finally:
        scenario.run("node2", "cluster_member", name="node3", state="restored", wait_for=["online"])
    assert scenario.query("node1", "/1.0/instances/web-node3")["location"] == "node3"
    assert scenario.run("node2", "instance", **empty, target="node3")["changed"] is True
    scenario.unchanged("node3", "instance", **empty, target="node3")


def test_54_operations_of_other_members_are_waited_for(scenario: Scenario) -> None:
    """Short operations on every other member, from each member: none of them is lost or reported before its end."""
    for host in NODES:
        for target in NODES:
            name = f"op-{host}-{target}"
            scenario.run(
                host, "instance", name=name, source={"type": "none"}, type="container", state="present", target=target
            )
            scenario.run(host, "instance_snapshot", instance=name, name="one")
            scenario.run(host, "instance", name=name, state="absent")
            assert f"/1.0/instances/{name}" not in scenario.query(host, "/1.0/instances")


@pytest.fixture
def on_one_member(scenario: Scenario) -> Iterator[str]:
    """The fingerprint of an image called race that node1 has and no other member: an upload is copied to three of them
    unless the cluster is told otherwise.
    """
    one, all_of_them = ({"cluster.images_minimal_replica": value} for value in (1, None))
    scenario.run("node1", "server", config=one)
    try:
        unpack = "mkdir /tmp/race && tar xzf /srv/image/metadata.tar.gz -C /tmp/race"
        pack = "tar czf /tmp/race.tar.gz -C /tmp/race --mtime=2020-01-01 ."
        scenario.inside("node1", "sh", "-c", f"{unpack} && {pack}")  # the same files, and another fingerprint
        scenario.inside(
            "node1",
            scenario.outer.client,
            "image",
            "import",
            "/tmp/race.tar.gz",
            "/srv/image/rootfs.squashfs",
            "--alias=race",
        )
        yield scenario.query("node1", "/1.0/images/aliases/race")["target"]
    finally:
        scenario.tidy()
        scenario.run("node1", "image", name="race", state="absent")
        scenario.run("node1", "server", config=all_of_them)
        scenario.inside("node1", "rm", "-r", "/tmp/race", "/tmp/race.tar.gz")


@pytest.mark.both
def test_55_an_image_that_members_fetch_at_the_same_time(scenario: Scenario, on_one_member: str) -> None:
    """It is on one member, and the others need it at once, each for two instances."""

    def have() -> list[str]:
        return [
            host
            for host in NODES
            if on_one_member in scenario.inside(host, "ls", f"/var/lib/{scenario.kind}/images").split()
        ]

    images = len(scenario.query("node1", "/1.0/images"))
    assert have() == ["node1"], "nobody has to fetch it, so this proves nothing"
    new: dict[str, Any] = {"image": "race", "state": "present"}
    tasks = [
        (host, "instance", {"name": f"race{number}-{host}", "target": host, **new})
        for host in NODES
        for number in range(2)
    ]
    assert all(result["changed"] for result in together(scenario, tasks))
    assert have() == list(NODES)
    assert len(scenario.query("node1", "/1.0/images")) == images
    for _host, _module, arguments in tasks:
        scenario.unchanged("node1", "instance", **arguments)
