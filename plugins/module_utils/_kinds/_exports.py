# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Files of exports: how they are named, what the record beside each says, and which of them are whole.

The record of `web1.tar.gz` is `web1.tar.gz.sha256`. It has the checksum, the size, the time and the source, and
`sha256sum -c` takes it, too. It is written after the export has its last byte and its name, so an export without a
record is not known to be whole. Nothing here asks a server.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import time
from typing import Any, NamedTuple

from .._api.errors import InvalidInput
from .images._upload import fingerprint

#: What stands for the time of each export in the option `file`.
PLACE = "{time}"
#: What is added to the name of an export for its record, and to any name while it is written.
RECORD, PART = ".sha256", ".part"
_STAMP, _STAMPED = "%Y%m%dT%H%M%SZ", r"\d{8}T\d{6}Z"
#: The most bytes of a record.
_LARGEST = 1 << 16
_SUM = re.compile(r"^([0-9a-f]{64})  \S", re.M)
_ABOUT = re.compile(r"^# ({.*})$", re.M)


class Record(NamedTuple):
    """What is known of an export. `source` names what was exported, and `options` has how, as the task wrote it."""

    sha256: str
    size: int
    created_at: str
    source: dict[str, Any]
    options: dict[str, Any]

    @classmethod
    def made(cls, sha256: str, size: int, when: float, source: dict[str, Any], options: dict[str, Any]) -> Record:
        return cls(sha256, size, moment(when), source, options)

    @classmethod
    def read(cls, path: str) -> Record | None:
        """The record in a file; None if there is none."""
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                text = stream.read(_LARGEST)
        except (FileNotFoundError, IsADirectoryError):
            return None
        except OSError as exc:
            raise InvalidInput(f"file: the record '{path}' cannot be read: {exc.strerror or exc}.") from exc
        about, checksum = _ABOUT.search(text), _SUM.search(text)
        try:
            found = json.loads(about[1]) if about and checksum else {}
            record = cls(checksum[1] if checksum else "", **{key: found[key] for key in cls._fields[1:]})
            _seconds(record.created_at)
        except (AttributeError, KeyError, TypeError, ValueError):  # something else has this name
            return None
        typed = isinstance(record.size, int) and isinstance(record.source, dict) and isinstance(record.options, dict)
        return record if typed else None

    def text(self, name: str) -> str:
        """The record of an export with this name, as a file that `sha256sum -c` takes."""
        about = json.dumps({key: getattr(self, key) for key in self._fields[1:]}, sort_keys=True)
        return f"# Written by cloudhost.lxd. To check the file: sha256sum -c {name}{RECORD}\n# {about}\n" + (
            f"{self.sha256}  {name}\n"
        )

    def older_than(self, seconds: float, now: float) -> bool:
        return now - _seconds(self.created_at) >= seconds


class Export(NamedTuple):
    """A file that has a record. It has two where a run was killed between the file and its record."""

    path: str
    records: tuple[Record, ...]

    @property
    def record(self) -> Record:
        return self.records[0]

    @property
    def size(self) -> int | None:
        """The size of the file in bytes; None if it is not there."""
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise InvalidInput(f"file: '{self.path}' cannot be read: {exc.strerror or exc}.") from exc

    def whole(self, by_checksum: bool) -> Record | None:
        """The record that the file is as, by its size or by its checksum too; None if it is as none of them."""
        size = self.size
        for record in self.records:
            if record.size == size and (not by_checksum or record.sha256 == self._sha256()):
                return record
        return None

    def trouble(self) -> str:
        """Why a file is not whole, in words that follow its name."""
        size = self.size
        if size is None:
            return "is not there"
        if size != self.record.size:
            return f"has {size} bytes, and its record says {self.record.size}"
        return "has another checksum than its record says"

    def _sha256(self) -> str:
        try:
            return fingerprint([self.path])
        except OSError as exc:
            raise InvalidInput(f"file: '{self.path}' cannot be read: {exc.strerror or exc}.") from exc


class Exports:
    """The exports that the option `file` names: one, or with `{time}` in it any number.

    :raises InvalidInput: if it cannot be such a name
    """

    def __init__(self, file: str) -> None:
        self.path = os.path.abspath(file)
        self.folder, self.name = os.path.split(self.path)
        self.timed = PLACE in self.name
        odd = [part for part in re.findall(r"{[^{}]*}", self.path) if part != PLACE]
        if odd:
            raise InvalidInput(f"file: '{odd[0]}' is no placeholder; {PLACE} is the only one.")
        if self.name.count(PLACE) > 1 or PLACE in self.folder:
            raise InvalidInput(f"file: {PLACE} can be once in the name of the file, and not in that of a directory.")
        if re.search(r"[\\\x00-\x1f]", self.name) or file.endswith("/"):
            raise InvalidInput(
                f"file: {file!r} is not the name of a file; backslashes and line breaks cannot be in it."
            )

    def at(self, when: float) -> str:
        """The name of an export that begins at a time. It has a name of its own even if another began in that
        second.
        """
        while self.timed:
            path = os.path.join(self.folder, self.name.replace(PLACE, time.strftime(_STAMP, time.gmtime(when))))
            if not os.path.lexists(path):
                return path
            when += 1
        return self.path

    def found(self) -> list[Export]:
        """Those with a record, the newest first."""
        exports = []
        for name in self._names():
            path = os.path.join(self.folder, name)
            known = tuple(filter(None, (Record.read(path + end) for end in (RECORD, RECORD + PART))))
            exports += [Export(path, known)] if known else []
        return sorted(exports, key=lambda export: (export.record.created_at, export.path), reverse=True)

    def _names(self) -> set[str]:
        """The names of files that can be exports, each as its record has it."""
        if not self.timed:
            return {self.name}
        before, _place, after = map(re.escape, self.name.partition(PLACE))
        named = re.compile(f"({before}{_STAMPED}{after})({re.escape(RECORD)})({re.escape(PART)})?")
        try:
            found = [named.fullmatch(name) for name in os.listdir(self.folder)]
        except FileNotFoundError:
            return set()
        except OSError as exc:
            raise InvalidInput(f"file: '{self.folder}' cannot be read: {exc.strerror or exc}.") from exc
        return {match[1] for match in found if match}


def moment(when: float) -> str:
    """A time as records and the API have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def named(source: dict[str, Any]) -> dict[str, Any]:
    """The source of an export for people, to whom the options say of which kind it is."""
    return {key: value for key, value in source.items() if key != "kind"}


def shown(record: Record, path: str) -> dict[str, Any]:
    """What a module returns of an export."""
    known = {"file": path, "size": record.size, "sha256": record.sha256, "created_at": record.created_at}
    return {**named(record.source), **record.options, **known}


def described(source: dict[str, Any]) -> str:
    """The source of an export in words, as in `instance web1 in project lab`."""
    rest = named(source)
    project = rest.pop("project", "default")
    place = f" in project {project}" if project != "default" else ""
    return " ".join(f"{option} {name}" for option, name in sorted(rest.items())) + place


def age(text: str, option: str = "max_age") -> int:
    """The seconds of an age such as `20h`.

    :param option: what has it
    :raises InvalidInput: if it is none
    """
    match = re.fullmatch(r"(\d{1,9})([smhdw]?)", text.strip())
    if not match:
        raise InvalidInput(
            f"{option}: '{text}' is not an age; write a number with s, m, h, d or w for seconds, minutes, hours, days "
            "or weeks, as in 20h."
        )
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]
