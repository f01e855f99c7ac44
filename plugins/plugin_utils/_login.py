# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Looks up a user of an instance for the exec API: its numbers, home and environment."""

from __future__ import annotations

from typing import Any

#: The largest number of a user or group. The kernel interprets the next one as "no change", and that user is root.
LARGEST = 2**32 - 2

#: Prints the line of a user in the format of passwd(5), and whether the home directory exists. Works without getent.
LOOK_UP = r"""
line=$(getent passwd "$1" 2>/dev/null) || while IFS=: read -r name x uid rest; do
  if [ "$name" = "$1" ] || [ "$uid" = "$1" ]; then line="$name:$x:$uid:$rest"; break; fi
done </etc/passwd
printf '%s\n' "$line"
home=${line%:*}; [ -d "${home##*:}" ] && echo home
exit 0
"""


def is_number(text: str) -> bool:
    """Whether a text is the number of a user or a group."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST


def as_user(user: str, output: str) -> dict[str, Any] | None:
    """The part of an exec request that selects a user, from the output of `LOOK_UP`. None if there is no such user.

    A number needs no entry in passwd.
    """
    lines = output.split("\n")
    fields = lines[0].split(":")
    if len(fields) >= 6:
        name, numbers, home = fields[0], fields[2:4], fields[5]
    else:
        name, numbers, home = user, [user, user], "/"
    if not all(map(is_number, numbers)):
        return None
    uid, gid = map(int, numbers)
    has_home = len(lines) > 1 and lines[1] == "home"
    return {
        "user": uid,
        "group": gid,
        "cwd": home if has_home else "/",
        "environment": {"HOME": home, "USER": name, "LOGNAME": name},
    }
