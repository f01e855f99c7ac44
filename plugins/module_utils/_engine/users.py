# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What uses a resource, as the server lists it in `used_by`: URLs, and the words of messages for them."""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

from .._api.errors import some_of


class User(NamedTuple):
    """What a URL names: a project, and the parts of a path behind `/1.0`."""

    project: str
    parts: tuple[str, ...]


def parts_of(path: str) -> tuple[str, ...]:
    return tuple(urllib.parse.unquote(part) for part in path.split("/")[2:])


def user_of(url: str) -> User:
    path, _mark, query = url.partition("?")
    return User(urllib.parse.parse_qs(query).get("project", ["default"])[0], parts_of(path))


def used_words(where: str, verb: str, users: list[str]) -> str:
    """The rest of a sentence that begins with what is used."""
    return (
        f"on {where} is used by {' and '.join(listed(users))}, and cannot be {verb} while it is: remove them first, "
        "or let them use something else."
    )


def listed(users: list[str], most: int = 20, home: str = "default") -> list[str]:
    """Users by their URLs, all of a kind together, with the projects that they are in.

    :param most: how many of a kind are named
    :param home: the project that is not named
    """
    found: dict[str, list[str]] = {}
    for user in map(user_of, users):
        kind, name = _called(user.parts)
        found.setdefault(kind, []).append(name if user.project == home else f"{name} (project {user.project})")
    return [
        words
        for kind, names in sorted(found.items())
        for words in some_of(kind if len(set(names)) == 1 else f"{kind}s", list(dict.fromkeys(names)), most)
    ]


def _called(parts: tuple[str, ...]) -> tuple[str, str]:
    """Volumes have their type between `volumes` and their name."""
    kinds = parts[0::2] if len(parts) % 2 == 0 else parts[0:-1:2]
    names = [
        part[:12] if re.fullmatch("[0-9a-f]{64}", part) else part
        for number, part in enumerate(parts)
        if number % 2 or number >= 2 * len(kinds)
    ]
    return kinds[-1].rstrip("s").replace("-", "_"), "/".join(names)
