# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the conformance suite: one entry for each kind, in the file of its family."""

from __future__ import annotations

from . import access, clusters, images, instances, networks, server, storage
from .entry import Entry

TABLE: dict[str, Entry] = {
    **access.ENTRIES,
    **clusters.ENTRIES,
    **images.ENTRIES,
    **instances.ENTRIES,
    **networks.ENTRIES,
    **server.ENTRIES,
    **storage.ENTRIES,
}
#: Kinds that are not made, changed and deleted like others, and the tests that are theirs.
ELSEWHERE = {
    "cluster": "tests/integration/test_cluster.py",
    "cluster_member": "tests/integration/test_cluster_contents.py",
    "cluster_token": "tests/integration/test_cluster.py",
    "instance_backup": "tests/integration/test_backups.py",
    "instance_file": "tests/integration/test_instance_files.py",
    "instance_template": "tests/integration/test_instance_files.py",
    "network_load_balancer": "tests/integration/test_cluster_remote.py",
    "network_peer": "tests/integration/test_cluster_remote.py",
    "server": "tests/integration/test_lifecycle.py",
    "storage_volume_backup": "tests/integration/test_backups.py",
    "trust_token": "tests/integration/test_trust.py",
}
