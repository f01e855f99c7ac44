# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Decides whether a command would start the Python that runs the session agent, with the same libraries."""

from __future__ import annotations

import glob
import os
import site
import sys


class Interpreter:
    """The Python that runs this program, and what it found when it started."""

    def __init__(self) -> None:
        self._found = self._look()

    def is_started_by(self, argv: list[str]) -> bool:
        """Whether a command only starts this interpreter, and would find what is loaded here.

        The path must name a Python in the directory of this one. In another directory, the same file may be the
        interpreter of a virtual environment.
        """
        if len(argv) != 3 or argv[:2] != ["/bin/sh", "-c"]:
            return False
        directory, name = os.path.split(argv[2])
        own = os.path.dirname(sys.executable)
        try:
            same = (
                name.startswith("python")
                and os.path.realpath(directory) == os.path.realpath(own)
                and os.path.samefile(argv[2], sys.executable)
            )
        except OSError:
            return False
        return same and self._look() == self._found and not self._is_outdated()

    @staticmethod
    def _look() -> list[tuple[int, int] | None]:
        """Inode and time of change of what a Python reads at its start. An upgrade or a new library changes them."""
        directories = [
            *filter(None, sys.path),  # not the current directory: nothing is loaded from it
            *getattr(site, "getsitepackages", list)(),
            site.getusersitepackages(),
        ]
        paths = [path for directory in directories for path in sorted(glob.glob(f"{directory}/*.pth"))]
        customize = getattr(sys.modules.get("sitecustomize"), "__file__", None) or "/"
        found: list[tuple[int, int] | None] = []
        for place in (sys.executable, customize, *directories, *paths):
            try:
                about = os.stat(place)
                found.append((about.st_ino, about.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    @staticmethod
    def _is_outdated() -> bool:
        """Whether a loaded shared library was upgraded. What is loaded later would be of another version."""
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
            return any(".so" in line and line.endswith(" (deleted)\n") for line in stream)
