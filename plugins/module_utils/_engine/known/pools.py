# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Config keys of storage pools and of volumes: names and types, for `tables.py` (which has the notation).

From the reference documentation and the sources of LXD 5.0 to 6.9 and Incus 6.0 to 7.3.
"""

from __future__ import annotations

POOL = """
rsync.bwlimit text
rsync.compression bool
source text
source.recover bool
source.wipe bool
user.* text
volatile.* text
"""

ALLETRA = """
alletra.cpg text lxd
alletra.mode text lxd
alletra.target text lxd
alletra.user.name text lxd
alletra.user.password text lxd
alletra.wsapi text lxd
alletra.wsapi.verify bool lxd
"""

BTRFS = """
btrfs.create_options text incus
btrfs.mount_options text
size size
"""

CEPH = """
ceph.cluster_name text
ceph.osd.data_pool_name text
ceph.osd.force_reuse bool
ceph.osd.pg_name text incus
ceph.osd.pg_num text
ceph.osd.pool_name text
ceph.osd.pool_size text lxd
ceph.rbd.backend text incus
ceph.rbd.clone_copy bool
ceph.rbd.du bool
ceph.rbd.features text
ceph.user.name text
size size lxd
"""

CEPHFS = """
cephfs.cluster_name text
cephfs.create_missing bool
cephfs.data_pool text
cephfs.fscache bool
cephfs.meta_pool text
cephfs.osd_pg_num text
cephfs.osd_pool_size text lxd
cephfs.path text
cephfs.user.name text
size size lxd
"""

CEPHOBJECT = """
cephobject.bucket.name_prefix text
cephobject.bucket_name_prefix text
cephobject.cluster_name text
cephobject.radosgw.endpoint text
cephobject.radosgw.endpoint_cert text incus
cephobject.radosgw.endpoint_cert_file text
cephobject.user.name text
"""

DIR = """
size size lxd
"""

LINSTOR = """
drbd.auto_add_quorum_tiebreaker text incus
drbd.auto_diskful text incus
drbd.on_no_quorum text incus
linstor.raw.* text incus
linstor.resource_group.name text incus
linstor.resource_group.place_count text incus
linstor.resource_group.storage_pool text incus
linstor.volume.prefix text incus
"""

LVM = """
block.type text incus
lvm.metadata_size size incus
lvm.thinpool_metadata_size size
lvm.thinpool_name text
lvm.use_thinpool bool
lvm.vg.force_reuse bool
lvm.vg_name text
size size
"""

POWERFLEX = """
powerflex.clone_copy text lxd
powerflex.domain text lxd
powerflex.gateway text lxd
powerflex.gateway.verify bool lxd
powerflex.mode text lxd
powerflex.pool text lxd
powerflex.sdt text lxd
powerflex.snapshot_copy bool lxd
powerflex.user.name text lxd
powerflex.user.password text lxd
"""

POWERSTORE = """
powerstore.gateway text lxd
powerstore.gateway.verify bool lxd
powerstore.mode text lxd
powerstore.target text lxd
powerstore.user.name text lxd
powerstore.user.password text lxd
"""

PURE = """
pure.api.token text lxd
pure.gateway text lxd
pure.gateway.verify bool lxd
pure.mode text lxd
pure.target text lxd
"""

TRUENAS = """
truenas.allow_insecure bool incus
truenas.api_key text incus
truenas.clone_copy bool incus
truenas.config text incus
truenas.dataset text incus
truenas.force_reuse bool incus
truenas.host text incus
truenas.initiator text incus
truenas.portal text incus
"""

ZFS = """
size size
zfs.clone_copy bool|rebase
zfs.export bool
zfs.pool_name text
"""

#: What a volume has besides.
OF_USERS = """
user.* text
volatile.* text
"""

VOLUME = """
block.create_options text incus
block.filesystem ext4|xfs|btrfs
block.mount_options text
block.type text lxd
btrfs.compression text incus
drbd.auto_add_quorum_tiebreaker text incus
drbd.auto_diskful text incus
drbd.on_no_quorum text incus
initial.gid text incus
initial.mode text incus
initial.uid text incus
linstor.raw.* text incus
linstor.remove_snapshots text incus
lvm.stripes uint
lvm.stripes.size size
lvmcluster.remove_snapshots bool incus
security.shared text
security.shifted bool
security.size text incus
security.unmapped bool
size size
snapshots.expiry expiry
snapshots.expiry.manual expiry incus
snapshots.pattern text
snapshots.schedule text
truenas.blocksize text incus
truenas.remove_snapshots bool incus
truenas.use_refquota bool incus
zfs.block_mode bool
zfs.blocksize text
zfs.delegate bool
zfs.promote bool lxd
zfs.remove_snapshots bool
zfs.reserve_space bool
zfs.use_refquota bool
"""
