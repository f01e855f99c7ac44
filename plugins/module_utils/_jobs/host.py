# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Read the host of a daemon, for the role install: packages, units, processes, files, users, lxcfs."""

from __future__ import annotations

import errno
import glob
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
from typing import Any

from .._api.client import Client
from .._api.errors import LXDError
from .info import Info

FUSE = "/dev/fuse"
APT = "/etc/apt"


def installed(names: list[str]) -> dict[str, str]:
    """The versions of installed Debian packages, by name. Names of other packages are left out."""
    text = (
        _output("dpkg-query", "--show", "--showformat=${Package}\t${db:Status-Status}\t${Version}\n", "--", *names)
        if names
        else ""
    )
    rows = [line.split("\t") for line in text.splitlines()]
    return {name: version for name, status, version in rows if status == "installed"}


def units(names: list[str]) -> dict[str, dict[str, str]]:
    """The state of units in systemd, by the names that were asked for; empty if systemd does not run."""
    if not names or not os.path.isdir("/run/systemd/system"):
        return {}
    wanted = ("Names", "LoadState", "ActiveState", "UnitFileState")
    text = _output("systemctl", "show", *(f"--property={name}" for name in wanted), "--", *names)
    found = {}
    for block in text.split("\n\n"):  # systemctl stops at what is no name of a unit, so they are not counted
        shown = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if shown.get("LoadState") == "loaded":
            state = {"active": shown.get("ActiveState", ""), "enabled": shown.get("UnitFileState", "")}
            found.update({name: state for name in names if name in shown.get("Names", "").split()})
    return found


def runs(pidfile: str, program: str) -> bool:
    """Whether the process of a pid file runs a program, even if the file was replaced since, as start-stop-daemon."""
    try:
        with open(pidfile, encoding="ascii") as stream:
            running = os.readlink(f"/proc/{int(stream.read().split()[0])}/exe")
        return os.path.samefile(running.replace(" (deleted)", ""), program)
    except (OSError, ValueError, IndexError):
        return False


def described(path: str) -> dict[str, Any] | None:
    """The checksum, mode and owner of a file; None if there is no file."""
    if not os.path.isfile(path):  # the others may have no end
        return None
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            digest = hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None
    return {"sha256": digest, "mode": f"{stat.S_IMODE(status.st_mode):04o}", "uid": status.st_uid, "gid": status.st_gid}


def members(group: str | None, users: list[str]) -> list[str]:
    """Those of some users that exist and are in a group."""
    known = {entry.pw_name for entry in pwd.getpwall()} if users else set()
    try:
        listed = grp.getgrnam(group).gr_mem if group else []
    except KeyError:
        return []
    return [user for user in users if user in known and user in listed]


def fuse_mount(path: str | None) -> dict[str, bool]:
    """Whether file systems in user space are possible, and whether one serves (it has a `proc`) or was killed, which
    leaves a mount that refuses everything.
    """
    if path is None:
        return {}
    code = 0
    try:
        os.stat(os.path.join(path, "proc"))
    except OSError as exc:
        code = exc.errno or errno.EIO
    # access(2), because it asks the device cgroup of a container too, which stat(2) does not
    return {"possible": os.access(FUSE, os.R_OK), "serves": code == 0, "killed": code == errno.ENOTCONN}


def apt_sources() -> str:
    """All sources of APT, one after another."""
    texts = []
    for path in sorted(
        path
        for directory in (APT, f"{APT}/sources.list.d")
        for ending in ("list", "sources")
        for path in glob.glob(f"{directory}/*.{ending}")
    ):
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as stream:
                texts.append(stream.read())
    return "\n\n".join(texts)


def answer(client: Client) -> dict[str, Any]:
    """Whether a daemon answers the first attempt, and if not, why."""
    try:
        envelope = json.loads(client.fetch("/1.0"))
    except (LXDError, RecursionError, ValueError) as exc:
        return {"answers": False, "reason": str(exc)}
    answers = isinstance(envelope, dict) and envelope.get("type") == "sync"
    return {"answers": answers, "reason": "" if answers else str(envelope)}


def _output(*command: str) -> str:
    """The output of a command that only reads, in English; empty if there is no such command."""
    try:
        # pylint: disable-next=ansible-bad-function # the engine imports nothing of Ansible, so it has no run_command
        done = subprocess.run(
            command, env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace")


class HostInfo(Info):
    """A host, and whether the daemon on it answers."""

    spec: dict[str, dict[str, Any]] = {
        "packages": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "processes": {"type": "dict", "default": {}},
        "files": {"type": "list", "elements": "path", "default": []},
        "users": {"type": "list", "elements": "str", "default": []},
        "group": {"type": "str"},
        "lxcfs": {"type": "path"},
        "apt_sources": {"type": "bool", "default": False},
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        found = {path: described(path) for path in params["files"]}
        host = {
            "packages": installed(params["packages"]),
            "units": units(params["units"]),
            "processes": {pidfile: runs(pidfile, str(program)) for pidfile, program in params["processes"].items()},
            "files": {path: file for path, file in found.items() if file},
            "members": members(params["group"], params["users"]),
            "lxcfs": fuse_mount(params["lxcfs"]),
            "apt_sources": apt_sources() if params["apt_sources"] else "",
        }
        return {"host": host, "daemon": answer(client)}
