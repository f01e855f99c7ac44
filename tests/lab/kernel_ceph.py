# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Ceph in the host with a kernel of its own: one monitor, one manager and one OSD on a disk, at the address of
a bridge that members of a cluster reach too. The kernel's RBD maps its volumes.
"""

from __future__ import annotations

from .kernel import Host

#: The bridge, and its address.
BRIDGE, ADDRESS = "wire", "10.89.0.1"
#: The disk of the OSD.
DISK = "/dev/vde"
SCRIPT = """set -e
ip link add {bridge} type bridge
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


def start(host: Host) -> None:
    """Have it in a host that has none."""
    host.ssh(SCRIPT.format(bridge=BRIDGE, address=ADDRESS, disk=DISK))
