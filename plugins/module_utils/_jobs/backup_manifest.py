# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The runs of backups in a directory: what a run consists of, what its manifest says, and whether it is whole.

A run is a directory that is named after the time of its begin. While it is written, its manifest is
`manifest.partial.json`; once all of it is there and on the disk, `manifest.json`. So what breaks off, or lacks
something, never looks whole. Nothing here asks a server.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import stat
import time
import urllib.parse
from typing import Any, Iterator, NamedTuple

from .._api.errors import InvalidInput, LXDError
from .._kinds._durable import anew, settle, settle_names
from .._kinds._exports import PART, RECORD
from .._kinds.instances._power import RUNNING, normalize_status

WHOLE, PARTIAL, REMOVED = "manifest.json", "manifest.partial.json", "manifest.removed.json"
#: The checksums of all files of a run, for `sha256sum -c`.
SUMS = "SHA256SUMS"
#: What a manifest of this collection says of itself.
FORMAT = {"made_by": "cloudhost.lxd server_backup", "format": 1}
#: What a run has besides exports, if the server gives it.
DOCUMENT, PRESEED = "server.json", "preseed.json"
DATABASES = {"global": "database.global.sql", "local": "database.local.sql"}
#: What is added to the name of a split image for each of its files.
METADATA, ROOTFS = ".metadata", ".rootfs"
IDENTITY = ("server.crt", "server.key", "cluster.crt", "cluster.key")
_STAMP = "%Y%m%dT%H%M%SZ"
_NAMED = re.compile(r"\d{8}T\d{6}Z")
#: The most bytes of a manifest, of one item's line: a server with 100,000 exports has one of 40 MB.
_LARGEST = 1 << 28


class Item(NamedTuple):
    """What is exported, or was.

    :ivar names: the options that name it, such as `instance`, or `pool` and `volume`
    :ivar member: the member of a cluster that it is on; empty if all members have it
    :ivar status: of an instance, as the server reports it; empty otherwise
    :ivar files: the paths of its files in the run; an image has two, if it is a split one
    """

    kind: str
    project: str
    names: dict[str, str]
    member: str = ""
    status: str = ""
    files: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return "/".join(self.names.values())

    @property
    def place(self) -> str:
        """The member, of what several members can have one each."""
        return self.member if self.kind == "storage_volume" else ""

    @property
    def title(self) -> str:
        project = f" (project {self.project})" if self.project not in ("", "default") else ""
        return f"{self.kind} {self.label}{f' on {self.place}' if self.place else ''}{project}"

    @property
    def path(self) -> str:
        """Where its export is in a run. Names are quoted, because those of volumes can have any characters."""
        parts = [f"{self.kind}s", self.project or "default", *self.names.values()]
        return "/".join(map(quoted, parts)) + (f"@{quoted(self.place)}" if self.place else "") + ".backup"

    def facts(self) -> dict[str, Any]:
        return {**self._asdict(), "files": list(self.files)}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Item:
        item = cls(**{name: facts[name] for name in cls._fields})
        return item._replace(names=dict(item.names), files=tuple(item.files))


class Run(NamedTuple):
    """A directory of a run, and its manifest.

    :ivar state: the name of its manifest; empty if the manifest was changed since it was written
    """

    path: str
    manifest: dict[str, Any]
    state: str

    @property
    def whole(self) -> bool:
        return self.state == WHOLE

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def items(self) -> list[Item]:
        return [Item.of(facts) for facts in self.manifest["items"]]

    def older_than(self, seconds: float) -> bool:
        return time.time() - began(self.name) >= seconds

    def verify(self, by_checksum: bool) -> None:
        """Check that every file is as the manifest says.

        :raises InvalidInput: with each file that is not
        """
        wrong = [
            words for words in (_trouble(self.path, facts, by_checksum) for facts in self.manifest["files"]) if words
        ]
        if wrong:
            raise InvalidInput(*(f"'{self.path}' is not as it was written: {words}." for words in wrong))

    def content(self, name: str) -> bytes:
        """A file of the run."""
        with _failing(self.path, "read"), open(os.path.join(self.path, name), "rb") as stream:
            return stream.read()


def running(before: Run | None) -> set[str]:
    """The titles of the instances that ran when a run was begun."""
    return {item.title for item in before.items if normalize_status(item.status) == RUNNING} if before else set()


def quoted(name: str) -> str:
    """A name as one segment of a path, which no name can leave."""
    text = urllib.parse.quote(name, safe=" +,=")
    return re.sub(r"^\.+", lambda dots: "%2E" * len(dots[0]), text)


def stamp(when: float) -> str:
    return time.strftime(_STAMP, time.gmtime(when))


def began(name: str) -> float:
    return datetime.datetime.strptime(name, _STAMP).replace(tzinfo=datetime.timezone.utc).timestamp()


def runs(directory: str) -> list[Run]:
    """The runs in a directory that this collection made, the newest first. What else is there is none of them."""
    try:
        names = [name for name in os.listdir(directory) if _NAMED.fullmatch(name)]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise InvalidInput(f"directory: '{directory}' cannot be read: {exc.strerror or exc}.") from exc
    found = (_run(os.path.join(directory, name)) for name in sorted(names, reverse=True))
    return [run for run in found if run]


def _run(path: str) -> Run | None:
    if os.path.islink(path) or not os.path.isdir(path):
        return None
    for name in (WHOLE, PARTIAL, REMOVED):
        manifest = _manifest(os.path.join(path, name))
        if manifest:
            return Run(path, manifest, name if name != WHOLE or _as_summed(path) else "")
    return None


def _manifest(path: str) -> dict[str, Any] | None:
    """A manifest; None for what is none, or is that of something else."""
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.loads(stream.read(_LARGEST))
        known = content["made_by"] == FORMAT["made_by"] and content["format"] == FORMAT["format"]
        verified = {_inside(facts["file"]) for facts in content["files"]}
        for facts in content["items"]:
            if not verified.issuperset(Item.of(facts).files):
                raise ValueError(facts)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    except OSError as exc:
        raise InvalidInput(f"directory: '{path}' cannot be read: {exc.strerror or exc}.") from exc
    return content if known else None


def _inside(name: Any) -> str:
    """The path of a file in a run. One that leaves it is refused: somebody could have written it into a manifest."""
    if not isinstance(name, str) or name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(name)
    return name


def _as_summed(path: str) -> bool:
    """Whether the manifest has the checksum that was written beside it."""
    try:
        with open(os.path.join(path, SUMS), encoding="utf-8") as stream:
            lines = [line.rstrip("\n").partition("  ") for line in stream]
        sums = {name: digest for digest, _spaces, name in lines}
        return sums.get(WHOLE) == checksum(os.path.join(path, WHOLE))
    except (OSError, ValueError):
        return False


def _trouble(folder: str, facts: dict[str, Any], by_checksum: bool) -> str:
    """What is wrong with a file of a run, in words; empty if nothing is."""
    name, path = facts["file"], os.path.join(folder, facts["file"])
    try:
        about = os.lstat(path)
        if not stat.S_ISREG(about.st_mode):
            return f"'{name}' is no plain file"
        if about.st_size != facts["size"]:
            return f"'{name}' has {about.st_size} bytes, and its manifest says {facts['size']}"
        if by_checksum and checksum(path) != facts["sha256"]:
            return f"'{name}' has another checksum than its manifest says"
    except FileNotFoundError:
        return f"'{name}' is not there"
    except OSError as exc:
        return f"'{name}' cannot be read: {exc.strerror or exc}"
    return ""


def checksum(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


# -- writing ----------------------------------------------------------------------------------------------------------


def make(path: str) -> None:
    """A directory that only its owner can enter, if it is not there."""
    with _failing(path):
        if not os.path.isdir(path):
            make(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):  # another thread has made it
                os.mkdir(path, 0o700)


def write(path: str, text: str | bytes) -> dict[str, Any]:
    """Write a file that only its owner can read, whole or not at all. Returns its line of the manifest."""
    data = text.encode() if isinstance(text, str) else text
    with _failing(path):
        with anew(path + PART) as file:
            file.write(data)
            settle(file)
        os.replace(path + PART, path)
    return {"file": os.path.basename(path), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def text_of(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def publish(path: str, manifest: dict[str, Any]) -> None:
    """Make a run whole: its checksums, and then its manifest under its own name."""
    text = text_of(manifest)
    sums = [*manifest["files"], {"file": WHOLE, "sha256": hashlib.sha256(text.encode()).hexdigest()}]
    write(os.path.join(path, SUMS), "".join(f"{facts['sha256']}  {facts['file']}\n" for facts in sums))
    write(os.path.join(path, PARTIAL), text)
    with _failing(path):
        os.replace(os.path.join(path, PARTIAL), os.path.join(path, WHOLE))
        for folder in (path, os.path.dirname(path)):
            settle_names(folder)


def remove(run: Run) -> str:
    """Remove what a run consists of, its manifest last. Returns what else is in its directory, and stays."""
    with _failing(run.path):
        for name in (WHOLE, PARTIAL):  # from now on it is not whole, but still known as a run
            with contextlib.suppress(FileNotFoundError):
                os.replace(os.path.join(run.path, name), os.path.join(run.path, REMOVED))
        for name in _names(run):
            for end in (PART, ""):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(run.path, name + end))
        for folder, _folders, _files in os.walk(run.path, topdown=False):
            if folder != run.path:
                with contextlib.suppress(OSError):  # it is not empty
                    os.rmdir(folder)
        left = sorted(set(os.listdir(run.path)) - {REMOVED})
        if not left:
            os.unlink(os.path.join(run.path, REMOVED))
            os.rmdir(run.path)
    return ", ".join(left)


def _names(run: Run) -> Iterator[str]:
    """All files that a run can have, as this collection writes them."""
    for item in run.items:
        for name in {*item.files, *(item.path + end for end in ("", METADATA, ROOTFS))}:
            yield from (name, name + RECORD)
    yield from {facts["file"] for facts in run.manifest["files"]}
    yield from (DOCUMENT, PRESEED, SUMS, *DATABASES.values(), *IDENTITY)


@contextlib.contextmanager
def _failing(path: str, verb: str = "written") -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise LXDError(
            f"'{exc.filename or path}' cannot be {verb} on the host that runs the module: {exc.strerror or exc}. Free "
            "space there or correct its permissions, or choose another directory. Runs that were whole are as they "
            "were."
        ) from exc
