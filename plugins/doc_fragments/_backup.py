# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  file:
    description:
      - The path of the file, on the host that runs the module. Required with O(state=exported) and O(state=imported).
      - V({time}) in the name of the file stands for the time of the export in UTC, as in V(20261128T030000Z). Then
        O(state=exported) needs O(max_age), and O(state=imported) takes the newest export.
      - The module writes a record next to the file, with C(.sha256) added to its name. It contains the checksum, the
        size, the time and what was exported. C(sha256sum -c) accepts it. Only the owner can read both files.
      - Until the export is whole, its name ends with C(.part). A file that is there without a record, or with the
        record of an export of something else, is never replaced. O(state=imported) accepts a file without a record, for
        example of C(lxc export).
    type: path
  max_age:
    description:
      - The age at which the next export is due, as a number with V(s), V(m), V(h), V(d) or V(w) for seconds, minutes,
        hours, days or weeks. V(0s) makes an export in each run.
      - For a task that runs daily, V(20h) leaves room for runs that start earlier or later.
      - Without it, an export that is whole is never written again.
    type: str
  keep:
    description:
      - How many exports to keep, the newest ones. Older ones of the same source whose names O(file) matches are
        removed after the new one is whole. Without it, nothing is removed.
      - Only files that the module wrote, and that still have the size of their record, are removed.
    type: int
  verify:
    description:
      - How to find out whether an export is whole. V(checksum) reads the whole file. V(size) compares only its size,
        which does not notice changed bytes.
    type: str
    choices: [checksum, size]
    default: checksum
  name:
    description: The name of a backup on the server. Required with O(state=present) and O(state=absent).
    type: str
  expires_at:
    description: When the server deletes a backup that O(state=present) creates, as in V(2026-12-31T18:00:00Z). Without
      it, never.
    type: str
  compression_algorithm:
    description:
      - How the server compresses the backup, for example V(gzip), V(zstd), V(xz) or V(none). The default is the
        C(backups.compression_algorithm) of the server.
    type: str
  optimized_storage:
    description:
      - Whether to use the format of the storage driver, for example of C(btrfs) or C(zfs). It is smaller and faster,
        but can only be imported into a pool with the same driver.
      - The server ignores it if the driver has no such format.
    type: bool
"""
