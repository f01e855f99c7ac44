# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typical mistakes and right values, for the tests of the tables and for those that ask the daemons about them."""

from __future__ import annotations

ROOT = {"type": "disk", "path": "/", "pool": "default"}
P2P = {"type": "nic", "nictype": "p2p"}
PROXY = {"type": "proxy", "listen": "tcp:0.0.0.0:80", "connect": "tcp:127.0.0.1:80"}

#: Values of config keys that both daemons refuse: kind, type or driver, key, value, and words of the error.
WRONG_VALUES = [
    ("instance", "", "limits.cpu", "many", "a number of CPUs or a set of them"),
    ("instance", "", "limits.cpu", "0-", "0-3,6"),
    ("instance", "", "limits.cpu.allowance", "25ms", "25ms/100ms"),
    ("instance", "", "limits.cpu.priority", "11", "from 0 to 10"),
    ("instance", "", "limits.memory", "10 GiB", "a size or a percentage"),
    ("instance", "", "limits.memory", "0", "a size or a percentage"),
    ("instance", "", "limits.memory", "10.5%", "10%"),
    ("instance", "", "limits.memory.enforce", "soff", "Did you mean 'soft'?"),
    ("instance", "", "limits.processes", "1.5", "a whole number"),
    ("instance", "", "security.nesting", "ture", "Did you mean 'true'?"),
    ("instance", "", "security.privileged", "maybe", "a boolean"),
    ("instance", "", "boot.autostart.priority", "high", "a whole number"),
    ("instance", "", "snapshots.expiry", "2x", "1d 12H"),
    *(
        ("instance", "", "snapshots.schedule", value, "@daily or 0 6 * * *")
        for value in ("daily", "@dayly", "0 6 * *", "0 25 * * *", "0 6 0 * *", "0 6 * 13 *", "x 6 * * *", "6 o'clock")
    ),
    ("instance", "", "raw.lxc", "lxc.apparmor.profile unconfined", "KEY = VALUE"),
    ("instance", "", "migration.incremental.memory.goal", "-1", "from 0 to"),
    ("project", "", "limits.instances", "-1", "from 0 to"),
    ("project", "", "limits.memory", "lots", "a size"),
    ("project", "", "restricted", "partly", "a boolean"),
    ("project", "", "restricted.containers.privilege", "unprivilegd", "Did you mean 'unprivileged'?"),
    ("project", "", "restricted.devices.nic", "deny", "allow, block or managed"),
    ("server", "", "core.shutdown_timeout", "5m", "a whole number"),
    ("server", "", "images.auto_update_cached", "sometimes", "a boolean"),
    ("server", "", "core.bgp_routerid", "10.158.1.1/24", "an IPv4 address"),
    ("network", "bridge", "ipv4.address", "10.158.9.1", "with its mask"),
    ("network", "bridge", "ipv4.address", "10.158.9.0/24", "with its mask"),
    ("network", "bridge", "ipv4.nat", "maybe", "a boolean"),
    ("network", "bridge", "ipv4.dhcp.ranges", "10.158.9.5", "a range of IPv4 addresses"),
    ("network", "bridge", "ipv4.routes", "10.158.9.1/24", "an IPv4 network"),
    ("network", "bridge", "bridge.mtu", "20000", "MTU"),
    ("network", "bridge", "bridge.hwaddr", "00-16-3e-12-34-56", "00:16:3e:12:34:56"),
    ("network", "bridge", "dns.mode", "dinamic", "Did you mean 'dynamic'?"),
    ("network", "bridge", "tunnel.t.protocol", "ipip", "gre or vxlan"),
    ("network", "bridge", "security.acls.default.ingress.action", "deny", "allow, drop, reject"),
    ("network", "macvlan", "vlan", "4095", "a VLAN from 0 to 4094"),
    ("storage_pool", "dir", "rsync.compression", "fast", "a boolean"),
    ("storage_pool", "dir", "volume.size", "ten", "a size"),
]

#: Devices that both daemons refuse, and words of the error.
WRONG_DEVICES = [
    ({"type": "nics"}, "Did you mean 'nic'?"),
    ({"type": "nic"}, "needs 'network'"),
    ({"type": "nic", "nictype": "bridge"}, "Did you mean 'bridged'?"),
    ({"type": "nic", "nictype": "bridged"}, "needs 'parent'"),
    ({"type": "nic", "nictype": "macvlan"}, "needs 'parent'"),
    ({**P2P, "hwaddr": "00-16-3e-12-34-56"}, "a MAC address"),
    ({**P2P, "name": "a-name-that-is-too-long"}, "2 to 15"),
    ({**P2P, "ipv4.routes": "10.158.9.1/24"}, "an IPv4 network"),
    ({"type": "nic", "nictype": "routed", "parent": "lo", "ipv4.address": "10.158.9.5/33"}, "an IPv4 address"),
    ({"type": "disk", "path": "/"}, "needs 'pool'"),
    ({"type": "disk", "path": "/srv"}, "needs 'source'"),
    ({"type": "disk", "path": "/srv", "source": "srv"}, "begins with a slash"),
    ({"type": "disk", "path": "/srv", "source": "/srv", "readonly": "maybe"}, "a boolean"),
    ({"type": "disk", "path": "/srv", "source": "/srv", "size": "1GiB"}, "only the root disk"),
    ({**PROXY, "listen": "80"}, "tcp:ADDRESS:PORT"),
    ({**PROXY, "listen": "tcp:80"}, "tcp:ADDRESS:PORT"),
    ({**PROXY, "connect": "tcp:localhost:80"}, "tcp:ADDRESS:PORT"),
    ({"type": "proxy", "listen": "tcp:0.0.0.0:80"}, "needs 'connect'"),
    ({**PROXY, "bind": "hots"}, "Did you mean 'host'?"),
    ({"type": "unix-char"}, "'source' or 'path'"),
    ({"type": "unix-char", "source": "/dev/null", "mode": "rw"}, "an octal mode"),
    ({"type": "unix-char", "source": "/dev/null", "uid": "root"}, "a whole number"),
    ({"type": "usb", "vendorid": "0x1234"}, "four hexadecimal digits"),
    ({"type": "gpu", "pci": "1"}, "a PCI address"),
]

#: Keys that both daemons refuse: kind, type or driver, key, and the one that is meant.
UNKNOWN_KEYS = [
    ("instance", "", "limits.memroy", "limits.memory"),
    ("instance", "", "security.nestin", "security.nesting"),
    ("instance", "", "boot.autostrat", "boot.autostart"),
    ("instance", "", "cloud-init.userdata", "cloud-init.user-data"),
    ("network", "bridge", "ipv4.natt", "ipv4.nat"),
    ("network", "bridge", "ipv4.adress", "ipv4.address"),
    ("network", "macvlan", "paren", "parent"),
    ("storage_pool", "dir", "sourc", "source"),
    ("project", "", "limits.containres", "limits.containers"),
    ("server", "", "core.htps_address", "core.https_address"),
]

#: Values that are right: kind, type or driver, key, value.
RIGHT_VALUES = [
    *(("instance", "", "limits.cpu", value) for value in ("2", "0-3", "0,2", "0-3,6", "1-1")),
    *(("instance", "", "limits.memory", value) for value in ("10%", "2GiB", "512MB", "1073741824", "150%", "1 bytes")),
    *(("instance", "", "limits.cpu.allowance", value) for value in ("50%", "25ms/100ms", "25/100")),
    *(("instance", "", "security.nesting", value) for value in ("true", "False", "yes", "off", "1", "ON")),
    *(("instance", "", "snapshots.expiry", value) for value in ("1d", "1d 2H", "3w", "1M 2y")),
    *(("instance", "", "boot.autostart.priority", value) for value in ("0", "-1", "+5", "007")),
    *(
        ("instance", "", "snapshots.schedule", value)
        for value in (
            "@daily",
            "0 6 * * *",
            "*/15 0-6,20 1 jan-MAR *",
            "0 6 * * mon,3",
            "@hourly, 0 6 ? * 1-5",
            "@Never",
        )
    ),
    ("instance", "", "environment.LANG", "de_DE.UTF-8"),
    ("instance", "", "user.anything.at-all", "many words"),
    ("instance", "", "linux.sysctl.net.ipv4.ip_forward", "1"),
    ("instance", "", "limits.kernel.nofile", "1000:2000"),
    ("instance", "", "limits.hugepages.2MB", "512MiB"),
    ("instance", "", "raw.lxc", "lxc.apparmor.profile=unconfined"),
    ("instance", "", "raw.lxc", "# comment\n\n  lxc.apparmor.profile = unconfined\n"),
    ("instance", "", "cloud-init.user-data", "#cloud-config\n{}"),
    ("instance", "", "security.syscalls.intercept.mount.fuse", "ext4=fuse2fs"),
    ("instance", "", "limits.memory.swap", "false"),
    ("instance", "", "cluster.evacuate", "live-migrate"),
    ("project", "", "limits.instances", "10"),
    ("project", "", "limits.memory", "10GiB"),
    ("project", "", "restricted.devices.disk", "managed"),
    ("project", "", "restricted.idmap.uid", "1000-2000"),
    ("project", "", "user.team", "web"),
    ("server", "", "core.shutdown_timeout", "5"),
    ("server", "", "core.proxy_ignore_hosts", "localhost,10.0.0.0/8"),
    ("server", "", "core.bgp_asn", "4200000000"),
    ("server", "", "instances.nic.host_name", "mac"),
    ("server", "", "images.compression_algorithm", "zstd -19"),
    *(("network", "bridge", "ipv4.address", value) for value in ("10.158.9.1/24", "none", "auto")),
    *(("network", "bridge", "ipv6.address", value) for value in ("fd42:9::1/64", "none", "auto")),
    ("network", "bridge", "ipv4.dhcp.ranges", "10.158.9.5-10.158.9.9, 10.158.9.20-10.158.9.29"),
    ("network", "bridge", "ipv4.routes", "10.159.0.0/16, 10.160.1.1/32"),
    ("network", "bridge", "ipv4.dhcp.expiry", "1h"),
    ("network", "bridge", "raw.dnsmasq", "log-queries"),
    ("network", "bridge", "tunnel.far.protocol", "vxlan"),
    ("network", "bridge", "bgp.peers.up.asn", "65000"),
    ("network", "bridge", "user.note", "x"),
    ("network", "macvlan", "parent", "eth0.100"),
    ("network", "macvlan", "vlan", "100"),
    ("network", "ovn", "network", "none"),
    ("network", "physical", "ipv4.gateway", "10.158.9.1/24"),
    ("storage_pool", "dir", "source", "/srv/pool"),
    ("storage_pool", "dir", "rsync.bwlimit", "10MB"),
    ("storage_pool", "btrfs", "size", "10GiB"),
    ("storage_pool", "zfs", "zfs.clone_copy", "rebase"),
    ("storage_pool", "zfs", "volume.zfs.use_refquota", "true"),
    ("storage_pool", "lvm", "lvm.use_thinpool", "false"),
    ("storage_pool", "ceph", "ceph.osd.pg_num", "32"),
]

#: Devices that are right.
RIGHT_DEVICES = [
    ROOT, {**ROOT, "size": "10GiB", "limits.read": "30MB"}, {"type": "none"}, P2P, {**P2P, "user.note": "x"},
    {"type": "nic", "network": "lxdbr0", "ipv4.address": "10.158.1.9"},
    {"type": "nic", "network": "lxdbr0", "ipv4.address": "none", "security.mac_filtering": "true"},
    {"type": "nic", "nictype": "bridged", "parent": "br0", "vlan": "none", "vlan.tagged": "10,20-30"},
    {"type": "nic", "nictype": "routed", "parent": "eth0", "ipv4.address": "10.0.0.9, 10.0.0.8"},
    {"type": "nic", "nictype": "routed"},
    {"type": "nic", "nictype": "ipvlan", "parent": "eth0", "mode": "l2", "ipv4.address": "10.0.0.9/24"},
    {"type": "nic", "nictype": "macvlan", "parent": "eth0", "mtu": "1500", "hwaddr": "00:16:3E:12:34:56"},
    {"type": "disk", "source": "/srv", "path": "/srv", "readonly": "true", "shift": "yes"},
    {"type": "disk", "source": "/srv"}, {"type": "disk", "source": "cloud-init:config"},
    {"type": "disk", "source": "cephfs:fs/path", "path": "/srv"},
    {"type": "disk", "source": "data", "pool": "default", "path": "/data"},
    PROXY, {**PROXY, "listen": "udp:[::]:53", "connect": "udp:127.0.0.1:53"},
    {**PROXY, "listen": "tcp:0.0.0.0:80-90,443", "bind": "host"},
    {**PROXY, "listen": "unix:@x", "connect": "unix:/run/x"},
    {"type": "unix-char", "source": "/dev/kvm", "mode": "0660", "gid": "108"},
    {"type": "unix-block", "path": "/dev/sdb", "required": "false"}, {"type": "unix-hotplug", "vendorid": "1234"},
    {"type": "usb"}, {"type": "gpu"}, {"type": "gpu", "gputype": "physical", "pci": "0000:01:00.0"},
    {"type": "pci", "address": "01:00.0"}, {"type": "tpm"},
    {"type": "infiniband", "nictype": "physical", "parent": "ib0"},
]  # fmt: skip
