# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The architectures of images, and all the names that they have."""

from __future__ import annotations

#: By the names that image servers use, those that the daemons know (shared/osarch) and the kernel has.
NAMES = {
    "amd64": ("x86_64", "amd64"),
    "arm64": ("aarch64", "arm64"),
    "armhf": ("armv7l", "armhf", "armv7"),
    "i386": ("i686", "i386", "i586", "386", "x86"),
    "ppc64el": ("ppc64le", "ppc64el"),
    "riscv64": ("riscv64",),
    "s390x": ("s390x",),
}


def of_image_servers(name: str) -> str | None:
    """An architecture as image servers name it; None if they have no such architecture."""
    return next((known for known, names in NAMES.items() if name in names), None)
