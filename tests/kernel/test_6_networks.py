# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances on a card of the host, with packets: by macvlan, and with the card itself. The card is plugged into the
running host.
"""

from __future__ import annotations

import pytest
from integration.modules import ModuleFailed
from lab import kernel
from lab.daemon import KINDS
from lab.kernel_saved import NAME

CARD = "eth1"
#: The network of the host, which has a DHCP server, and its gateway.
NETWORK, GATEWAY = "kernel", "10.87.0.1"
INTERFACE = f"<interface type='network'><source network='{NETWORK}'/><model type='virtio'/></interface>"
_UP = f"for i in $(seq 600); do [ -e /sys/class/net/{CARD} ] && exec ip link set {CARD} up; sleep 0.1; done; exit 1"


class Containers:
    """`one` and `two`, with a NIC `eth0` that tests choose."""

    def __init__(self, daemon: kernel.Daemon) -> None:
        self.daemon = daemon
        root = {"type": "disk", "path": "/", "pool": "tier6"}
        definition = {
            "storage_pools": [{"name": "tier6", "driver": "dir"}],
            "profiles": [{"name": "default", "devices": {"root": root}}],
            "instances": [{"name": name, "image": "busybox"} for name in ("one", "two")],
        }
        daemon.run("stack", name="tier6", definition=definition)

    def have(self, *names: str, **nic: str) -> None:
        """Give running containers a NIC, with addresses as their number in the names says."""
        for number, name in enumerate(names, 1):
            device = {"eth0": {"type": "nic", "name": "eth0", **nic}}
            self.daemon.converges("instance", name=name, devices=device)
            commands = (
                f"ip address add 10.96.0.{number}/24 dev eth0; ip link set eth0 up; cat /sys/class/net/eth0/address"
            )
            self.daemon.inside(name, commands)

    def lose(self, *names: str) -> None:
        for name in names:
            self.daemon.converges("instance", name=name, devices={"eth0": None})

    def reaches(self, name: str, address: str) -> bool:
        """Within some seconds: a link may not be up yet."""
        ping = f"for i in $(seq 10); do ping -c 1 -W 2 {address} >/dev/null && echo yes && break; done"
        return self.daemon.inside(name, ping).strip() == "yes"

    def on_host(self, what: str) -> str:
        return str(self.daemon.host.ssh(what)).strip()


@pytest.fixture(scope="module", params=KINDS)
def containers(request, host):
    host.renew()
    (host.daemon.lab / "card.xml").write_text(INTERFACE)
    host.daemon.virsh("attach-device", NAME, str(host.daemon.lab / "card.xml"))
    host.ssh(_UP)
    return Containers(kernel.Daemon(host, request.param))


@pytest.mark.parametrize("managed", [True, False], ids=["network", "nictype"])
def test_macvlan(containers, managed):
    """Containers on a card reach each other, and what is behind the card."""
    nic = {"nictype": "macvlan", "parent": CARD}
    if managed:
        containers.daemon.converges("network", name="lan", type="macvlan", config={"parent": CARD})
        nic = {"network": "lan"}
    containers.have("one", "two", **nic)
    assert containers.reaches("one", "10.96.0.2") and containers.reaches("two", "10.96.0.1")
    lease = containers.daemon.inside("one", "udhcpc -n -q -f -i eth0 -s /etc/udhcpc.sh 2>&1 || true")
    assert "lease of 10.87.0." in lease and containers.reaches("one", GATEWAY)
    containers.lose("one", "two")
    if managed:
        containers.daemon.converges("network", name="lan", state="absent")


@pytest.mark.parametrize("managed", [True, False], ids=["network", "nictype"])
def test_physical(containers, managed):
    """The card itself moves into a container, and comes back."""
    mac = containers.on_host(f"cat /sys/class/net/{CARD}/address")
    nic = {"nictype": "physical", "parent": CARD}
    if managed:
        containers.daemon.converges("network", name="uplink", type="physical", config={"parent": CARD})
        nic = {"network": "uplink"}
    containers.have("one", **nic)
    assert containers.daemon.inside("one", "cat /sys/class/net/eth0/address").strip() == mac
    assert CARD not in containers.on_host("ls /sys/class/net").split()
    lease = containers.daemon.inside("one", "udhcpc -n -q -f -i eth0 -s /etc/udhcpc.sh 2>&1 || true")
    assert "lease of 10.87.0." in lease and containers.reaches("one", GATEWAY)
    with pytest.raises(ModuleFailed):
        containers.daemon.run("instance", name="two", devices={"eth0": {"type": "nic", "name": "eth0", **nic}})
    containers.lose("one")
    assert containers.on_host(f"cat /sys/class/net/{CARD}/address") == mac
    if managed:
        containers.daemon.converges("network", name="uplink", state="absent")
    containers.on_host(f"ip link set {CARD} up")
