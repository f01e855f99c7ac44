# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Config keys of networks, by type: names and types, for `tables.py` (which has the notation).

From the reference documentation and the sources of LXD 5.0 to 6.9 and Incus 6.0 to 7.3.
"""

from __future__ import annotations

BRIDGE = """
bgp.ipv4.instances bool incus
bgp.ipv4.nexthop ip4
bgp.ipv6.instances bool incus
bgp.ipv6.nexthop ip6
bgp.peers.*.address ip
bgp.peers.*.asn uint
bgp.peers.*.holdtime uint
bgp.peers.*.interface text incus
bgp.peers.*.password text
bridge.driver native|openvswitch
bridge.external_interfaces text
bridge.hwaddr hwaddr
bridge.mode standard|fan lxd
bridge.mtu mtu lxd
bridge.mtu mtu1280 incus
bridge.multicast_snooping bool incus
dns.domain text
dns.include_hosts bool incus
dns.mode dynamic|managed|none
dns.nameservers ip* incus
dns.search text
dns.zone.forward text
dns.zone.reverse.ipv4 text
dns.zone.reverse.ipv6 text
fan.overlay_subnet net4 lxd
fan.type vxlan|ipip lxd
fan.underlay_subnet text lxd
ipv4.address none|auto|cidr4
ipv4.dhcp bool
ipv4.dhcp.expiry text
ipv4.dhcp.gateway ip4 lxd
ipv4.dhcp.gateway none|ip4 incus
ipv4.dhcp.ranges range4*
ipv4.dhcp.routes text incus
ipv4.firewall bool
ipv4.nat bool
ipv4.nat.address ip4
ipv4.nat.order before|after
ipv4.ovn.ranges range4*
ipv4.routes net4*
ipv4.routing bool
ipv6.address none|auto|cidr6
ipv6.dhcp bool
ipv6.dhcp.expiry text
ipv6.dhcp.ranges range6*
ipv6.dhcp.stateful bool
ipv6.firewall bool
ipv6.nat bool
ipv6.nat.address ip6
ipv6.nat.order before|after
ipv6.ovn.ranges range6*
ipv6.ra bool incus
ipv6.routes net6*
ipv6.routing bool
maas.subnet.ipv4 text lxd
maas.subnet.ipv6 text lxd
raw.dnsmasq text
security.acls text
security.acls.default.egress.action allow|drop|reject|allow-stateless
security.acls.default.egress.logged bool
security.acls.default.ingress.action allow|drop|reject|allow-stateless
security.acls.default.ingress.logged bool
tunnel.*.group ip
tunnel.*.id int
tunnel.*.interface ifname
tunnel.*.local ip
tunnel.*.port port
tunnel.*.protocol gre|vxlan
tunnel.*.remote ip
tunnel.*.ttl uint
user.* text
volatile.* text
"""

OVN = """
acceleration.parent text lxd
bridge.external_interfaces text incus
bridge.hwaddr hwaddr
bridge.mtu mtu lxd
bridge.mtu mtu1280 incus
bridge.multicast_relay bool incus
bridge.multicast_snooping bool incus
dns.domain text
dns.mode managed|none incus
dns.nameservers ip* incus
dns.search text
dns.zone.forward text
dns.zone.reverse.ipv4 text
dns.zone.reverse.ipv6 text
ipv4.address none|auto|cidr4
ipv4.dhcp bool
ipv4.dhcp.expiry text incus
ipv4.dhcp.gateway none|ip4 incus
ipv4.dhcp.ranges range4*
ipv4.dhcp.routes text incus
ipv4.l3only bool
ipv4.nat bool
ipv4.nat.address ip4
ipv6.address none|auto|cidr6
ipv6.dhcp bool
ipv6.dhcp.stateful bool
ipv6.l3only bool
ipv6.nat bool
ipv6.nat.address ip6
ipv6.ra bool incus
network text
parent text incus
security.acls text
security.acls.default.egress.action allow|drop|reject|allow-stateless
security.acls.default.egress.logged bool
security.acls.default.ingress.action allow|drop|reject|allow-stateless
security.acls.default.ingress.logged bool
tunnel.*.group ip incus
tunnel.*.id int incus
tunnel.*.interface ifname incus
tunnel.*.local ip incus
tunnel.*.port port incus
tunnel.*.protocol gre|vxlan incus
tunnel.*.remote ip* incus
tunnel.*.ttl uint incus
user.* text
volatile.* text
"""

PHYSICAL = """
bgp.peers.*.address ip
bgp.peers.*.asn uint
bgp.peers.*.holdtime uint
bgp.peers.*.interface text incus
bgp.peers.*.password text
dns.nameservers ip*
gvrp bool
ipv4.gateway cidr4
ipv4.gateway.hwaddr hwaddr incus
ipv4.ovn.ranges range4*
ipv4.routes net4*
ipv4.routes.anycast bool
ipv6.gateway cidr6
ipv6.gateway.hwaddr hwaddr incus
ipv6.ovn.ranges range6*
ipv6.routes net6*
ipv6.routes.anycast bool
maas.subnet.ipv4 text lxd
maas.subnet.ipv6 text lxd
mtu mtu lxd
mtu mtu1280 incus
ovn.ingress_mode l2proxy|routed
parent ifname
user.* text
vlan vlan
vlan.tagged text incus
volatile.* text
"""

SRIOV = """
maas.subnet.ipv4 text lxd
maas.subnet.ipv6 text lxd
mtu mtu lxd
mtu mtu1280 incus
parent ifname
user.* text
vlan vlan
volatile.* text
"""

MACVLAN = f"gvrp bool{SRIOV}"
