# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Device types and their properties: names and types, for `tables.py` (which has the notation).

From the reference documentation and the sources of LXD 5.0 to 6.9 and Incus 6.0 to 7.3.
"""

from __future__ import annotations

DEVICE = """
type text
user.* text
"""

NIC = """
acceleration none|sriov|vdpa
acceleration.parent text lxd
attached bool incus
boot.priority uint
connected bool incus
gvrp bool
host_name text
hwaddr hwaddr
io.bus text incus
ipv4.address none|ip4* lxd
ipv4.address none|ip4*|cidr4 incus
ipv4.address.external ip4 incus
ipv4.gateway auto|none|ip4
ipv4.host_address ip4
ipv4.host_table uint
ipv4.host_tables text incus
ipv4.neighbor_probe bool
ipv4.routes net4*
ipv4.routes.external net4*
ipv6.address none|ip6* lxd
ipv6.address none|ip6*|cidr6 incus
ipv6.address.external ip6 incus
ipv6.gateway auto|none|ip6
ipv6.host_address ip6
ipv6.host_table uint
ipv6.host_tables text incus
ipv6.neighbor_probe bool
ipv6.routes net6*
ipv6.routes.external net6*
limits.egress text
limits.egress.bucket text incus
limits.egress.burst text incus
limits.ingress text
limits.ingress.bucket text incus
limits.ingress.burst text incus
limits.max text
limits.max.bucket text incus
limits.max.burst text incus
limits.priority uint
maas.subnet.ipv4 text lxd
maas.subnet.ipv6 text lxd
mode text
mtu mtu lxd
mtu mtu1280 incus
name ifname
nested text
network text
nictype text
parent text
pci pci incus
productid hex4 incus
queue.discipline text incus
queue.discipline.attach text incus
queue.tx.length uint
security.acls text
security.acls.default.egress.action allow|drop|reject|allow-stateless
security.acls.default.egress.logged bool
security.acls.default.ingress.action allow|drop|reject|allow-stateless
security.acls.default.ingress.logged bool
security.ipv4_filtering text
security.ipv6_filtering text
security.mac_filtering text
security.port_isolation bool
security.promiscuous bool incus
security.trusted bool incus
vendorid hex4 incus
vlan none|vlan
vlan.tagged text
vrf text incus
"""

NIC_IPVLAN = """
ipv4.address text
ipv6.address text
ipv4.gateway text
ipv6.gateway text
mode text
"""

NIC_ROUTED = """
ipv4.address ip4*
ipv6.address ip6*
"""

DISK = """
attached bool incus
boot.priority uint
ceph.cluster_name text
ceph.user_name text
dependent bool incus
initial.* text
io.bus nvme|virtio-blk|virtio-scsi lxd
io.bus nvme|virtio-blk|virtio-scsi|auto|9p|virtiofs|usb incus
io.cache none|metadata|writeback|unsafe incus
io.cache none|writeback|unsafe lxd
io.threads uint lxd
limits.max text
limits.max.burst text incus
limits.max.burst.length text incus
limits.read text
limits.read.burst text incus
limits.read.burst.length text incus
limits.write text
limits.write.burst text incus
limits.write.burst.length text incus
optional bool
path text
pool text
propagation text
raw.mount.options text
readonly bool
recursive bool
required bool
shift bool
size size
size.state size
source text
source.snapshot text lxd
source.type text lxd
wwn text incus
"""

GPU = """
blob.size size incus
gid uint
gputype text
id text
mdev text
mig.ci uint
mig.gi uint
mig.uuid text
mode octal
nvidia.clique int incus
pci pci
productid hex4
uid uint
vendorid hex4
"""

INFINIBAND = """
hwaddr text
mtu mtu lxd
mtu mtu1280 incus
name text
nictype text
node_guid text incus
parent text
port_guid text incus
"""

PCI = """
address pci
firmware bool incus
"""

PROXY = """
bind host|instance|guest|container
connect proxy
gid uint
listen proxy
mode octal
nat bool
proxy_protocol bool
security.gid uint
security.uid uint
uid uint
"""

TPM = """
path text
pathrm text
"""

UNIX = """
gid uint
limits.read text incus
limits.write text incus
major uint
minor uint
mode octal
path text
required bool
source text
uid uint
"""

UNIX_HOTPLUG = """
gid uint
mode octal
ownership.inherit bool lxd
pci pci incus
productid hex4
required bool
subsystem text lxd
uid uint
vendorid hex4
"""

USB = """
attached bool incus
busnum uint
devnum uint
gid uint
mode octal
productid hex4
required bool
serial text
uid uint
vendorid hex4
"""
