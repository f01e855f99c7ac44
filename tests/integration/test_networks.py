# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kinds of networks are for: packets that pass or do not, addresses that lead to an instance, names that are
answered.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from typing import Any, Callable, Iterator

import pytest
from integration.conftest import Server

NET, WEB, LISTEN = "netk0", "10.158.40.10", "192.0.2.40"
TRANSFER = pathlib.Path(__file__).parents[1] / "lab" / "zone_transfer.py"
#: Answers each connection to a port with the port.
ANSWERING = "for port in 80 81; do setsid nc -ll -p $port -e echo $port </dev/null >/dev/null 2>&1 & done"
ASK = "import socket,sys; print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.5).makefile().read())"


@pytest.fixture
def web(api: Server) -> Iterator[Server]:
    """An instance on a network of its own that answers at the ports 80 and 81."""
    api.run("network", name=NET, config={"ipv4.address": "10.158.40.1/24", "ipv6.address": "fd42:158::1/64"})
    nic = {"eth0": {"type": "nic", "network": NET, "ipv4.address": WEB}}
    api.run("instance", name="web", image="busybox", devices=nic, wait_for=["ipv4"])
    api.daemon.cli("exec", "web", "--", "sh", "-c", ANSWERING)
    until(lambda: answers(api, WEB, 80) == answers(api, WEB, 81) - 1 == 80)
    api.daemon.inside("ip", "address", "add", f"{LISTEN}/32", "dev", "lo")
    yield api
    api.daemon.inside("ip", "address", "delete", f"{LISTEN}/32", "dev", "lo")


def answers(api: Server, host: str, port: int) -> int:
    """The port that answers a connection from the host; 0 if none does."""
    done = api.daemon.inside(sys.executable, "-c", ASK, host, str(port))
    return int(done.stdout or 0)


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def zone(api: Server, name: str) -> list[list[Any]]:
    done = api.daemon.inside(sys.executable, str(TRANSFER), "127.0.0.1", "1053", name)
    code, records = json.loads(done.stdout)
    assert code == 0, f"the server refuses the zone: {code}"
    return [record for record in records if record[1] not in ("SOA", "NS")]


def test_an_acl_lets_through_what_it_allows(web: Server) -> None:
    rules = [
        {"action": "allow", "protocol": "tcp", "destination_port": "80, 8000-8010", "source": "10.158.40.0/24"},
        {"action": "drop", "protocol": "tcp", "destination_port": 81},
    ]
    web.converges("network_acl", name="web", ingress=rules, egress=[{"action": "allow"}], config={"user.a": 1})
    web.converges("network", name=NET, config={"security.acls": "web"})
    assert (answers(web, WEB, 80), answers(web, WEB, 81)) == (80, 0)
    web.unchanged("network_acl", name="web", ingress=rules[::-1], egress=[{"action": "allow", "state": "enabled"}])
    done = web.converges("network_acl", name="web", ingress=[{"action": "allow", "protocol": "tcp"}])
    assert done["network_acl"]["egress"][0]["action"] == "allow", "what is not written stays"
    assert (answers(web, WEB, 80), answers(web, WEB, 81)) == (80, 81)
    for wrong in ({"state": "absent"}, {"new_name": "www"}):
        assert f"is used by network {NET}" in web.fails("network_acl", name="web", **wrong)
    web.converges("network", name=NET, config={"security.acls": None})
    web.converges("network_acl", name="web", new_name="www")
    web.converges("network_acl", name="www", ingress=[], egress=[], config={"user.a": None}, description="Empty")
    assert web.query("/1.0/network-acls/www")["ingress"] == []
    web.converges("network_acl", name="www", state="absent")


def test_a_forward_leads_to_the_instance(web: Server) -> None:
    given = {"network": NET, "listen_address": LISTEN}
    ports = [{"protocol": "tcp", "listen_port": "8081", "target_address": WEB, "target_port": 81}]
    assert answers(web, LISTEN, 8081) == 0
    done = web.converges("network_forward", **given, ports=ports, config={"user.a": "b"})
    assert done["actions"] == [f"create network_forward {LISTEN}"]
    assert (answers(web, LISTEN, 8081), answers(web, LISTEN, 80)) == (81, 0)
    more = {"protocol": "tcp", "listen_port": "80, 8080", "target_address": WEB, "target_port": "80"}
    web.converges("network_forward", **given, ports=[more, *ports])
    assert (answers(web, LISTEN, 8081), answers(web, LISTEN, 8080)) == (81, 80)
    web.converges("network_forward", **given, ports=[], config={"target_address": WEB})
    assert (answers(web, LISTEN, 8081), answers(web, LISTEN, 81)) == (0, 81)
    web.converges("network_forward", **given, config={"target_address": None}, description="None")
    assert "is not in 10.158.40.0/24" in web.fails("network_forward", **given, config={"target_address": "10.0.9.9"})
    web.converges("network_forward", **given, state="absent")
    assert answers(web, LISTEN, 81) == 0
    six = {"network": NET, "listen_address": "2001:DB8:0::40", "config": {"target_address": "FD42:158:0::10"}}
    web.converges("network_forward", **six)
    web.unchanged("network_forward", **{**six, "listen_address": "2001:db8::40"})
    web.converges("network_forward", **six, state="absent")


def test_names_are_answered(web: Server) -> None:
    web.run("server", config={"core.dns_address": "127.0.0.1:1053"})
    try:
        peers = {"peers.test.address": "127.0.0.1", "dns.nameservers": "ns.lab.test"}
        done = web.converges("network_zone", name="lab.test", description="Lab", config=peers)
        assert done["network_zone"]["config"] == peers
        web.converges("network", name=NET, config={"dns.zone.forward": "lab.test"})
        record = {"zone": "lab.test", "name": "www"}
        entries = [{"type": "A", "value": "192.0.2.80", "ttl": 60}, {"type": "AAAA", "value": "2001:DB8::80"}]
        web.converges("network_zone_record", **record, entries=entries, description="Web")
        web.converges("network_zone_record", zone="lab.test", name="@", entries=[{"type": "TXT", "value": "hello"}])
        answered = [record for record in zone(web, "lab.test") if record[:2] != ["web.lab.test", "AAAA"]]  # by chance
        assert sorted(answered) == [
            ["@.lab.test", "TXT", 300, "hello"],  # not the zone itself
            [f"{NET}.gw.lab.test", "A", 300, "10.158.40.1"],
            [f"{NET}.gw.lab.test", "AAAA", 300, "fd42:158::1"],
            ["web.lab.test", "A", 300, WEB],
            ["www.lab.test", "A", 60, "192.0.2.80"],
            ["www.lab.test", "AAAA", 300, "2001:db8::80"],
        ]
        web.converges("network_zone_record", **record, entries=entries[:1])
        assert ["www.lab.test", "AAAA", 300, "2001:db8::80"] not in zone(web, "lab.test")
        assert f"is used by network {NET}" in web.fails("network_zone", name="lab.test", state="absent")
        web.converges("network", name=NET, config={"dns.zone.forward": None})
        web.converges("network_zone_record", **record, state="absent")
        web.converges("network_zone", name="lab.test", config={"peers.test.key": "c2VjcmV0LXNlY3JldA=="})
        web.converges("network_zone", name="lab.test", state="absent")
    finally:
        web.run("server", config={"core.dns_address": None})


def test_what_the_servers_lack_is_refused(api: Server) -> None:
    for module, extension, given in (
        ("network_address_set", "network_address_set", {"name": "office", "addresses": ["192.0.2.1"]}),
        ("network_integration", "network_integrations", {"name": "site-b", "type": "ovn"}),
        ("network_load_balancer", "network_load_balancer", {"network": "lxdbr0", "listen_address": LISTEN}),
    ):
        if not api.has(extension):
            message = api.fails(module, **given)
            assert f"{module} needs the extension '{extension}'; this server ({api.kind}" in message
            api.unchanged(module, **given, state="absent")
