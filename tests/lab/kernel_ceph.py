# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Ceph in the host with a kernel of its own: one monitor, one manager and one OSD on a disk, at the address of
a bridge that members of a cluster reach too. The kernel's RBD maps its volumes.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from .kernel import Daemon, Host

#: The bridge, which may be there already, and its address.
BRIDGE, ADDRESS = "wire", "10.0.9.254"
#: The disk of the OSD.
DISK = "/dev/vde"
SCRIPT = """set -e
ip link show {bridge} >/dev/null 2>&1 || ip link add {bridge} type bridge
ip address add {address}/24 dev {bridge}
ip link set {bridge} up
cat > /etc/ceph/ceph.conf <<END
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v2:{address}:3300,v1:{address}:6789]
mon initial members = a
public network = {address}/24
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd memory target = 939524096
mon allow pool size one = true
mon allow pool delete = true
mgr initial modules =
END
cd /var/lib/ceph
mkdir -p mon/ceph-a mgr/ceph-x osd/ceph-0 /var/run/ceph
admin=/etc/ceph/ceph.client.admin.keyring
ceph-authtool --create-keyring mon.keyring --gen-key -n mon. --cap mon 'allow *'
ceph-authtool --create-keyring $admin --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' \
  --cap mds 'allow *' --cap mgr 'allow *'
ceph-authtool mon.keyring --import-keyring $admin
monmaptool --create --addv a '[v2:{address}:3300,v1:{address}:6789]' \
  --fsid "$(sed -n 's/^fsid = //p' /etc/ceph/ceph.conf)" monmap
ceph-mon --mkfs -i a --monmap monmap --keyring mon.keyring
ceph-mon -i a
ceph auth get-or-create mgr.x mon 'allow profile mgr' osd 'allow *' mds 'allow *' -o mgr/ceph-x/keyring
ceph-mgr -i x
osd=$(cat /proc/sys/kernel/random/uuid)
ceph osd new $osd
ceph auth get-or-create osd.0 mon 'allow profile osd' mgr 'allow profile osd' osd 'allow *' -o osd/ceph-0/keyring
ln -s {disk} osd/ceph-0/block
ceph-osd -i 0 --mkfs --osd-uuid $osd
ceph-osd -i 0
until ceph osd stat | grep -q ' 1 up'; do sleep 1; done
"""


#: Two more daemons of a product, which are a cluster, at addresses of the bridge. They are in the network namespace of
#: the host, since in another one `rbd map` waits for udev for ever.
CLUSTER = """set -e
variable={variable}
for n in 1 2; do
  ip address add {network}.$n/24 dev {bridge}
  mkdir /var/lib/m$n
  systemd-run -q --collect --unit=m$n -p KillMode=process -p Delegate=yes -p LimitNOFILE=1048576 \
    -E $variable=/var/lib/m$n {daemon}
done
for n in 1 2; do env $variable=/var/lib/m$n {daemon} waitready --timeout=600; done
env $variable=/var/lib/m1 {init} --preseed <<END
config: {{core.https_address: "{network}.1:8443"}}
cluster: {{server_name: m1, enabled: true}}
END
token=$(env $variable=/var/lib/m1 {client} cluster add {name}m2 -q | tail -n 1)
env $variable=/var/lib/m2 {init} --preseed <<END
cluster: {{server_name: m2, enabled: true, server_address: "{network}.2:8443", cluster_token: "$token"}}
END
"""
PROGRAMS = {
    "lxd": {"daemon": "/usr/bin/lxd", "init": "lxd init", "client": "lxc", "variable": "LXD_DIR", "name": "--name "},
    "incus": {
        "daemon": "/usr/libexec/incus/incusd",
        "init": "incus admin init",
        "client": "incus",
        "variable": "INCUS_DIR",
        "name": "",
    },
}
MEMBERS = ("m1", "m2")


def start(host: Host) -> None:
    """Have it in a host that has none."""
    host.ssh(SCRIPT.format(bridge=BRIDGE, address=ADDRESS, disk=DISK))


def start_for_lxd(host: Host) -> None:
    """Have it, and a cluster of LXD."""
    start(host)
    _cluster(host, "lxd")


def start_for_incus(host: Host) -> None:
    """Have it, and a cluster of Incus."""
    start(host)
    _cluster(host, "incus")


def _cluster(host: Host, product: str) -> None:
    host.ssh(CLUSTER.format(bridge=BRIDGE, network=ADDRESS.rpartition(".")[0], **PROGRAMS[product]))


def saved(host: Host, product: str) -> pathlib.Path:
    """The folder for `Host.renew` with Ceph and a cluster of a product."""
    prepare = {"lxd": start_for_lxd, "incus": start_for_incus}[product]
    return host.prepared(prepare, pathlib.Path(__file__).read_text())


class Member(Daemon):
    """A member of the cluster."""

    def __init__(self, host: Host, product: str, name: str) -> None:
        host.forward(name, f"/var/lib/{name}/unix.socket")
        super().__init__(host, name, image=False)
        self.client = f"{PROGRAMS[product]['variable']}=/var/lib/{name} {PROGRAMS[product]['client']}"

    def query(self, path: str) -> Any:
        return json.loads(self.host.ssh(f"{self.client} query {path}"))
