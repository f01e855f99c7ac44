# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Pythons of this machine, and those of them that the sessions of noxfile.py run with."""

from __future__ import annotations

import os
import pathlib
import re

#: ansible-core by the oldest and the newest series that we support, with the Pythons of the controller each of them
#: takes.
CORES = {"2.19": (11, 13), "2.21": (12, 14)}

#: The Pythons that ansible-test of the newest series knows.
SANITY = (9, 14)


def pythons() -> dict[int, str]:
    """The Pythons of this machine by minor version: those on the path and those of pyenv, but not its shims, which may
    lead nowhere.
    """
    folders = [pathlib.Path(folder) for folder in os.environ["PATH"].split(os.pathsep)] + sorted(
        pathlib.Path.home().glob(".pyenv/versions/3.*/bin")
    )
    found = {}
    for folder in folders:
        for program in folder.glob("python3.*"):
            minor = re.fullmatch(r"python3\.(\d+)", program.name)
            if (
                minor
                and folder.name != "shims"
                and any(pathlib.Path(folder.parent, "lib").glob(f"python3.{minor[1]}/ensurepip"))
            ):
                found.setdefault(int(minor[1]), str(program))
    return found


PYTHONS = pythons()


def between(low: int, high: int) -> list[str]:
    """The Pythons between two minor versions, the oldest first; where there is none, a name that nox reports as
    missing.
    """
    return [PYTHONS[minor] for minor in range(low, high + 1) if minor in PYTHONS] or [f"python3.{high}"]


NEWEST = between(*CORES["2.21" if any(minor >= 12 for minor in PYTHONS) else "2.19"])[-1]
OLDEST = PYTHONS[min(minor for minor in PYTHONS if minor >= 8)]
