# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the servers of a database of OVN, and what the plan refuses. Real servers are in tests/cloud."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.filter.ovn_plan import ovn_plan

CENTRAL = {f"node{n}": f"ssl:10.0.0.{n}:6643" for n in (1, 2, 3)}
NOTHING = {"model": "missing", "kept": False}
UNCHANGED = {"create": "", "join": [], "remove": [], "leave": []}


def server(number, *others, leader=1, **changed):
    """The database of a host in a cluster of itself and others, which are numbers or (identifier, address)."""
    servers = [other if isinstance(other, tuple) else (f"000{other}", f"ssl:10.0.0.{other}:6643") for other in others]
    servers.append((f"000{number}", f"ssl:10.0.0.{number}:6643"))
    status = {
        "member": True,
        "leader": leader is not None,
        "role": "leader" if leader == number else "follower",
        "servers": [{"id": server, "address": address} for server, address in servers],
    }
    found = {"model": "clustered", "address": f"ssl:10.0.0.{number}:6643", "cluster": "c1", "status": status}
    return {**found, "server": f"000{number}abcd", **changed}


def three():
    return {"node1": server(1, 2, 3), "node2": server(2, 1, 3), "node3": server(3, 1, 2)}


def planned(hosts, central=None):
    return ovn_plan(hosts, "northbound", CENTRAL if central is None else central)


def part(plan):
    return {name: plan[name] for name in UNCHANGED}


def refused(hosts, central=None):
    with pytest.raises(AnsibleFilterError) as caught:
        planned(hosts, central)
    return str(caught.value)


def test_from_nothing_the_first_begins():
    plan = planned(dict.fromkeys(CENTRAL, NOTHING))
    assert plan == {
        **UNCHANGED,
        "create": "node1",
        "join": ["node2", "node3"],
        "via": ["ssl:10.0.0.1:6643"],
        "speaker": "node1",
    }


def test_a_cluster_as_it_shall_be_is_left_alone_and_its_leader_speaks():
    hosts = {host: {**found, "status": {**found["status"], "role": "follower"}} for host, found in three().items()}
    hosts["node2"] = server(2, 1, 3, leader=2)
    plan = planned(hosts)
    assert (part(plan), plan["speaker"]) == (UNCHANGED, "node2")


def test_one_grows_to_three():
    plan = planned({"node1": server(1), "node2": NOTHING, "node3": NOTHING})
    assert part(plan) == {**UNCHANGED, "join": ["node2", "node3"]}
    assert plan["via"] == ["ssl:10.0.0.1:6643"]


def test_a_host_with_networks_of_its_own_begins_and_keeps_them():
    plan = planned({"node1": NOTHING, "node2": {"model": "standalone", "rows": 3}, "node3": NOTHING})
    assert (plan["create"], plan["join"]) == ("node2", ["node1", "node3"])


def test_a_conversion_that_broke_off_goes_on_where_the_networks_are():
    hosts = {"node1": {"model": "standalone", "rows": 0}, "node2": {"model": "missing", "kept": True}, "node3": NOTHING}
    assert planned(hosts)["create"] == "node2"


def test_networks_are_not_lost_in_a_join():
    filled = {"model": "standalone", "rows": 3}
    two = refused({"node1": filled, "node2": filled, "node3": NOTHING})
    assert two.startswith("node1, node2 has networks in a northbound database of its own, which would be lost.")
    joining = refused({"node1": server(1), "node2": filled, "node3": NOTHING})
    assert joining.startswith("node2 has networks in a northbound database of its own")
    assert part(planned({"node1": server(1), "node2": {"model": "standalone", "rows": 0}, "node3": NOTHING})) == {
        **UNCHANGED,
        "join": ["node2", "node3"],
    }


def test_a_lost_host_under_its_old_name_is_removed_and_joins():
    hosts = {**three(), "node3": NOTHING}
    plan = planned(hosts)
    assert part(plan) == {**UNCHANGED, "remove": ["0003"], "join": ["node3"]}
    assert sorted(plan["via"]) == ["ssl:10.0.0.1:6643", "ssl:10.0.0.2:6643"]


def test_a_lost_host_replaced_by_another():
    central = {**{host: CENTRAL[host] for host in ("node1", "node2")}, "node4": "ssl:10.0.0.4:6643"}
    hosts = {"node1": server(1, 2, 3), "node2": server(2, 1, 3), "node4": NOTHING}
    assert part(planned(hosts, central)) == {**UNCHANGED, "remove": ["0003"], "join": ["node4"]}


def test_a_host_that_is_taken_away_and_there_leaves_by_itself():
    central = {host: CENTRAL[host] for host in ("node1", "node2")}
    assert part(planned(three(), central)) == {**UNCHANGED, "leave": ["node3"]}


def test_a_server_that_was_removed_while_it_was_off_joins_again():
    hosts = {"node1": server(1, 2), "node2": server(2, 1), "node3": server(3, 1, 2)}
    assert part(planned(hosts)) == {**UNCHANGED, "join": ["node3"]}


def test_hosts_that_take_no_part_keep_their_servers():
    hosts = {host: found for host, found in three().items() if host != "node3"}
    assert part(planned(hosts)) == UNCHANGED
    assert part(planned({"node9": NOTHING})) == UNCHANGED


def test_servers_that_do_not_run_yet_are_asked_nothing():
    hosts = {"node1": server(1, 2, 3, status=None), "node2": server(2, 1, 3, status=None), "node3": NOTHING}
    assert part(ovn_plan(hosts, "northbound", CENTRAL, running=False)) == UNCHANGED
    hosts["node3"] = {"model": "standalone", "rows": 1}
    with pytest.raises(AnsibleFilterError, match="node3 has networks in a northbound database of its own"):
        ovn_plan(hosts, "northbound", CENTRAL, running=False)


def test_a_limited_run_begins_no_second_cluster():
    message = refused({"node3": NOTHING})
    assert message.startswith("None of node3 has a server of the northbound database, and node1, node2 takes no part")


def test_databases_of_two_clusters():
    message = refused({"node1": server(1), "node2": server(2, cluster="c2"), "node3": NOTHING})
    assert message.startswith(
        "The hosts have northbound databases of different clusters: node1 is in c1, node2 is in c2."
    )


def test_an_address_that_changed():
    message = refused({**three(), "node2": server(2, 1, 3, address="ssl:10.0.0.22:6643")})
    assert "on node2 has the address ssl:10.0.0.22:6643, and the inventory says ssl:10.0.0.2:6643" in message


def test_without_a_leader_nothing_is_planned():
    hosts = {"node1": server(1, 2, 3, leader=None), "node2": server(2, 1, 3, status=None), "node3": NOTHING}
    message = refused(hosts)
    assert message.startswith("The northbound database has no leader: more than half of its servers have to run.")
    assert "It runs on node1, and does not on node2." in message


def test_no_server_that_stays():
    central = {"node4": "ssl:10.0.0.4:6643"}
    message = refused({**three(), "node4": NOTHING}, central)
    assert message.startswith(
        "None of ovn_central_hosts is a server of the northbound database, which has ssl:10.0.0.1"
    )


def test_a_damaged_file():
    message = refused({**three(), "node2": {"model": "damaged", "path": "/var/lib/ovn/ovnnb_db.db"}})
    assert message.startswith("/var/lib/ovn/ovnnb_db.db of node2 is not a database that ovsdb-tool can read.")
