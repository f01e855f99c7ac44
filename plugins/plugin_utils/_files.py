# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Copies files to and from instances. For root, the daemon copies them. For other users, a command of the user does.

The daemon follows links with the rights of root. If it copied files of a user, a process of that user could replace a
file with a link, and so read or write the files of root.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import secrets
import stat
from typing import IO, Any, Callable, Iterator

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Exactly
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance_client import InstanceClient

HOME_OF_ROOT = "/root"  # where the daemon starts commands of root
_PATH = """f=$(printf %bx "$1"); f=${f%x}; """
#: Writes a file of a given size. If the input ends early, that is an error. A device has no size.
WRITE = (
    _PATH
    + """umask 077; cat >"$f" || exit 1
[ ! -f "$f" ] || [ "$(wc -c <"$f")" -eq "$2" ] || { echo "The file is incomplete." >&2; exit 1; }"""
)
#: Reads a regular file. Checks the open file too, because another file may have taken the name.
READ = (
    _PATH
    + """[ ! -d "$f" ] || { echo "It is a directory, and only files can be fetched." >&2; exit 1; }
[ ! -e "$f" ] || [ -f "$f" ] || { echo "It is not a regular file." >&2; exit 1; }
exec 3<"$f" && { [ -f /proc/self/fd/3 ] || { echo "It is not a regular file." >&2; exit 1; }; } && cat <&3"""
)
#: Runs a command as the user: arguments, input, and where to write the output.
Run = Callable[[Any, Any, Any], "tuple[int, bytes, bytes]"]


def put(instance: InstanceClient, run: Run, stream: IO[bytes], path: str, login: dict[str, Any]) -> None:
    """Write a stream to `path` in the instance, as the user in `login`."""
    if not login.get("user"):
        instance.push(stream, posixpath.join(login.get("cwd", HOME_OF_ROOT), path))
        return
    size = os.fstat(stream.fileno()).st_size

    def write() -> tuple[int, bytes, bytes]:
        stream.seek(0)
        return run(_arguments(WRITE, path, str(size)), Exactly(stream, size), None)

    _repeat(instance, write, f"writing {path}")


def get(instance: InstanceClient, run: Run, path: str, stream: IO[bytes], login: dict[str, Any]) -> None:
    """Write the file at `path` in the instance to a stream, as the user in `login`."""
    if not login.get("user"):
        instance.pull(posixpath.join(login.get("cwd", HOME_OF_ROOT), path), stream)
        return

    def read() -> tuple[int, bytes, bytes]:
        with contextlib.suppress(OSError):  # a device
            stream.seek(0)
            stream.truncate()
        return run(_arguments(READ, path), b"", stream)

    _repeat(instance, read, f"reading {path}")


def _arguments(script: str, path: str, *more: str) -> list[str]:
    """The arguments that run a script. Escapes the path, because JSON cannot represent all bytes."""
    escaped = re.sub(rb"[^A-Za-z0-9/._-]", lambda found: b"\\0%03o" % found[0][0], os.fsencode(path)).decode()
    return ["/bin/sh", "-c", script, "sh", escaped, *more]


def _repeat(instance: InstanceClient, work: Callable[[], tuple[int, bytes, bytes]], doing: str) -> None:
    """Do the work, and again if the connection breaks: to copy the same file again does no harm."""
    deadline = Deadline(instance.options["timeout"])
    attempt = 0
    while True:
        try:
            code, _out, err = work()
            break
        except Interrupted as exc:
            deadline.pause(attempt, f"{doing} in instance {instance.name}, which failed with: {exc}")
            attempt += 1
    if code:
        raise InvalidInput(err.decode(errors="replace").strip() or f"The command that copies it ended with {code}.")


@contextlib.contextmanager
def replaced(path: bytes) -> Iterator[IO[bytes]]:
    """A file to write, which replaces the one at `path` when all is written. After an error, that one is unchanged."""
    path = os.path.realpath(path)
    try:
        about = os.stat(path) if os.path.exists(path) else None
        if about and not stat.S_ISREG(about.st_mode):  # a device, for instance
            with open(path, "wb") as stream:
                yield stream
        else:
            with _aside(path, about) as stream:
                yield stream
    except OSError as exc:
        raise LXDError(f"{os.fsdecode(path)} cannot be written: {exc.strerror or exc}.") from exc


@contextlib.contextmanager
def _aside(path: bytes, about: os.stat_result | None) -> Iterator[IO[bytes]]:
    aside = os.path.join(os.path.dirname(path), f".fetched-{secrets.token_hex(8)}".encode())
    try:
        with open(aside, "xb") as stream:
            if about:
                with contextlib.suppress(PermissionError):
                    os.fchown(stream.fileno(), about.st_uid, about.st_gid)
                os.fchmod(stream.fileno(), stat.S_IMODE(about.st_mode))
            yield stream
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
