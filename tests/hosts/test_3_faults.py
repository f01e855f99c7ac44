# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster of the scenario, broken at its worst moments. A plain run after it converges, the next one changes
nothing, and nothing is lost.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Iterator

import pytest
from integration.modules import ModuleFailed
from lab.forks import Task
from lab.heartbeats import ALIVE, LATE, Heartbeats
from lab.proxy import Cut, Proxy
from lab.scenario import Scenario, changed

EMPTY: dict[str, Any] = {"source": {"type": "none"}, "type": "container", "state": "present"}
pytestmark = pytest.mark.usefixtures("nothing_is_lost")


def test_the_leader_is_killed_in_the_middle_of_a_playbook(scenario: Scenario) -> None:
    """When the first of many profiles is there, and the module has not heard of it; others are under way, and some are
    still to come.
    """
    leader = scenario.leader("node1")
    other = next(name for name in ("node2", "node3") if name != leader)
    profiles = [{"name": f"p{number}", "config": {"limits.cpu": "1"}} for number in range(40)]
    sent: list[str] = []

    def kill() -> None:
        sent.extend(proxy.writes)
        scenario.inside(leader, "systemctl", "kill", "--signal=KILL", scenario.kind)

    with scenario.proxy("node1", f"{scenario.root('node1')}/run") as proxy:
        proxy.cut = Cut("POST /1.0/profiles", kill)
        scenario.hosts["node1"]["cluster_url"] = "unix:///run/cut.socket"
        try:
            running = scenario.background("role", cluster_profiles=profiles)
            running.communicate(timeout=300)  # it may wait for the next leader and succeed, or fail
        finally:
            del scenario.hosts["node1"]["cluster_url"]
    assert 0 < len(sent) < len(profiles), "the playbook was not in the middle, so this proves nothing"
    assert changed(scenario.play("role", cluster_profiles=profiles)) >= 0
    assert changed(scenario.play("role", cluster_profiles=profiles)) == 0
    there = scenario.query(other, "/1.0/profiles")
    assert sorted(place for place in there if "/p" in place.rpartition("profiles")[2]) == sorted(
        f"/1.0/profiles/p{number}" for number in range(40)
    )


@pytest.mark.both
def test_the_leader_loses_power_while_tasks_run(scenario: Scenario, heartbeats: Heartbeats) -> None:
    leader = scenario.leader("node1")
    other, third = [name for name in ("node1", "node2", "node3") if name != leader]
    pool: dict[str, Any] = {"name": "later", "driver": "dir"}
    with scenario.without_power(leader):
        scenario.run(other, "profile", name="meanwhile", description="made without the leader")
        scenario.unchanged(other, "profile", name="meanwhile", description="made without the leader")
        scenario.run(third, "instance", name="meanwhile", target=third, **EMPTY)
        # As the next leader sees them, whose first heartbeats take their time.
        as_seen = {leader: "Offline", other: "Online", third: "Online"}
        scenario.wait(lambda: scenario.members(other) == as_seen, f"only {leader} to be offline")
        with heartbeats.held(other, {other: ALIVE, third: ALIVE}):  # and are late at times
            with pytest.raises(ModuleFailed, match=f"{leader} is offline"):
                scenario.run(other, "storage_pool", **pool)
            assert "/1.0/storage-pools/later" not in scenario.query(other, "/1.0/storage-pools")
            newer = {"install_upgradable": True, "rolling_upgrade_patience": 5}  # as if the archive had a newer version
            refused = scenario.play("cloudhost.lxd.rolling_upgrade", "--limit", other, **newer)
            assert refused.returncode != 0 and f"So {other} is not taken away as well" in refused.stdout, refused.stdout
        assert scenario.members(other)[other] != "Evacuated"
    scenario.online(other, leader)
    assert scenario.run(other, "storage_pool", **pool)["changed"] is True
    scenario.unchanged(leader, "storage_pool", **pool)
    scenario.unchanged(leader, "instance", name="meanwhile", target=third, **EMPTY)
    web = f"/1.0/instances/web-{leader}?recursion=1"
    scenario.wait(lambda: scenario.query(other, web)["status"] == "Running", f"the container of {leader} to run again")


@pytest.mark.both
def test_a_pool_that_was_half_made(scenario: Scenario) -> None:
    """Pending on one member, as a run that broke off leaves it; then refused by one member, which leaves it Errored."""
    scenario.query_raw("node1", "POST", "/1.0/storage-pools?target=node2", {"name": "half", "driver": "dir"})
    assert scenario.query("node1", "/1.0/storage-pools/half")["status"] == "Pending"
    assert scenario.run("node1", "storage_pool", name="half", driver="dir")["changed"] is True
    scenario.unchanged("node2", "storage_pool", name="half", driver="dir")
    assert scenario.run("node1", "storage_pool", name="half", state="absent")["changed"] is True

    own = {name: {"source": "/srv/half"} for name in ("node1", "node2", "node3")}
    for name in ("node1", "node2"):
        scenario.inside(name, "mkdir", "-p", "/srv/half")
    with pytest.raises(ModuleFailed, match="/srv/half"):
        scenario.run("node1", "storage_pool", name="half", driver="dir", members=own)
    scenario.inside("node3", "mkdir", "-p", "/srv/half")
    assert scenario.run("node1", "storage_pool", name="half", driver="dir", members=own)["changed"] is True
    scenario.unchanged("node3", "storage_pool", name="half", driver="dir", members=own)
    assert scenario.query("node1", "/1.0/storage-pools/half")["status"] == "Created"


CREATE, START, WAIT = r"POST /1.0/instances\?", "PUT /1.0/instances/cut/state", "GET /1.0/operations/.*/wait"


@pytest.mark.parametrize("requests", [(CREATE, START), (WAIT,)], ids=["writes", "wait"])
def test_the_socket_is_cut_in_a_request_that_another_member_answers(
    scenario: Scenario, requests: tuple[str, ...]
) -> None:
    """Each of them twice in one task: before the daemon sees it, and after the daemon did it."""
    wanted: dict[str, Any] = {"name": "cut", "image": "debian/12", "target": "node2", "wait_for": ["ipv4"]}
    cuts = [Cut(request, when) for request in requests for when in ("before", "after")]
    with scenario.proxy("node1") as proxy:
        proxy.cut, *proxy.later = cuts
        assert scenario.run("node1", "instance", **wanted, url=proxy.url)["changed"] is True
        assert proxy.cut is None, f"{proxy.cut} did not happen, so this proves nothing"
        created = [request for request in proxy.writes if request.startswith("POST /1.0/instances?")]
    assert len(created) == 1 + (CREATE in requests), (
        "the one that was cut before the daemon saw it, and no other, is sent again"
    )
    scenario.unchanged("node3", "instance", **wanted)
    assert scenario.query("node1", "/1.0/instances/cut")["location"] == "node2"


@pytest.mark.parametrize("moments", [(CREATE, START), (WAIT,)], ids=["writes", "wait"])
def test_a_task_is_killed_while_another_member_creates(scenario: Scenario, moments: tuple[str, ...]) -> None:
    """It has sent something and never hears of it: kill -9 of the module, not of a daemon. What it began goes on."""
    wanted: dict[str, Any] = {"name": "cut", "image": "debian/12", "target": "node3", "wait_for": ["ipv4"]}
    for moment in moments:
        with scenario.proxy("node1") as proxy:
            process: list[Task] = []
            proxy.cut = Cut(moment, lambda process=process: process[0].kill())  # type: ignore[misc]
            process.append(scenario.module("node1", "instance", **wanted, url=proxy.url))
            output = process[0].communicate(timeout=300)[0]
            assert (output, proxy.cut) == ("", None), "the module ended by itself, so this proves nothing"
    scenario.run("node1", "instance", **wanted)
    scenario.unchanged("node2", "instance", **wanted)
    assert scenario.query("node1", "/1.0/instances/cut")["location"] == "node3"


@contextlib.contextmanager
def a_late_heartbeat(scenario: Scenario, heartbeats: Heartbeats, *members: str) -> Iterator[Proxy]:
    """In the middle of a move, until the module has named the copy and looked at it. Incus and the LXD of Debian 13
    make the copy under its own name, so there it never begins.
    """
    with heartbeats.late_when_copied(*members), scenario.proxy("node1") as proxy:
        proxy.cut = Cut("POST /1.0/instances/lxd-move-of-", lambda: None)
        proxy.later = [Cut("GET /1.0/instances", heartbeats.release)]
        yield proxy
        renames = "operation_wait" not in scenario.query("node1", "/1.0")["api_extensions"]
        assert (proxy.cut is None) is renames, "the fault did not happen, so this proves nothing"
        assert not heartbeats.begun()


@pytest.mark.both
def test_a_heartbeat_comes_late_in_the_middle_of_a_move(scenario: Scenario, heartbeats: Heartbeats) -> None:
    """LXD has deleted the original then, and leaves the copy under a temporary name."""
    wanted: dict[str, Any] = {"name": "web-node2", "state": "started", "wait_for": ["ipv4"], "restart": "if_required"}
    itself = scenario.query("node1", "/1.0/instances/web-node2")["config"]["volatile.uuid"]

    def is_at(member: str) -> None:
        web = scenario.query("node1", "/1.0/instances/web-node2")
        assert (web["location"], web["status"], web["config"]["volatile.uuid"]) == (member, "Running", itself)

    with a_late_heartbeat(scenario, heartbeats, "node3") as proxy:
        assert scenario.run("node1", "instance", **wanted, target="node3", url=proxy.url)["changed"] is True
    is_at("node3")
    scenario.unchanged("node1", "instance", **wanted, target="node3")
    scenario.run("node1", "instance", **wanted, target="node2")
    evacuated = {"name": "node2", "state": "evacuated"}
    with a_late_heartbeat(scenario, heartbeats, "node1", "node3") as proxy:
        assert scenario.run("node1", "cluster_member", **evacuated, url=proxy.url)["changed"] is True
    assert scenario.query("node1", "/1.0/instances/web-node2")["status"] == "Running"
    scenario.unchanged("node3", "cluster_member", **evacuated)
    with a_late_heartbeat(scenario, heartbeats, "node2") as proxy:
        assert (
            scenario.run("node1", "cluster_member", name="node2", state="restored", wait_for=["online"], url=proxy.url)[
                "changed"
            ]
            is True
        )
    is_at("node2")
    scenario.unchanged("node3", "cluster_member", name="node2", state="restored")


@pytest.mark.both
def test_a_member_comes_back_after_the_others_cut_themselves_off_from_it(scenario: Scenario) -> None:
    """Its daemon is stopped, not killed. What is asked of it through another member waits for ten seconds and is
    refused, until it is heard of again.
    """
    silent = next(name for name in ("node2", "node3") if name != scenario.leader("node1"))
    web = f"/1.0/instances/web-{silent}"

    def refused() -> bool:
        try:  # as long as node1 is connected to it, there is no answer; the LXD of Debian 13 waits longer for it
            scenario.inside("node1", "timeout", "60", scenario.outer.client, "query", web)
        except RuntimeError as exc:
            return "Missing event connection with target cluster member" in str(exc)
        return False

    with scenario.proxy("node1") as proxy:
        scenario.inside(silent, "systemctl", "kill", "--kill-whom=main", "--signal=STOP", scenario.kind)
        try:
            impatient = scenario.background("cloudhost.lxd.cluster", "--limit", silent, install_timeout=2)
            scenario.wait(refused, f"node1 to be cut off from {silent}")
            running = scenario.module("node1", "instance", name=f"web-{silent}", description="reached", url=proxy.url)
            scenario.wait(lambda: proxy.requests.count(f"GET {web}") > 1, "the task to be refused, and to ask again")
            assert running.running(), running.communicate()[0]
            told = impatient.communicate(timeout=100)[0]  # without the option it would wait for 120 seconds
            assert impatient.returncode != 0 and "no answer in time" in told, told
        finally:
            scenario.inside(silent, "systemctl", "kill", "--kill-whom=main", "--signal=CONT", scenario.kind)
        output = running.communicate(timeout=300)[0]
    assert json.loads(output)["changed"] is True, output
    assert scenario.query("node1", web)["description"] == "reached"
    assert scenario.run("node1", "instance", name=f"web-{silent}", description="")["changed"] is True


@pytest.mark.both
def test_a_heartbeat_is_late_when_a_task_begins(scenario: Scenario, heartbeats: Heartbeats) -> None:
    """What needs the member waits for it, and a member that lives is not removed as a dead one."""
    late = {"node3": LATE}

    def waits(module: str, **arguments: Any) -> None:
        """It looks at the member a second time, and goes on when that is heard of."""
        with heartbeats.held("node1", late), scenario.proxy("node1") as proxy:
            assert scenario.members("node1")["node3"] == "Offline"
            proxy.cut = Cut("GET /1.0/cluster/members", lambda: None)
            proxy.later = [Cut("GET /1.0/cluster/members", heartbeats.release)]
            assert scenario.run("node1", module, **arguments, url=proxy.url)["changed"] is True
            assert proxy.cut is None, "it did not wait, so this proves nothing"

    pool: dict[str, Any] = {"name": "patient", "driver": "dir"}
    waits("storage_pool", **pool)
    scenario.unchanged("node3", "storage_pool", **pool)
    scenario.run("node1", "instance", name="patient", target="node2", **EMPTY)
    waits("instance", name="patient", target="node3", **EMPTY)
    assert scenario.query("node1", "/1.0/instances/patient")["location"] == "node3"
    with heartbeats.held("node1", late):
        running = scenario.background("cloudhost.lxd.replace_member", replace_member="node3")
        assert running.stdout
        asked = any("Wait for the member, because its heartbeat may only be late" in line for line in running.stdout)
        late_still = scenario.members("node1")["node3"] == "Offline"
    output = running.communicate(timeout=300)[0]
    assert asked and late_still and running.returncode != 0 and "node3 is Online, not dead" in output, output
