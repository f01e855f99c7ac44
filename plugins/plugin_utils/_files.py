# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Files both ways. Those of root go by the daemon, which may do what root may; those of any other user by a command
that runs as that user.

The daemon would follow a link that a process of the user puts where a file was, and read or write what only root may.
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
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance import Instance

HOME_OF_ROOT = "/root"  # where the daemon has commands of root begin
_PATH = """f=$(printf %bx "$1"); f=${f%x}; """
#: Write a file, of so many bytes: an input that ends early is none. A device has no size.
WRITE = (
    _PATH
    + """umask 077; cat >"$f" || exit 1
[ ! -f "$f" ] || [ "$(wc -c <"$f")" -eq "$2" ] || { echo "It has not all of its contents." >&2; exit 1; }"""
)
#: Read a file. What it is is asked of what is open, for the name may be that of something else by then.
READ = (
    _PATH
    + """[ ! -d "$f" ] || { echo "It is a directory, and only files can be fetched." >&2; exit 1; }
[ ! -e "$f" ] || [ -f "$f" ] || { echo "It is no file." >&2; exit 1; }
exec 3<"$f" && { [ -f /proc/self/fd/3 ] || { echo "It is no file." >&2; exit 1; }; } && cat <&3"""
)
#: Runs a command as the user, as `Instance.run`.
Run = Callable[[Any, Any, Any], "tuple[int, bytes, bytes]"]


def put(instance: Instance, run: Run, stream: IO[bytes], path: str, login: dict[str, Any]) -> None:
    """Write what is in `stream` to `path` of the instance, for the user that `login` is."""
    if not login.get("user"):
        instance.push(stream, posixpath.join(login.get("cwd", HOME_OF_ROOT), path))
        return
    size = os.fstat(stream.fileno()).st_size

    def write() -> tuple[int, bytes, bytes]:
        stream.seek(0)
        return run(_words(WRITE, path, str(size)), Exactly(stream, size), None)

    _repeated(instance, write, f"writing {path}")


def get(instance: Instance, run: Run, path: str, stream: IO[bytes], login: dict[str, Any]) -> None:
    """Read `path` of the instance into `stream`, as the user that `login` is."""
    if not login.get("user"):
        instance.pull(posixpath.join(login.get("cwd", HOME_OF_ROOT), path), stream)
        return

    def read() -> tuple[int, bytes, bytes]:
        with contextlib.suppress(OSError):  # a device
            stream.seek(0)
            stream.truncate()
        return run(_words(READ, path), b"", stream)

    _repeated(instance, read, f"reading {path}")


def _words(script: str, path: str, *more: str) -> list[str]:
    """The words of a script, with a path of any bytes in a form that JSON can carry."""
    escaped = re.sub(rb"[^A-Za-z0-9/._-]", lambda found: b"\\0%03o" % found[0][0], os.fsencode(path)).decode()
    return ["/bin/sh", "-c", script, "sh", escaped, *more]


def _repeated(instance: Instance, work: Callable[[], tuple[int, bytes, bytes]], doing: str) -> None:
    """Once more where it broke off: the same file again does no harm."""
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
        raise InvalidInput(err.decode(errors="replace").strip() or f"The command for it ended with {code}.")


@contextlib.contextmanager
def replaced(path: bytes) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of the one at `path` when all is written: until then, and if it fails,
    that one stays as it is.
    """
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
