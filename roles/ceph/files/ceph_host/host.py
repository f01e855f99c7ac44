# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step does to its host: files, units and commands, each said, and none of them done in check mode."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from typing import Any, Callable, Iterator

#: Where daemons keep what is theirs.
DATA = "/var/lib/ceph"
#: Where this role keeps what daemons must not change.
NOTES = "/var/lib/cloudhost-lxd/ceph"
ETC = "/etc/ceph"
UNITS = "/etc/systemd/system"
#: The user and group of all daemons.
CEPH = "ceph"
HIDDEN = "********"


class Failed(Exception):
    """The step cannot be done, and why, in words for the user."""


class Host:
    """The host, and what was done to it.

    :param check: whether nothing is to be changed
    :param timeout: seconds that the step has, for all that it waits for
    """

    def __init__(self, check: bool, timeout: float) -> None:
        self.check, self.timeout = check, timeout
        self.deadline = time.monotonic() + timeout
        self.actions: list[str] = []
        self.diffs: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def do(self, words: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do something, which `words` say. In check mode it is only said, and the result is None."""
        self.actions.append(words)
        return None if self.check else function(*arguments)

    def wait(self, condition: Callable[[], Any], what: Callable[[], str]) -> Any:
        """Until a condition holds, and its value.

        :param what: the words of the error, made when the time is over
        """
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > self.deadline:
                raise Failed(f"{what()} (waited {self.timeout:.0f} s)")
            time.sleep(0.2)

    # -- files --------------------------------------------------------------------------------------------------------

    def write(self, path: str, text: str, mode: int, owner: str = "root", secret: bool = False) -> bool:
        """A file with this content, mode and owner. The diff shows no secret.

        :returns: whether it was another one before
        """
        before = read(path)
        if before == text and described(path) == (mode, owner):
            return False
        hide = HIDDEN + "\n" if secret else None
        self.diffs.append(
            {
                "before": "" if before is None else (hide or before),
                "after": hide or text,
                "before_header": path,
                "after_header": path,
            }
        )
        self.do(f"write {path}", replace, path, text, mode, owner)
        return True

    # -- units --------------------------------------------------------------------------------------------------------

    def running(self, *units: str) -> None:
        """Units that run, and start with the host."""
        idle = [unit for unit in units if shown(unit) != ("active", "enabled")]
        if idle:
            self.do(f"start {', '.join(idle)}", start, *idle)

    def ended(self, *units: str) -> None:
        """Units that neither run nor start with the host."""
        busy = [unit for unit in units if shown(unit)[0] in ("active", "activating") or shown(unit)[1] == "enabled"]
        if busy:
            self.do(f"stop {', '.join(busy)}", run, "systemctl", "disable", "--now", *busy)


def run(*command: str, given: str = "", codes: tuple[int, ...] = (0,)) -> str:
    """The output of a program.

    :param given: its standard input: the only place for secrets
    :param codes: the exit codes that are no error
    :raises Failed: it could not be run, or ended with another code
    """
    try:
        done = subprocess.run(
            command, input=given, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
        )
    except OSError as exc:
        raise Failed(f"{command[0]}: {exc.strerror}") from exc
    if done.returncode not in codes:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failed(f"{' '.join(command)} ended with code {done.returncode}: {' / '.join(said[-5:])}")
    return done.stdout


def shown(unit: str) -> tuple[str, str]:
    """What systemd says of a unit: its active state, and whether it is enabled."""
    text = run("systemctl", "show", "--property=ActiveState,UnitFileState", "--", unit)
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return found.get("ActiveState", ""), found.get("UnitFileState", "")


def start(*units: str) -> None:
    """Start units, those too that failed so often that systemd has given them up."""
    run("systemctl", "reset-failed", "--", *units, codes=(0, 1))
    try:
        run("systemctl", "enable", "--now", "--", *units)
    except Failed as exc:
        failed = [unit for unit in units if shown(unit)[0] not in ("active", "activating")] or list(units)
        raise Failed(f"{', '.join(failed)} does not start: {exc}. See: journalctl -u {failed[0]}") from exc


def read(path: str) -> str | None:
    """The content of a file; None if there is none. A symbolic link is none: this runs as root in folders of others."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with open(handle, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def described(path: str) -> tuple[int, str] | None:
    """The mode and the owner of a file."""
    try:
        status = os.lstat(path)
        return stat.S_IMODE(status.st_mode), pwd.getpwuid(status.st_uid).pw_name
    except (OSError, KeyError):
        return None


def ids(owner: str) -> tuple[int, int]:
    """The numbers of a user and of the group with the same name."""
    try:
        return pwd.getpwnam(owner).pw_uid, grp.getgrnam(owner).gr_gid
    except KeyError as exc:
        raise Failed(f"there is no user {owner} on this host, which the packages of Ceph make") from exc


def replace(path: str, text: str, mode: int, owner: str) -> None:
    """Another content, at once and for whoever follows no link: nobody sees half of it, or reads a secret early."""
    folder, name = os.path.split(path)
    handle, new = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # mode 0600
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            os.fchown(handle, *ids(owner))
            os.fchmod(handle, mode)
            stream.write(text)
            stream.flush()
            os.fsync(handle)
        os.rename(new, path)
    except BaseException:
        os.unlink(new)
        raise


def folder(path: str, owner: str = CEPH, mode: int = 0o750) -> None:
    """An empty folder of the daemons, or the one that is there."""
    os.makedirs(path, mode=mode, exist_ok=True)
    os.chown(path, *ids(owner), follow_symlinks=False)


def give(path: str, owner: str = CEPH) -> None:
    """A folder, with all that is in it, to a user. Links are not followed, those neither that appear meanwhile."""
    numbers = ids(owner)
    for _place, folders, files, handle in os.fwalk(path):
        for name in (*folders, *files):
            os.chown(name, *numbers, dir_fd=handle, follow_symlinks=False)
    os.chown(path, *numbers, follow_symlinks=False)


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A folder that only root and the daemons read, and that is gone afterwards."""
    place = tempfile.mkdtemp(prefix="ceph-", dir="/run")
    try:
        os.chown(place, *ids(CEPH))
        yield place
    finally:
        shutil.rmtree(place)
