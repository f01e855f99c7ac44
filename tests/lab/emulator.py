# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator of hosts with a kernel of their own. Its NIC `igb` has virtual functions, which QEMU has had since 8.0.

Where the release has an older one, that of its backports is unpacked into the cache, and nothing is installed. A
libvirtd sees it in the place of the machine's, in its own mount namespace.
"""

from __future__ import annotations

import pathlib
import platform
import subprocess

from . import cache

#: The suite that has a newer one than the release.
SUITES = {"bookworm": "bookworm-backports"}
PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios")
#: What of the folder takes the place of the same of the machine. The libraries are those of the machine.
PLACES = (
    "usr/bin/qemu-system-i386",
    "usr/bin/qemu-system-x86_64",
    "usr/lib/x86_64-linux-gnu/qemu",
    "usr/share/qemu",
    "usr/share/seabios",
)


def folder() -> pathlib.Path | None:
    """The folder of the emulator; None where the machine's own is new enough.

    :raises RuntimeError: if there is no such emulator
    """
    suite = SUITES.get(platform.freedesktop_os_release().get("VERSION_CODENAME", ""))
    if not suite:
        return None
    key = cache.key(suite, cache.versions(*PACKAGES))
    return cache.have(f"emulator-{key}", lambda place: _unpack(place, suite))


def version() -> str:
    """What decides whether it reads the memory that another one has saved."""
    unpacked = folder()
    if unpacked:
        return unpacked.name
    command = ["dpkg-query", "-W", "-f", "${Version}", PACKAGES[0]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _unpack(place: pathlib.Path, suite: str) -> None:
    names = [f"{name}/{suite}" for name in PACKAGES]
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *names]
    done = subprocess.run(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{suite} has no emulator for hosts with a kernel of their own: {done.stdout[-2000:]}")
    for package in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(place)], check=True)
        package.unlink()
