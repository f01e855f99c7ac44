# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incus 7, from the backports of Debian 13: its packages are unpacked into the cache and not installed.

A daemon sees their /usr in place of the one of the host, so it runs on hosts with other libraries. All else is the
host's, so paths mean the same to tests and daemon. `python -m lab.incus7` in `tests` prints the folder of it.
"""

from __future__ import annotations

import functools
import os
import pathlib
import platform
import subprocess
import sys

from ansible_collections.cloudhost.lxd.plugins.filter.apt_archive import apt_archive

from . import cache

SUITE = "trixie"
#: The daemon and its client, what it calls at run time, and the registry and the clients of the tests. The daemon sees
#: nothing of the /usr of the host, so all that a shell needs comes too.
PACKAGES = (
    "?essential",
    *("incus-base", "incus-client", "btrfs-progs", "dnsmasq-base", "iproute2", "nftables", "squashfs-tools"),
    *("docker-registry", "s3cmd", "skopeo"),
)
#: Those whose newer version is another folder.
DECIDING = ("incus-base", "incus-client", "docker-registry", "skopeo")
#: Names another archive of Debian, for a host whose own archive has no Debian 13.
VARIABLE = "CLOUDHOST_TEST_DEBIAN"
#: Names the folder, for a run that has looked for it already.
MADE = "CLOUDHOST_TEST_INCUS7"
SOURCES = ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources")
#: All but usr, and what nothing here reads of it.
LEFT_OUT = ("[!u]*", *(f"usr/share/{name}" for name in ("doc", "info", "locale", "man")))
#: The hooks and the foreign architectures of the host are not for what is only unpacked.
CONFIG = """
#clear APT::Architectures;
#clear APT::Update;
#clear Dir::Etc::PreferencesParts;
#clear DPkg;
APT {{ Architecture "{architecture}"; Architectures {{ "{architecture}"; }}; Install-Recommends "false";
  Default-Release "{suite}-backports"; Sandbox::User "root"; }};
Acquire::Languages "none";
Dir {{ State "{place}"; State::status "{place}/status"; Cache "{place}";
  Etc {{ SourceList "{place}/sources.list"; SourceParts "{place}/none"; Preferences "{place}/none";
    PreferencesParts "{place}/none"; }}; }};
"""


@functools.lru_cache(maxsize=None)
def usr() -> pathlib.Path:
    """The folder that a daemon sees as /usr; made where the cache has none of the versions that the archive has.

    :raises RuntimeError: if there is no archive with these packages
    """
    given = os.environ.get(MADE)
    if given:
        return pathlib.Path(given)
    indexes = _indexes()
    known = _apt(indexes, "apt-cache", "madison", *DECIDING)
    name = f"{SUITE}-{cache.key(pathlib.Path(__file__).read_text(), platform.machine(), known)}"
    return cache.have(name, lambda place: _unpack(indexes, place)) / "usr"


def _indexes() -> pathlib.Path:
    """APT's own folder for the suite, apart from what the host has of APT, with its indexes as they are now."""
    with cache.locked(SUITE) as root:
        place = root / f"{SUITE}-indexes"
        for name in ("lists/partial", "archives/partial"):
            (place / name).mkdir(parents=True, exist_ok=True)
        uri, signed_by = _archive()
        option = f"[signed-by={signed_by}] " if signed_by else ""
        suites = (SUITE, f"{SUITE}-backports")
        (place / "sources.list").write_text("".join(f"deb {option}{uri} {suite} main\n" for suite in suites))
        (place / "status").touch()
        architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
        given = {"place": place, "suite": SUITE, "architecture": architecture.stdout.strip()}
        (place / "apt.conf").write_text(CONFIG.format(**given))
        _apt(place, "apt-get", "update", "--error-on=any")
        cache.used(place)
    return place


def _archive() -> tuple[str, str]:
    """The archive that this host takes its own release from, and the keys for it: other releases are beside it."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    paths = [path for pattern in SOURCES for path in sorted(pathlib.Path("/etc/apt").glob(pattern))]
    found = apt_archive("\n\n".join(path.read_text() for path in paths), release)
    uri = os.environ.get(VARIABLE) or found["uri"]
    if not uri:
        raise RuntimeError(f"no source of APT names {release}: set {VARIABLE} to an archive that has {SUITE}")
    return uri, found["signed_by"]


def _apt(place: pathlib.Path, program: str, *arguments: str) -> str:
    command = [program, f"--config-file={place}/apt.conf", "--quiet=2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"Incus 7 could not be had from {SUITE}-backports of the archive of this host ({VARIABLE} names another "
            f"one): {program} {' '.join(arguments)}: {done.stderr.strip()}"
        )
    return done.stdout


def _unpack(indexes: pathlib.Path, place: pathlib.Path) -> None:
    with cache.locked(f"{SUITE}-archives"):
        _apt(indexes, "apt-get", "autoclean")
        _apt(indexes, "apt-get", "install", "--yes", "--download-only", *PACKAGES)
        packages = sorted((indexes / "archives").glob("*.deb"))
        for path in packages:
            _unpack_one(place, path)
            path.unlink()


def _unpack_one(place: pathlib.Path, package: pathlib.Path) -> None:
    without = [f"--exclude=./{pattern}" for pattern in LEFT_OUT]
    # the times of now: who else uses the cache deletes folders that are old
    tar = ["tar", "--extract", "--touch", "--preserve-permissions", *without, "-C", str(place)]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as taken:
        subprocess.run(tar, stdin=taken.stdout, check=True)
    if taken.returncode:
        raise RuntimeError(f"{package.name} cannot be unpacked")


if __name__ == "__main__":
    try:
        print(usr())
    except RuntimeError as exc:
        sys.exit(f"error: {exc}")
