# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder that daemons of a test run live in."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import Iterator

#: Memory that must be free for a folder in it, and the most that one folder may take of that. Two test processes have
#: one each.
FREE, MOST = 16 << 30, 8 << 30


@contextlib.contextmanager
def folder(purpose: str) -> Iterator[pathlib.Path]:
    """Gone when it is left. In memory where that is large enough: what thousands of deleted files of root file systems
    cost a disk, the databases of all daemons wait for at each of their syncs. Snapshots of a container on a pool `dir`
    took 10 s there, and 2 s in memory."""
    number = os.environ.get("CLOUDHOST_TEST_NUMBER", "0")  # of the session, which looks for what is left (measured.py)
    place = pathlib.Path(tempfile.mkdtemp(prefix=f"cloudhost-{purpose}-{number}-", dir="/var/tmp"))
    in_memory = _available() >= FREE
    if in_memory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOST}", "cloudhost", str(place)], check=True)
    place.chmod(0o711)  # unprivileged containers reach their root file system through it
    try:
        yield place
    finally:
        if in_memory:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        shutil.rmtree(place, ignore_errors=True)


def _available() -> int:
    found = re.search(r"^MemAvailable: +(\d+) kB$", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return int(found[1]) << 10 if found else 0
