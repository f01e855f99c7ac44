# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Config keys of instances and profiles: names and types, for `tables.py` (which has the notation).

From the reference documentation and the sources of LXD 5.0 to 6.9 and Incus 6.0 to 7.3.
"""

from __future__ import annotations

INSTANCE = """
agent.nic_config bool
boot.autorestart bool incus
boot.autostart bool lxd
boot.autostart bool|last-state incus
boot.autostart.delay int
boot.autostart.priority int
boot.debug_edk2 bool lxd
boot.host_shutdown_action stop|force-stop|stateful-stop incus
boot.host_shutdown_timeout int
boot.mode uefi-secureboot|uefi-nosecureboot|bios lxd
boot.stop.priority int
cloud-init.network-config text
cloud-init.ssh-keys.* text lxd
cloud-init.user-data text
cloud-init.vendor-data text
cluster.evacuate auto|migrate|live-migrate|refresh-migrate|stop|stateful-stop|force-stop incus
cluster.evacuate auto|migrate|live-migrate|stop lxd
environment.* text
image.* text
initial.nvram-binary.* text incus
initial.nvram.* text incus
initial.secureboot.db text incus
initial.secureboot.dbt text incus
initial.secureboot.dbx text incus
initial.secureboot.kek text incus
initial.secureboot.mok text incus
initial.secureboot.pk text incus
limits.cpu cpus lxd
limits.cpu cpus|topology incus
limits.cpu.allowance allowance
limits.cpu.nodes cpus lxd
limits.cpu.nodes cpus|0|balanced incus
limits.cpu.pin_strategy none|auto lxd
limits.cpu.priority priority
limits.disk.priority priority
limits.hugepages.1GB size
limits.hugepages.1MB size
limits.hugepages.2MB size
limits.hugepages.64KB size
limits.kernel.* text
limits.kernel.as text
limits.kernel.core text
limits.kernel.cpu text
limits.kernel.data text
limits.kernel.fsize text
limits.kernel.locks text
limits.kernel.memlock text
limits.kernel.nice text
limits.kernel.nofile text
limits.kernel.nproc text
limits.kernel.rtprio text
limits.kernel.sigpending text
limits.max_bus_ports uint lxd
limits.memory memory
limits.memory.enforce soft|hard
limits.memory.hotplug bool|size incus
limits.memory.hugepages bool
limits.memory.oom_priority int incus
limits.memory.swap bool lxd
limits.memory.swap bool|size incus
limits.memory.swap.priority priority
limits.network.priority priority lxd
limits.processes int
linux.kernel_modules text
linux.kernel_modules.load boot|ondemand lxd
linux.sysctl.* text
migration.incremental.memory bool
migration.incremental.memory.goal uint
migration.incremental.memory.iterations uint
migration.stateful bool
nvidia.driver.capabilities text
nvidia.require.cuda text
nvidia.require.driver text
nvidia.runtime bool
oci.cwd text incus
oci.dns.domain text incus
oci.dns.nameservers ip* incus
oci.dns.search text incus
oci.entrypoint text incus
oci.gid uint incus
oci.uid uint incus
placement.group text lxd
raw.apparmor text
raw.idmap text
raw.lxc lxc
raw.qemu text
raw.qemu.conf text
raw.qemu.qmp.early text incus
raw.qemu.qmp.post-start text incus
raw.qemu.qmp.pre-start text incus
raw.qemu.scriptlet text incus
raw.seccomp text
security.agent.metrics bool
security.bpffs.delegate_attachs text incus
security.bpffs.delegate_cmds text incus
security.bpffs.delegate_maps text incus
security.bpffs.delegate_progs text incus
security.bpffs.path text incus
security.csm bool
security.delegate_bpf bool lxd
security.delegate_bpf.attach_types text lxd
security.delegate_bpf.cmd_types text lxd
security.delegate_bpf.map_types text lxd
security.delegate_bpf.prog_types text lxd
security.devlxd bool lxd
security.devlxd.images bool lxd
security.devlxd.management.volumes bool lxd
security.guestapi bool incus
security.guestapi.images bool incus
security.idmap.base uint
security.idmap.isolated bool
security.idmap.size uint
security.iommu bool incus
security.nesting bool
security.privileged bool
security.protection.delete bool
security.protection.shift bool
security.protection.start bool
security.secureboot bool
security.selinux.domain text incus
security.selinux.label_rootfs auto|always|never incus
security.selinux.level text incus
security.selinux.type text incus
security.sev bool
security.sev.policy.es bool
security.sev.session.data text
security.sev.session.dh text
security.syscalls.allow text
security.syscalls.blacklist text
security.syscalls.blacklist_compat bool
security.syscalls.blacklist_default bool
security.syscalls.deny text
security.syscalls.deny_compat bool
security.syscalls.deny_default bool
security.syscalls.intercept.bpf bool
security.syscalls.intercept.bpf.devices bool
security.syscalls.intercept.mknod bool
security.syscalls.intercept.mount bool
security.syscalls.intercept.mount.allowed text
security.syscalls.intercept.mount.fuse text
security.syscalls.intercept.mount.shift bool
security.syscalls.intercept.sched_setscheduler bool
security.syscalls.intercept.setxattr bool
security.syscalls.intercept.sysinfo bool
security.syscalls.whitelist text
security.tags text incus
smbios11.* text incus
snapshots.expiry expiry
snapshots.expiry.manual expiry incus
snapshots.pattern text
snapshots.schedule schedule
snapshots.schedule.stopped bool
systemd.credential-binary.* text incus
systemd.credential.* text incus
ubuntu_pro.guest_attach off|on|available lxd
user.* text
volatile.* text
"""
