# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Rules of names that several kinds have: names of hosts, by LXD 5.0 and by newer servers, and names of devices."""

from __future__ import annotations

HOST = (
    r"(?![-0-9])[A-Za-z0-9-]{1,63}(?<!-)",
    "1 to 63 letters, digits and dashes, starting with a letter, not ending with a dash",
)
NEWER_HOST = {
    "operation_wait": (  # Incus, and LXD after 5.0.2: no extension says so, and this one came with it
        r"(?!-|\d+\Z)[A-Za-z0-9-]{1,63}(?<!-)",
        "1 to 63 letters, digits and dashes, starting with a letter or a digit, not ending with a dash, and no number",
    )
}
DEVICE = (
    r"(?!\.)[-.:_a-zA-Z0-9]{1,63}",
    "1 to 63 letters, digits, dashes, full stops, colons and underscores, not starting with a full stop",
)
