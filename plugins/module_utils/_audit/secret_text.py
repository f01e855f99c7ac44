# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether text that people write for programs has a secret in it.

`_engine/secrets.py` hides what might be one, and says yes in doubt. Nobody reads an audit that does so. So this looks
for values of names that name secrets, and for what can be nothing else.
"""

from __future__ import annotations

import re

from .._engine import secrets, values

#: A name and its value on one line: of YAML, of a shell, of JSON.
_PAIR = re.compile(r"([A-Za-z][\w.-]*)[\"']?\s*[:=]\s*[\"']?([^\s\"',]+)")
#: Private keys, hashed passwords, tokens of well-known services, a list for chpasswd.
_CERTAIN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\$(?:1|2[abxy]?|5|6|7|y|gy)\$[^\s$]+\$|\bAKIA[0-9A-Z]{16}\b|\bgh[opsu]_\w{30,}"
    r"|\bglpat-[\w-]{20,}|\bxox[abpr]-[\w-]{10,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|(?m:^chpasswd:\s*\n\s+list:)"
    r"|(?i:authorization:\s*(?:basic|bearer)\s+\S)"
)
#: What is no secret although its name speaks of one: a truth value, a path, a reference, the start of a structure.
_HARMLESS = re.compile(r"(?:true|false|yes|no|on|off|none|null|~|\*+|\d{1,3}|[/{\[|>&$<%!].*)", re.I | re.S)


def holds_secret(key: str, value: str) -> bool:
    """Whether a value is a secret, or has one in it."""
    if key in values.MARKS or not value:
        return False
    named = key.rpartition(".")[2]
    if secrets.is_secret(key) and "\n" not in value and not _HARMLESS.fullmatch(value):
        return True
    pairs = (pair for pair in _PAIR.findall(value) if pair[0] != named)
    return (
        bool(_CERTAIN.search(value))
        or secrets.without_logins(value) != value
        or any(secrets.is_secret(name) and not _HARMLESS.fullmatch(text) for name, text in pairs)
    )
