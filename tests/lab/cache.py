# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests build once for all clones of the repository: folders in the user's cache, named by all that decides what
is in them.

Each is made under another name and renamed when it is whole, so there is no half of one. `python tests/lab/image.py
--empty` removes all of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from typing import Callable, Iterator

#: Days after which something goes that no test run has taken since.
KEPT = 14


def root() -> pathlib.Path:
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "cloudhost-lxd"


def key(*parts: object) -> str:
    """The same for the same parts, which are anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def versions(*packages: str) -> list[str]:
    """Every version of these packages that the archives of this machine have, so that a new one is another key. Needs
    no network.
    """
    said = subprocess.run(["apt-cache", "madison", *packages], capture_output=True, text=True, check=False).stdout
    return sorted({f"{found[1]} {found[2]}" for found in re.finditer(r"^ *(\S+) \| +(\S+) \|.* Packages$", said, re.M)})


@contextlib.contextmanager
def locked(name: str) -> Iterator[pathlib.Path]:
    """The cache, with nobody else at `name` in it meanwhile. The kernel gives the lock back when its holder is gone,
    however it ended.
    """
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root()


def have(name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder of that name in the cache; `make` fills it where it is not there."""
    kind = name.partition("-")[0]
    place = root() / name
    if place.exists():  # whole, and no wait for who makes another one
        used(place)
        return place
    with locked(kind):
        if not place.exists():
            unfinished = pathlib.Path(tempfile.mkdtemp(prefix=f"{kind}.new-", dir=root()))
            try:
                make(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(place)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        used(place)
    return place


def used(place: pathlib.Path) -> None:
    """Keep it for some days more, and let go what nobody has used for as many."""
    os.utime(place)
    for path in place.parent.iterdir():
        if path.is_dir() and time.time() - path.stat().st_mtime > KEPT * 86400:
            shutil.rmtree(path, ignore_errors=True)


def copy(source: pathlib.Path, place: pathlib.Path) -> None:
    """A folder from elsewhere, whole or not at all."""
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=f"{place.name}.new-", dir=place.parent))
    try:
        shutil.copytree(source, unfinished, dirs_exist_ok=True)
        with contextlib.suppress(OSError):  # another run was faster
            unfinished.rename(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def empty() -> None:
    shutil.rmtree(root(), ignore_errors=True)
