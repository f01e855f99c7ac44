# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Users and groups of an instance by name, from its own files, so that it need not run."""

from __future__ import annotations

import stat
from typing import Callable, NamedTuple

from ..._api.errors import InvalidInput, Missing, did_you_mean
from ..._api.sftp import Sftp

#: Where they are, by the option that names one.
FILES = {"owner": "/etc/passwd", "user": "/etc/passwd", "group": "/etc/group"}
#: The largest number of a user or group. The kernel takes the next one for no change.
LARGEST = 2**32 - 2
#: The most bytes that are read of such a file: who is root in the instance can put anything there.
MOST = 1 << 20


class Account(NamedTuple):
    name: str
    number: int
    fields: list[str]


def is_number(text: str) -> bool:
    """Whether a text is the number of a user or a group."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST


def identifier(sftp: Callable[[], Sftp], option: str, written: str) -> int:
    """The number of a user or group, of which an option has the name or the number. Asks nothing for a number.

    Raises `Missing` if the instance has none of the name.
    """
    if is_number(written):
        return int(written)
    if written.isdigit():
        raise InvalidInput(f"{option}: {written} is too large for a number; the largest is {LARGEST}.")
    return account(sftp(), option, written).number


def account(sftp: Sftp, option: str, name: str) -> Account:
    """The entry of a user or group in the files of the instance."""
    accounts = {one.name: one for one in _listed(sftp, FILES[option])}
    if name in accounts:
        return accounts[name]
    raise Missing(
        f"{option}: '{name}' is not in {FILES[option]} of the instance. {did_you_mean(name, list(accounts))} A number "
        "needs no entry."
    )


def _listed(sftp: Sftp, path: str) -> list[Account]:
    about = sftp.stat(path)
    if not about or not stat.S_ISREG(about.mode):
        return []
    if about.size > MOST:
        raise InvalidInput(f"{path} of the instance has {about.size} bytes, and no more than {MOST} are read.")
    handle = sftp.open(path)
    try:
        text = b"".join(sftp.read(handle, about.size)).decode(errors="surrogateescape")
    finally:
        sftp.release(handle)
    return [
        Account(fields[0], int(fields[2]), fields)
        for fields in (line.split(":") for line in text.split("\n"))
        if len(fields) > 2 and is_number(fields[2])
    ]
