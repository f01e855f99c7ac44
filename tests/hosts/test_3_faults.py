# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster of the scenario, broken at its worst moments. A plain run after it converges, the next one changes nothing, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import Any, Callable, Iterator

import pytest
from hosts.test_1_scenario import changes
from integration.modules import ModuleFailed
from lab.proxy import Cut, Proxy
from lab.scenario import Scenario

EMPTY: dict[str, Any] = {"source": {"type": "none"}, "type": "container", "state": "present"}


def online(scenario: Scenario, host: str, *names: str) -> None:
    scenario.wait(lambda: all(scenario.members(host).get(name) == "Online" for name in names), f"{names} to be online")


@pytest.fixture(autouse=True)
def nothing_is_lost(scenario: Scenario) -> Iterator[None]:
    """The containers of the scenario and their snapshots are there after every fault, each once."""
    yield
    online(scenario, "node1", "node1", "node2", "node3")
    names = [instance["name"] for instance in scenario.query("node1", "/1.0/instances?recursion=1&all-projects=true")]
    assert sorted(name for name in names if name.startswith("web-")) == ["web-node1", "web-node2", "web-node3"]
    assert [place.rpartition("/")[2] for place in scenario.query("node1", "/1.0/instances/web-node1/snapshots")] == ["kept"]


@pytest.fixture(autouse=True, scope="module")
def snapshot(scenario: Scenario) -> None:
    scenario.run("node1", "instance_snapshot", instance="web-node1", name="kept")


def test_the_leader_is_killed_in_the_middle_of_a_playbook(scenario: Scenario) -> None:
    leader = scenario.leader("node1")
    other = next(name for name in ("node2", "node3") if name != leader)
    profiles = [{"name": f"p{number}", "config": {"limits.cpu": "1"}} for number in range(12)]
    running = scenario.background("cloudhost.lxd.cluster", cluster_profiles=profiles)
    scenario.wait(lambda: "/1.0/profiles/p1" in scenario.query(other, "/1.0/profiles"), "the playbook to be in the middle")
    scenario.inside(leader, "systemctl", "kill", "--signal=KILL", scenario.kind)
    running.communicate(timeout=300)  # it may wait for the next leader and succeed, or fail
    again = scenario.play("cloudhost.lxd.cluster", cluster_profiles=profiles)
    assert again.returncode == 0, again.stdout
    last = scenario.play("cloudhost.lxd.cluster", cluster_profiles=profiles)
    assert last.returncode == 0 and changes(last.stdout) == 0, last.stdout
    there = scenario.query(other, "/1.0/profiles")
    assert sorted(place for place in there if "/p" in place.rpartition("profiles")[2]) == sorted(f"/1.0/profiles/p{number}" for number in range(12))


def test_the_leader_loses_power_while_tasks_run(scenario: Scenario) -> None:
    leader = scenario.leader("node1")
    other, third = [name for name in ("node1", "node2", "node3") if name != leader]
    scenario.power(leader, "stop")
    scenario.run(other, "profile", name="meanwhile", description="made without the leader")
    scenario.unchanged(other, "profile", name="meanwhile", description="made without the leader")
    scenario.run(third, "instance", name="meanwhile", target=third, **EMPTY)
    as_seen = {leader: "Offline", other: "Online", third: "Online"}  # by the next leader, whose first heartbeats take their time
    scenario.wait(lambda: scenario.members(other) == as_seen, f"only {leader} to be offline")
    pool: dict[str, Any] = {"name": "later", "driver": "dir"}
    with pytest.raises(ModuleFailed, match=f"{leader} is offline"):
        scenario.run(other, "storage_pool", **pool)
    assert "/1.0/storage-pools/later" not in scenario.query(other, "/1.0/storage-pools")
    newer = {"install_upgradable": True, "rolling_upgrade_patience": 5}  # as if the archive had a newer version

    def refused() -> bool:  # heartbeats are still late at times, so that the cluster may not answer
        done = scenario.play("cloudhost.lxd.rolling_upgrade", "--limit", other, **newer)
        assert done.returncode != 0, done.stdout
        return f"So {other} is not taken away as well" in done.stdout

    scenario.wait(refused, "the upgrade to be refused")
    assert scenario.members(other)[other] != "Evacuated"
    scenario.power(leader, "start")
    online(scenario, other, leader)
    assert scenario.run(other, "storage_pool", **pool)["changed"] is True
    scenario.unchanged(leader, "storage_pool", **pool)
    scenario.unchanged(leader, "instance", name="meanwhile", target=third, **EMPTY)
    web = f"/1.0/instances/web-{leader}?recursion=1"
    scenario.wait(lambda: scenario.query(other, web)["status"] == "Running", f"the container of {leader} to run again")
    for kind, name in (("instance", "meanwhile"), ("storage_pool", "later"), ("profile", "meanwhile")):
        scenario.run(other, kind, name=name, state="absent")


def test_a_pool_that_was_half_made(scenario: Scenario) -> None:
    """Pending on one member, as a run that broke off leaves it; then refused by one member, which leaves it Errored."""
    scenario.query_raw("node1", "POST", "/1.0/storage-pools?target=node2", {"name": "half", "driver": "dir"})
    assert scenario.query("node1", "/1.0/storage-pools/half")["status"] == "Pending"
    assert scenario.run("node1", "storage_pool", name="half", driver="dir")["changed"] is True
    scenario.unchanged("node2", "storage_pool", name="half", driver="dir")
    scenario.run("node1", "storage_pool", name="half", state="absent")

    own = {name: {"source": "/srv/half"} for name in ("node1", "node2", "node3")}
    for name in ("node1", "node2"):
        scenario.inside(name, "mkdir", "-p", "/srv/half")
    with pytest.raises(ModuleFailed, match="/srv/half"):
        scenario.run("node1", "storage_pool", name="half", driver="dir", members=own)
    scenario.inside("node3", "mkdir", "-p", "/srv/half")
    assert scenario.run("node1", "storage_pool", name="half", driver="dir", members=own)["changed"] is True
    scenario.unchanged("node3", "storage_pool", name="half", driver="dir", members=own)
    assert scenario.query("node1", "/1.0/storage-pools/half")["status"] == "Created"
    scenario.run("node1", "storage_pool", name="half", state="absent")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("request_", ["POST /1.0/instances", "PUT /1.0/instances/cut/state", "GET /1.0/operations/.*/wait"])
def test_the_socket_is_cut_in_a_request_that_another_member_answers(scenario: Scenario, request_: str, when: str) -> None:
    wanted: dict[str, Any] = {"name": "cut", "image": "debian/12", "target": "node2", "wait_for": ["ipv4"]}
    proxy = Proxy(str(scenario.lab / "cut.socket"), scenario.url("node1")[len("unix://") :])
    proxy.cut = Cut(request_, when)
    try:
        assert scenario.run("node1", "instance", **wanted, url=proxy.url)["changed"] is True
        assert proxy.cut is None, "the fault did not happen, so this proves nothing"
    finally:
        proxy.close()
        (scenario.lab / "cut.socket").unlink()
    scenario.unchanged("node3", "instance", **wanted)
    scenario.run("node1", "instance", name="cut", state="absent", force=True)


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.2])
def test_the_module_is_killed_while_it_creates(scenario: Scenario, seconds: float) -> None:
    wanted: dict[str, Any] = {"name": "victim", "image": "debian/12", "target": "node3", "wait_for": ["ipv4"]}
    process = scenario.module("node1", "instance", **wanted)
    time.sleep(seconds)  # not to wait for anything: this is the moment of the fault
    process.kill()
    process.communicate()
    scenario.run("node1", "instance", **wanted)
    scenario.unchanged("node2", "instance", **wanted)
    assert scenario.query("node1", "/1.0/instances/victim")["location"] == "node3"
    scenario.run("node1", "instance", name="victim", state="absent", force=True)


def moving(scenario: Scenario) -> bool:
    """LXD has the copy of an instance at the member that it moves to, and has not named it yet."""
    return any("move-of-" in place for place in scenario.query("node1", "/1.0/instances"))


@contextlib.contextmanager
def a_late_heartbeat(scenario: Scenario, member: str, since: Callable[[Scenario], bool] = moving, seconds: float = 20) -> Iterator[dict[str, bool]]:
    """From a moment on the member counts as offline, as under load."""
    over = threading.Event()
    seen = {"late": False}
    sql = {"lxd": ["lxd", "sql"], "incus": ["incus", "admin", "sql"]}[scenario.kind]

    def watch() -> None:
        while not over.wait(0.05):
            with contextlib.suppress(RuntimeError):  # the database is locked, now and then
                if seen["late"] or since(scenario):
                    scenario.inside("node1", *sql, "global", f"UPDATE nodes SET heartbeat = '2020-01-01T00:00:00Z' WHERE name = '{member}'")
                    seen["late"] = True
                    over.wait(0.3)

    watcher = threading.Thread(target=watch)
    watcher.start()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    try:
        yield seen
    finally:
        over.set()
        timer.cancel()
        watcher.join()


def test_a_heartbeat_comes_late_in_the_middle_of_a_move(scenario: Scenario) -> None:
    """LXD has deleted the original then, and leaves the copy under a temporary name. Incus makes the copy under its own name."""
    wanted: dict[str, Any] = {"name": "web-node2", "state": "started", "wait_for": ["ipv4"], "restart": "if_required"}
    itself = scenario.query("node1", "/1.0/instances/web-node2")["config"]["volatile.uuid"]

    def is_at(member: str) -> None:
        web = scenario.query("node1", "/1.0/instances/web-node2")
        assert (web["location"], web["status"], web["config"]["volatile.uuid"]) == (member, "Running", itself)

    with a_late_heartbeat(scenario, "node3") as seen:
        assert scenario.run("node1", "instance", **wanted, target="node3")["changed"] is True
        assert seen["late"] is (scenario.kind == "lxd"), "the fault did not happen, so this proves nothing"
    is_at("node3")
    scenario.unchanged("node1", "instance", **wanted, target="node3")
    online(scenario, "node1", "node3")
    scenario.run("node1", "instance", **wanted, target="node2")
    with a_late_heartbeat(scenario, "node1"), a_late_heartbeat(scenario, "node3"):
        assert scenario.run("node1", "cluster_member", name="node2", state="evacuated")["changed"] is True
    assert scenario.query("node1", "/1.0/instances/web-node2")["status"] == "Running"
    scenario.unchanged("node3", "cluster_member", name="node2", state="evacuated")
    with a_late_heartbeat(scenario, "node2"):
        assert scenario.run("node1", "cluster_member", name="node2", state="restored", wait_for=["online"])["changed"] is True
    is_at("node2")
    scenario.unchanged("node3", "cluster_member", name="node2", state="restored")


def test_a_member_comes_back_after_the_others_cut_themselves_off_from_it(scenario: Scenario) -> None:
    """Its daemon is stopped, not killed. What is asked of it through another member waits for ten seconds and is refused, until it is heard of again."""
    silent = next(name for name in ("node2", "node3") if name != scenario.leader("node1"))

    def refused() -> bool:
        try:  # as long as node1 is connected to it, there is no answer
            scenario.inside("node1", "timeout", "15", scenario.outer.client, "query", f"/1.0/instances/web-{silent}")
        except RuntimeError as exc:
            return "Missing event connection with target cluster member" in str(exc)
        return False

    scenario.inside(silent, "systemctl", "kill", "--kill-whom=main", "--signal=STOP", scenario.kind)
    try:
        scenario.wait(refused, f"node1 to be cut off from {silent}")
        running = scenario.module("node1", "instance", name=f"web-{silent}", description="reached")
        time.sleep(12)  # not to wait for anything: so long is the task refused
        assert running.poll() is None, running.communicate()[0]
    finally:
        scenario.inside(silent, "systemctl", "kill", "--kill-whom=main", "--signal=CONT", scenario.kind)
    output = running.communicate(timeout=300)[0]
    assert json.loads(output)["changed"] is True, output
    assert scenario.query("node1", f"/1.0/instances/web-{silent}")["description"] == "reached"
    scenario.run("node1", "instance", name=f"web-{silent}", description="")


def test_a_heartbeat_is_late_when_a_task_begins(scenario: Scenario) -> None:
    """What needs the member waits for it, and a member that lives is not removed as a dead one."""

    def silent(seconds: float) -> contextlib.AbstractContextManager[dict[str, bool]]:
        return a_late_heartbeat(scenario, "node3", lambda scenario: True, seconds)

    def offline() -> bool:
        return scenario.members("node1")["node3"] == "Offline"

    pool: dict[str, Any] = {"name": "patient", "driver": "dir"}
    with silent(4):
        scenario.wait(offline, "node3 to be late")
        assert scenario.run("node1", "storage_pool", **pool)["changed"] is True
    scenario.unchanged("node3", "storage_pool", **pool)
    scenario.run("node1", "storage_pool", name="patient", state="absent")
    scenario.run("node1", "instance", name="patient", target="node2", **EMPTY)
    with silent(4):
        scenario.wait(offline, "node3 to be late")
        assert scenario.run("node1", "instance", name="patient", target="node3", **EMPTY)["changed"] is True
    assert scenario.query("node1", "/1.0/instances/patient")["location"] == "node3"
    scenario.run("node1", "instance", name="patient", state="absent")
    with silent(60) as seen:
        running = scenario.background("cloudhost.lxd.replace_member", replace_member="node3")
        assert running.stdout
        asked = any("Wait for a member whose heartbeat may just be late" in line for line in running.stdout)
    output = running.communicate(timeout=300)[0]
    assert asked and seen["late"] and running.returncode != 0 and "node3 is Online, not dead" in output, output


def operations(scenario: Scenario) -> list[Any]:
    return [operation for group in scenario.query("node1", "/1.0/operations?recursion=1").values() for operation in group]


def test_a_join_that_is_killed_half_way(scenario: Scenario) -> None:
    """Before the cluster knows the new member, and in the run after that as soon as it does."""
    scenario.fourth()
    moments: dict[str, Callable[[], bool]] = {
        "the cluster to have made a token": lambda: any("token" in json.dumps(operation).lower() for operation in operations(scenario)),
        "the cluster to know the new member": lambda: "node4" in scenario.members("node1"),
    }
    for what, moment in moments.items():
        running = scenario.background("cloudhost.lxd.cluster")
        scenario.wait(lambda process=running, moment=moment: process.poll() is not None or moment(), what)  # type: ignore[misc]
        assert running.poll() is None, "the playbook ended before the fault, so this proves nothing"
        scenario.inside("node4", "systemctl", "kill", "--signal=KILL", scenario.kind)
        running.communicate(timeout=300)
    again = scenario.play("cloudhost.lxd.cluster")
    assert again.returncode == 0, again.stdout
    last = scenario.play("cloudhost.lxd.cluster")
    assert last.returncode == 0 and changes(last.stdout) == 0, last.stdout
    assert scenario.members("node1")["node4"] == "Online"


def test_a_dead_member_is_replaced(scenario: Scenario) -> None:
    """A member that lives, here the one that joined at last, is not removed; one that is dead is, by force, and a new host joins under its name."""
    lives = scenario.play("cloudhost.lxd.replace_member", replace_member="node4")
    assert lives.returncode != 0 and "node4 is Online, not dead" in lives.stdout, lives.stdout
    scenario.run("node1", "instance", name="doomed", target="node4", **EMPTY)
    scenario.power("node4", "stop")
    scenario.wait(lambda: scenario.members("node1")["node4"] == "Offline", "node4 to be offline")
    del scenario.hosts["node4"]
    refused = scenario.play("cloudhost.lxd.replace_member", replace_member="node4", replace_member_patience=5)
    assert refused.returncode != 0 and "would forget doomed" in refused.stdout, refused.stdout
    scenario.outer.cli("delete", "node4")
    assert scenario.play("create").returncode == 0
    scenario.fourth()
    done = scenario.play("cloudhost.lxd.replace_member", replace_member="node4", replace_member_patience=5, replace_member_lose_instances=True)
    assert done.returncode == 0, done.stdout
    assert scenario.members("node1")["node4"] == "Online"
    assert "/1.0/instances/doomed" not in scenario.query("node1", "/1.0/instances")
    assert scenario.query("node1", "/1.0/storage-pools/local?target=node4")["config"]["source"] == "/srv/pool-node4"
    again = scenario.play("cloudhost.lxd.replace_member", replace_member="another that is gone already")
    assert again.returncode == 0 and changes(again.stdout) == 0, again.stdout
