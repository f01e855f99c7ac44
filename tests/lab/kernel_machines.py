# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States of the host with a kernel of its own in which virtual machines have booted already, which takes most of the
time that a test of them would take. They are saved frozen, and tests begin with `state: started`: QEMU cannot restore a
host whose processor ran a guest just then (`vCPU set in guest-mode inconsistent with migrated kernel nested state`).
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from . import kernel, machine

#: What a virtual machine of `machine` needs: it boots from BIOS.
CONFIG = {"security.csm": "true", "security.secureboot": "false", "limits.memory": "128MiB"}
DISK = {"type": "disk", "path": "/", "pool": "local", "size": "64MiB"}
NIC = {"type": "nic", "network": "br0"}
#: The machine that runs, as the task that made it.
WEB: dict[str, Any] = {
    "type": "virtual-machine",
    "image": "vm",
    "profiles": [],
    "config": CONFIG,
    "devices": {"root": DISK, "eth0": NIC},
    "state": "started",
    "wait_for": ["agent", "ipv4"],
}
#: The folders of the daemons of the cluster, in the host.
MEMBERS = {"m1": "/var/lib/m1", "m2": "/var/lib/m2"}
#: Two daemons, each in a network namespace of its own, and a wire between them. A daemon tries QEMU when it starts. If
#: QEMU is not there in five seconds, it waits for ever, so it is started again.
CLUSTER = """set -e
systemctl stop incus.socket incus lxd.socket lxd
ip link add wire type bridge
ip link set wire up
for n in 1 2; do
  ip netns add m$n
  ip link add to-m$n type veth peer name eth0 netns m$n
  ip link set to-m$n master wire up
  ip -n m$n link set lo up
  ip -n m$n address add 10.0.9.$n/24 dev eth0
  ip -n m$n link set eth0 up
  mkdir /var/lib/m$n
  systemd-run -q --collect --unit=m$n -p Delegate=yes -p LimitNOFILE=1048576 \
    -E INCUS_DIR=/var/lib/m$n -E PATH=/usr/libexec/incus:/usr/sbin:/usr/bin:/sbin:/bin \
    ip netns exec m$n /usr/libexec/incus/incusd --group incus-admin
  export INCUS_DIR=/var/lib/m$n
  until /usr/libexec/incus/incusd waitready --timeout 60 && incus info | grep -q "driver: .*qemu"; do
    systemctl restart m$n
  done
done
export INCUS_DIR=/var/lib/m1
incus admin init --preseed <<P
config: {core.https_address: "10.0.9.1:8443"}
cluster: {server_name: m1, enabled: true}
P
token=$(incus cluster add m2 -q | tail -1)
INCUS_DIR=/var/lib/m2 ip netns exec m2 incus admin init --preseed <<P
cluster: {enabled: true, server_address: "10.0.9.2:8443", cluster_token: "$token"}
P
"""


class Member(kernel.Daemon):
    """A member of the cluster, by its socket."""

    def query(self, path: str) -> Any:
        return json.loads(self.host.ssh(f"INCUS_DIR={MEMBERS[self.product]} incus query {path}"))


def equip(daemon: kernel.Daemon, image: pathlib.Path) -> None:
    """A pool, two networks without a way out, and the image of virtual machines."""
    daemon.run("storage_pool", name="local", driver="dir")
    for number, name in ((1, "br0"), (2, "br1")):
        network = {"ipv4.address": f"10.77.{number}.1/24", "ipv4.nat": "false", "ipv6.address": "none"}
        daemon.run("network", name=name, config=network)
    daemon.run("image", name="vm", **machine.files(image))


def member(host: kernel.Host, name: str) -> Member:
    host.forward(name, f"{MEMBERS[name]}/unix.socket")
    return Member(host, name, image=False)


def clustered(host: kernel.Host) -> None:
    """A cluster of two members, with a machine on the first one that can move while it runs."""
    host.ssh(f"cat >/root/cluster.sh <<'END'\n{CLUSTER}END\nbash /root/cluster.sh")
    first = member(host, "m1")
    equip(first, machine.folder())
    config = {**CONFIG, "migration.stateful": "true"}
    first.converges("instance", name="web", **{**WEB, "config": config, "target": "m1"})
    first.run("instance", name="web", state="frozen")


def alone(host: kernel.Host) -> None:
    """A machine on a server that is in no cluster."""
    incus = kernel.Daemon(host, "incus", image=False)
    equip(incus, machine.folder())
    incus.converges("instance", name="web", **WEB)
    incus.run("instance", name="web", state="frozen")


def cluster(host: kernel.Host) -> pathlib.Path:
    """The folder for `Host.renew` with a cluster."""
    return host.prepared(clustered, pathlib.Path(__file__).read_text(), machine.folder().name)


def single(host: kernel.Host) -> pathlib.Path:
    """The folder for `Host.renew` with one server."""
    return host.prepared(alone, pathlib.Path(__file__).read_text(), machine.folder().name)
