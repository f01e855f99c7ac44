# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases of OVN that are killed or lost: what the errors say, and that one more run of the role mends it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from integration.modules import ModuleFailed
from lab.cloud import Cloud
from lab.proxy import Cut
from lab.scenario import changed

DATABASES = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}
UNITS = ("ovn-ovsdb-server-nb", "ovn-ovsdb-server-sb", "ovn-northd")
HOSTS = ("node1", "node2", "node3")
CLIENT = "ovn-nbctl --timeout=5 --db=ssl:10.0.0.2:6641 --no-leader-only"
CERTIFICATE = "--private-key=/etc/ovn/key_host --certificate=/etc/ovn/cert_host --ca-cert=/etc/ovn/ovn-central.crt"


def overlay(number: int) -> dict[str, Any]:
    config = {"network": "uplink", "ipv4.address": f"10.63.{number}.1/24", "ipv4.nat": True, "ipv6.address": "none"}
    return {"name": f"fault{number}", "type": "ovn", "config": config}


def servers(cloud: Cloud, host: str) -> dict[str, set[str]]:
    """The servers that each database has, as one of them says: identifiers and addresses."""
    found = {}
    for short, name in DATABASES.items():
        text = cloud.inside(host, "ovs-appctl", "-t", f"/run/ovn/ovn{short}_db.ctl", "cluster/status", name)
        found[short] = set(re.findall(r"^ +(\w+ \(\w+ at \S+\))", text, re.M))
    return found


def switches(cloud: Cloud, host: str) -> list[str]:
    """The networks, as the northbound database of a host has them."""
    columns = ("--bare", "--columns=name", "list", "Logical_Switch")
    return sorted(cloud.inside(host, "ovn-nbctl", "--no-leader-only", *columns).split())


def has_leader(cloud: Cloud) -> bool:
    """Whether the databases take changes, and ovn-northd does what follows from one."""
    databases = ",".join(f"ssl:10.0.0.{number}:6641" for number in (2, 3))
    sync = f"ovn-nbctl --timeout=10 --db={databases} {CERTIFICATE} --wait=sb sync && echo done || true"
    return cloud.inside("node2", "sh", "-c", f"{{ {sync}; }} 2>/dev/null").strip() == "done"


def kill(cloud: Cloud, *hosts: str) -> None:
    """Without a word of goodbye, and so that systemd does not start them again."""
    for host in hosts:
        cloud.inside(
            host, "sh", "-c", f"systemctl kill --signal=KILL {' '.join(UNITS)}; systemctl stop {' '.join(UNITS)}"
        )


def test_keys_are_for_root_and_strangers_are_refused(cloud: Cloud) -> None:
    for host in HOSTS:
        assert cloud.inside(host, "stat", "--format=%a %U", "/etc/ovn/key_host").strip() == "600 root"
    assert cloud.inside("node1", "sh", "-c", f"{CLIENT} {CERTIFICATE} get NB_Global . name").strip() == '""'
    script = (
        "cd /tmp; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=stranger -keyout s.key -out s.crt 2>/dev/null; "
        f"{CLIENT} --private-key=s.key --certificate=s.crt --ca-cert=/etc/ovn/ovn-central.crt get NB_Global . name "
        "2>&1 || echo refused; rm s.key s.crt"
    )
    assert cloud.inside("node1", "sh", "-c", script).strip().endswith("refused")
    listening = cloud.inside("node1", "ss", "-Hltn")
    assert ":6641 " in listening
    assert "tcp:" not in cloud.inside("node1", "ovn-nbctl", "--no-leader-only", "get-connection").replace("pssl:", "")


def northbound(cloud: Cloud, host: str, *command: str) -> str:
    """What the northbound server of a host says."""
    return cloud.inside(host, "ovs-appctl", "-t", "/run/ovn/ovnnb_db.ctl", *command)


def lead(cloud: Cloud, host: str) -> None:
    """Have the northbound server of this host lead. The others elect one of them anew until it is."""

    def leader() -> str:
        roles = {one: northbound(cloud, one, "cluster/status", DATABASES["nb"]) for one in HOSTS}
        return next((one for one, text in roles.items() if "Role: leader" in text), "")

    def leads() -> bool:
        now = leader()
        if now not in ("", host):
            northbound(cloud, now, "cluster/failure-test", "transfer-leadership")
        return now == host

    cloud.wait(leads, f"{host} to lead")


def started(cloud: Cloud, unit: str) -> dict[str, str]:
    """When a service was started on each host."""
    show = ("systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic", unit)
    return {host: cloud.inside(host, *show).strip() for host in HOSTS}


@pytest.mark.both
def test_the_databases_are_killed_in_the_middle_of_a_run(cloud: Cloud) -> None:
    """With two of three, they have no leader. What is there of the cloud goes on, and the next run ends the work.

    The server that is left led, and does not lead later: it forgets the transaction that it has begun meanwhile.
    """
    lead(cloud, "node1")
    northbound(cloud, "node1", "cluster/failure-test", "dont-send-vote-request")
    stack = {"name": "faults", "definition": {"networks": [overlay(1), overlay(2)]}, "parallel": 1}
    with cloud.proxy("node1") as proxy:
        proxy.cut = Cut("POST /1.0/networks", lambda: None)
        proxy.later = [Cut("POST /1.0/networks", lambda: kill(cloud, "node2", "node3"), "came")]
        with pytest.raises(ModuleFailed) as caught:
            cloud.run("node1", "stack", **stack, url=proxy.url, timeout=45)
        assert proxy.cut is None, "the databases were not killed in the middle, so this proves nothing"
    message = str(caught.value)
    # the daemon says which database it does not reach, or waits for it longer than the task
    assert "network fault2" in message and re.search(r"OVN|ovn", message), message
    assert changed(cloud.cloud("--tags", "ovn")) > 0  # the part of the playbook that is OVN's
    cloud.run("node1", "stack", **stack)  # changes nothing where the daemon has ended by itself what waited
    assert cloud.run("node1", "stack", **stack)["changed"] is False
    found = {network["name"]: network["status"] for network in cloud.query("node1", "/1.0/networks?recursion=1")}
    assert (found["fault1"], found["fault2"]) == ("Created", "Created")
    northbound(cloud, "node1", "cluster/failure-test", "clear")
    cloud.run("node1", "stack", name="faults", state="absent")


@pytest.mark.both
def test_a_central_is_lost_and_replaced(cloud: Cloud) -> None:
    """That of the host whose databases the daemons use first, and with its key. Networks are made without it. The next
    run has a new server join in its place, and whatever used the key begins anew. A chassis that it names is removed.
    """
    before = servers(cloud, "node2")
    since = {unit: started(cloud, unit) for unit in ("ovn-controller", "incus")}
    kill(cloud, "node1")
    cloud.inside("node1", "sh", "-c", "rm /var/lib/ovn/*")
    cloud.wait(lambda: has_leader(cloud), "the others to have leaders")
    cloud.run("node1", "network", **overlay(3))
    cloud.inside("node1", "rm", "/etc/ovn/key_host", "/etc/ovn/cert_host")  # LXD reads them for each request
    cloud.inside("node2", "ovn-sbctl", "--no-leader-only", "chassis-add", "ghost", "geneve", "198.51.100.99")
    groups = cloud.inside(
        "node2", "ovn-nbctl", "--no-leader-only", "--bare", "--columns=name", "list", "HA_Chassis_Group"
    )
    for group in groups.split():
        cloud.inside("node2", "ovn-nbctl", "--no-leader-only", "ha-chassis-group-add-chassis", group, "ghost", "1")
    try:
        assert changed(cloud.cloud("--tags", "ovn", ovn_remove_chassis=["ghost"])) > 0
        left = cloud.chassis()
        assert left["HA_Chassis"] <= left["Chassis"] and len(left["Chassis"]) == 3, left
        anew = {unit: {host for host in HOSTS if started(cloud, unit)[host] != since[unit][host]} for unit in since}
        assert anew == {"ovn-controller": {"node1"}, "incus": set(HOSTS) if cloud.kind == "incus" else set()}
        for host in HOSTS:
            after = servers(cloud, host)
            for name, former in before.items():
                assert len(after[name]) == 3 and len(after[name] & former) == 2, (host, before, after)
        assert switches(cloud, "node1") == switches(cloud, "node2")
        cloud.unchanged("node1", "network", **overlay(3))
    finally:
        cloud.run("node1", "network", name="fault3", state="absent")
