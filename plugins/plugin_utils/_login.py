# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""A user of an instance, as the exec API needs to know it: numbers, a home and an environment."""

from __future__ import annotations

from typing import Any

#: Prints the line of a user in the form of passwd(5), and whether there is a home directory. Works without getent and grep too.
LOOK_UP = r"""
line=$(getent passwd "$1" 2>/dev/null) || while IFS=: read -r name x uid rest; do
  if [ "$name" = "$1" ] || [ "$uid" = "$1" ]; then line="$name:$x:$uid:$rest"; break; fi
done </etc/passwd
printf '%s\n' "$line"
home=${line%:*}; [ -d "${home##*:}" ] && echo home
exit 0
"""


def as_user(user: str, said: str) -> dict[str, Any] | None:
    """What a request for an exec says of a user, by what C(LOOK_UP) found; None if there is no such user. Any number is one."""
    lines = said.splitlines()
    fields = lines[0].split(":") if lines else []
    if len(fields) >= 6:
        name, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
    elif user.isdigit():
        name, uid, gid, home = user, int(user), int(user), "/"
    else:
        return None
    there = len(lines) > 1 and lines[1] == "home"
    return {"user": uid, "group": gid, "cwd": home if there else "/", "environment": {"HOME": home, "USER": name, "LOGNAME": name}}
