# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of OVN over three hosts, with packets: who reaches whom, and who does not."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Iterator, NamedTuple

import pytest
from integration.modules import ModuleFailed, warnings_of
from lab import tiny
from lab.cloud import Cloud

TRANSFER = pathlib.Path(__file__).parents[1] / "lab" / "zone_transfer.py"
#: Asks a web server, from outside of the cloud.
FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode(), end='')"
OUTSIDE, DNS = "10.0.0.254", "10.0.0.1:8853"
#: What networks without a tenant may use of the uplink, besides the addresses of their routers.
ROUTES = "192.0.2.224/27"
FORWARD, BALANCER = "192.0.2.225", "192.0.2.226"


class Guest(NamedTuple):
    """An instance with a web server that says the instance's name."""

    name: str
    project: str
    host: str

    @property
    def network(self) -> str:
        return "shared" if self.project == "default" else self.project


#: Two of each tenant, and two on a network that blue has a peering with.
GUESTS = (
    Guest("blue1", "blue", "node1"),
    Guest("blue2", "blue", "node2"),
    Guest("green1", "green", "node2"),
    Guest("green2", "green", "node3"),
    Guest("shared1", "default", "node3"),
    Guest("shared2", "default", "node1"),
)
PEERS = (
    {
        "name": "shared",
        "network": "blue",
        "project": "blue",
        "target_network": "shared",
        "target_project": "default",
        "wait_for": ["created"],
    },
    {"name": "blue", "network": "shared", "target_network": "blue", "target_project": "blue", "wait_for": ["created"]},
)


def entry(guest: Guest, product: str) -> dict[str, Any]:
    own = guest.project == "default"
    # Newer builds of Incus 6.0.4 hold restricted projects to it, also where no profile is used.
    isolated = {"security.idmap.isolated": True} if product == "incus" else {}
    return {
        "name": guest.name,
        "project": guest.project,
        "image": "packets",
        "target": guest.host,
        "profiles": [],
        "devices": {
            # A project with a quota wants a size, also on a pool that holds nobody to it.
            "root": {"type": "disk", "path": "/", "pool": "local", **({} if own else {"size": "64MiB"})},
            "eth0": {"type": "nic", "name": "eth0", "network": guest.network},
        },
        "config": {} if own else {"limits.cpu": 1, "limits.memory": "64MiB", **isolated},
        "state": "started",
        "wait_for": ["ipv4", "ipv6"] if guest.project == "green" else ["ipv4"],
    }


class Packets:
    """The guests, and what they reach."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.guests = {guest.name: guest for guest in GUESTS}
        self.ipv4: dict[str, str] = {}
        self.ipv6: dict[str, str] = {}

    def start(self) -> None:
        network = {"network": "uplink", "ipv4.address": "10.62.0.1/24", "ipv4.nat": True, "ipv6.address": "none"}
        definition = {
            "networks": [{"name": "shared", "type": "ovn", "config": network}],
            "network_peers": list(PEERS),
            # not the image that the tenants have, which would go with its second name
            "images": [
                {"name": "packets", "project": name, **tiny.files("debian")} for name in ("default", "blue", "green")
            ],
            "instances": [entry(guest, self.cloud.kind) for guest in GUESTS],
        }
        self._without_offload_outside()
        self.cloud.run("node1", "network", name="uplink", config={"ipv4.routes": ROUTES})
        self.cloud.run("node1", "stack", name="packets", definition=definition, adopt=True, timeout=300)
        for guest in GUESTS:
            self._ready(guest)

    def _without_offload_outside(self) -> None:
        """As `without_offload`, for the other side of the uplink. The hosts have the program for it."""
        program = ("chroot", self.cloud.root("node1"), "ethtool")
        done = self.cloud.outer.inside(*program, "-K", "uplink", "tx", "off")
        assert done.returncode == 0, done.stderr

    def _ready(self, guest: Guest) -> None:
        """Its addresses, and a web server."""
        self.cloud.without_offload(guest.host, guest.name, guest.project)
        self.inside(guest.name, f"echo {guest.name} >/srv/index.html; httpd -p [::]:80 -h /srv")
        state = self.cloud.query(guest.host, f"/1.0/instances/{guest.name}/state?project={guest.project}")
        for address in state["network"]["eth0"]["addresses"]:
            if address["scope"] == "global":
                (self.ipv4 if address["family"] == "inet" else self.ipv6)[guest.name] = address["address"]

    def restart(self, name: str) -> None:
        guest = self.guests[name]
        own = {"name": name, "project": guest.project, "force": True, "wait_for": ["ipv4"]}
        self.cloud.run("node1", "instance", **own, state="restarted")
        self._ready(guest)

    def stop(self) -> None:
        self.cloud.run("node1", "stack", name="packets", state="absent", force=True, timeout=300)
        self.cloud.run("node1", "network", name="uplink", config={"ipv4.routes": None})

    def inside(self, guest: str, script: str) -> str:
        of = self.guests[guest]
        return self.cloud.execute(of.host, guest, "sh", "-c", script, project=of.project)

    def reaches(self, guest: str, address: str) -> bool:
        """Whether a ping is answered. That the command could not run is an error."""
        return self.inside(guest, f"ping -c 1 -W 3 {address} >/dev/null 2>&1 && echo yes || echo no").strip() == "yes"

    def reads(self, guest: str, address: str) -> str:
        """What a web server says, or nothing."""
        request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n'"  # the wget of a static busybox ends with a fault
        return self.inside(guest, f"{request} | nc -w 5 {address} 80 2>/dev/null | tail -n 1").strip()

    def outside(self, address: str) -> str:
        """The same from the other side of the uplink."""
        return self.cloud.outer.inside(sys.executable, "-c", FETCH, f"http://{address}/").stdout.strip()


@pytest.fixture(scope="module")
def packets(cloud: Cloud) -> Iterator[Packets]:
    packets = Packets(cloud)
    try:
        packets.start()
        yield packets
    finally:
        packets.stop()


@pytest.mark.both
def test_a_tenants_instances_on_two_hosts_reach_each_other(packets: Packets) -> None:
    assert packets.ipv4["blue1"].startswith("10.60.0.") and packets.ipv4["blue2"].startswith("10.60.0.")
    assert packets.reaches("blue1", packets.ipv4["blue2"])
    assert packets.reads("blue2", packets.ipv4["blue1"]) == "blue1"
    assert packets.reads("green1", packets.ipv4["green2"]) == "green2"
    assert packets.reaches("green2", packets.ipv6["green1"])


@pytest.mark.both
def test_tenants_never_meet(packets: Packets) -> None:
    """Neither by their addresses, nor with an address of the other, nor by the address of the other's router."""
    router = packets.cloud.query("node1", "/1.0/networks/green?project=green")["config"]
    outer = router["volatile.network.ipv4.address"]
    assert not packets.reaches("blue1", packets.ipv4["green1"])
    assert not packets.reaches("green1", packets.ipv4["blue1"])
    assert packets.reads("blue2", packets.ipv4["green1"]) == ""
    assert packets.reads("blue1", outer) == ""
    packets.inside("blue2", "ip address add 10.61.0.250/24 dev eth0; ip -6 address add fd42:61::250/64 dev eth0")
    try:
        assert not packets.reaches("blue2", packets.ipv4["green1"])  # on the same host
        assert not packets.reaches("blue2", packets.ipv6["green2"])
    finally:
        packets.inside("blue2", "ip address del 10.61.0.250/24 dev eth0; ip -6 address del fd42:61::250/64 dev eth0")
    assert packets.reaches("green2", packets.ipv4["green1"]), "it answers nobody at all"


@pytest.mark.both
def test_a_peered_network_is_reached_and_an_unpeered_one_is_not(packets: Packets) -> None:
    assert packets.reaches("blue1", packets.ipv4["shared1"])
    assert packets.reads("shared2", packets.ipv4["blue2"]) == "blue2"
    assert not packets.reaches("shared1", packets.ipv4["green1"])
    assert not packets.reaches("green1", packets.ipv4["shared1"])


@pytest.mark.both
def test_an_acl_cuts_a_client_off(packets: Packets) -> None:
    """Some versions of Incus may apply it to what runs only after a restart, which the module warns of."""
    cloud = packets.cloud
    own = {"project": "blue", "name": "blue"}
    drop = {"action": "drop", "source": packets.ipv4["blue1"], "state": "enabled"}
    defaults = [f"security.acls.default.{direction}.action" for direction in ("ingress", "egress")]
    cloud.run("node1", "network_acl", name="cut", project="blue", ingress=[drop])
    try:
        done = cloud.run("node1", "network", **own, config={"security.acls": "cut", **dict.fromkeys(defaults, "allow")})
        if any("may not apply changed ACLs" in words for words in warnings_of(done)):
            packets.restart("blue2")
            # these versions of Incus also forget its name (docs/daemons.md)
            assert packets.ipv4["blue2"] not in packets.inside("blue1", f"nslookup -type=a blue2.{cloud.kind} || true")
        # OVN has every host know of it a moment later
        cloud.wait(lambda: not packets.reaches("blue1", packets.ipv4["blue2"]), "the ACL to count", 30)
        assert packets.reads("blue1", packets.ipv4["blue2"]) == ""
        assert packets.reaches("shared1", packets.ipv4["blue2"]), "others are cut off too"
        cloud.run("node1", "network_acl", name="cut", project="blue", ingress=[])  # of what runs, too
        cloud.wait(lambda: packets.reaches("blue1", packets.ipv4["blue2"]), "the rule to be gone", 30)
    finally:
        cloud.run("node1", "network", **own, config=dict.fromkeys(["security.acls", *defaults]))
        cloud.run("node1", "network_acl", name="cut", project="blue", state="absent")
    cloud.wait(lambda: packets.reaches("blue1", packets.ipv4["blue2"]), "the ACL to be gone", 30)


@pytest.mark.both
def test_a_forward_reaches_an_instance_from_outside(packets: Packets) -> None:
    forward = {"network": "shared", "listen_address": FORWARD}
    ports = [{"protocol": "tcp", "listen_port": "80", "target_address": packets.ipv4["shared1"]}]
    assert packets.outside(FORWARD) == ""
    packets.cloud.run("node1", "network_forward", **forward, ports=ports)
    try:
        assert packets.outside(FORWARD) == "shared1"
        packets.cloud.unchanged("node2", "network_forward", **forward, ports=ports)
    finally:
        packets.cloud.run("node1", "network_forward", **forward, state="absent")
    assert packets.outside(FORWARD) == ""


@pytest.mark.both
def test_a_load_balancer_reaches_all_its_backends(packets: Packets) -> None:
    cloud = packets.cloud
    balancer: dict[str, Any] = {"network": "shared", "listen_address": BALANCER}
    backends = [{"name": name, "target_address": packets.ipv4[name]} for name in ("shared1", "shared2")]
    ports = [{"protocol": "tcp", "listen_port": "80", "target_backend": ["shared1", "shared2"]}]
    if "network_load_balancer" not in cloud.query("node1", "/1.0")["api_extensions"]:  # LXD 5.0
        with pytest.raises(ModuleFailed, match="needs the extension 'network_load_balancer'"):
            cloud.run("node1", "network_load_balancer", **balancer, backends=backends, ports=ports)
        return
    cloud.run("node1", "network_load_balancer", **balancer, backends=backends, ports=ports)
    seen: set[str] = set()
    try:
        cloud.wait(lambda: bool(seen.add(packets.outside(BALANCER)) or len(seen - {""}) == 2), "both backends", 60)
    finally:
        cloud.run("node1", "network_load_balancer", **balancer, state="absent")
    assert seen - {""} == {"shared1", "shared2"}


@pytest.mark.both
def test_a_zone_resolves_an_instance(packets: Packets) -> None:
    """The daemon serves the zone to its peers, and OVN answers instances of the network themselves."""
    cloud = packets.cloud
    zone = {"name": "shared.test", "config": {"peers.lab.address": OUTSIDE}}
    cloud.run("node1", "network_zone", **zone)
    cloud.run("node1", "server", target="node1", config={"core.dns_address": DNS})
    cloud.run("node1", "network", name="shared", config={"dns.zone.forward": "shared.test"})
    try:
        host, port = DNS.split(":")
        done = cloud.outer.inside(sys.executable, str(TRANSFER), host, port, "shared.test")
        code, records = json.loads(done.stdout)
        assert code == 0
        for name in ("shared1", "shared2"):
            assert [f"{name}.shared.test", "A", 300, packets.ipv4[name]] in records
    finally:
        cloud.run("node1", "network", name="shared", config={"dns.zone.forward": None})
        cloud.run("node1", "server", target="node1", config={"core.dns_address": None})
        cloud.run("node1", "network_zone", name="shared.test", state="absent")
    answer = packets.inside("blue2", f"nslookup -type=a blue1.{cloud.kind} || true")
    assert packets.ipv4["blue1"] in answer
