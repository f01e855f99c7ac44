# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Until when versions get security updates.

The dates are from the release policies of the projects, as of 2026-11-28. Users correct them with the option
`end_of_life`. A key is the beginning of a version: the longest one that fits counts. A version that no key fits is not
known, and is no finding.
"""

from __future__ import annotations

import datetime
import re
from typing import Mapping, NamedTuple

#: The day on which these tables were checked.
AS_OF = "2026-11-28"
TABLE: dict[str, dict[str, str]] = {
    "lxd": {
        "2": "2021-06-30",
        "3": "2023-06-30",
        "4": "2025-06-30",
        "5": "2024-06-30",  # feature releases, which 5.21 ended
        "5.0": "2027-06-30",
        "5.21": "2029-06-30",
    },
    "incus": {
        "0": "2024-04-30",
        "6": "2026-05-05",  # feature releases, which 7.0 ended
        "6.0": "2029-06-30",
        "7.0": "2031-06-30",
    },
    "debian": {
        "8": "2020-06-30",
        "9": "2022-06-30",
        "10": "2024-06-30",
        "11": "2026-08-31",
        "12": "2028-06-30",
        "13": "2030-06-30",
    },
    "ubuntu": {
        "14.04": "2019-04-30",
        "16.04": "2021-04-30",
        "18.04": "2023-05-31",
        "20.04": "2025-05-31",
        "22.04": "2027-06-01",
        "22.10": "2023-07-20",
        "23.04": "2024-01-25",
        "23.10": "2024-07-11",
        "24.04": "2029-05-31",
        "24.10": "2025-07-10",
        "25.04": "2026-01-15",
        "25.10": "2026-07-31",
        "26.04": "2031-05-31",
    },
    "alpine": {
        "3.16": "2024-05-23",
        "3.17": "2024-11-22",
        "3.18": "2025-05-09",
        "3.19": "2025-11-01",
        "3.20": "2026-04-01",
        "3.21": "2026-11-01",
        "3.22": "2027-05-01",
        "3.23": "2027-11-01",
    },
    "centos": {"6": "2020-11-30", "7": "2024-06-30", "8": "2021-12-31", "8-stream": "2024-05-31"},
}
#: Names of releases, as images have them.
_NAMES = {
    "debian": {
        "jessie": "8",
        "stretch": "9",
        "buster": "10",
        "bullseye": "11",
        "bookworm": "12",
        "trixie": "13",
    },
    "ubuntu": {
        "trusty": "14.04",
        "xenial": "16.04",
        "bionic": "18.04",
        "focal": "20.04",
        "jammy": "22.04",
        "kinetic": "22.10",
        "lunar": "23.04",
        "mantic": "23.10",
        "noble": "24.04",
        "oracular": "24.10",
        "plucky": "25.04",
        "questing": "25.10",
        "resolute": "26.04",
    },
}


def product_of(name: str) -> str:
    """The key of a product or distribution: `Debian GNU/Linux` is `debian`."""
    return name.split()[0].lower() if name.split() else ""


def end_of(product: str, version: str, dates: Mapping[str, Mapping[str, str]]) -> datetime.date | None:
    """The last day on which a version gets security updates; None if it is not known."""
    product = product_of(product)
    version = _NAMES.get(product, {}).get(version.lower(), version.lower())
    parts = re.split(r"[.+~]", version)
    known = dates.get(product, {})
    for length in range(len(parts), 0, -1):
        found = known.get(".".join(parts[:length]))
        if found:
            return datetime.date.fromisoformat(str(found))
    return None


class Ended(NamedTuple):
    """That a version gets no security updates any more. `key` says where it stands."""

    key: str
    words: str


def ended(
    product: str, versions: Mapping[str, str | None], dates: Mapping[str, Mapping[str, str]], today: datetime.date
) -> Ended | None:
    """Whether the first of these versions that is known has ended. Images call a release by number or by name.

    :param versions: versions, or names of releases, by where they stand
    """
    for key, version in versions.items():
        date = end_of(product, version or "", dates)
        if date:
            return Ended(key, f"{product} {version} has had no updates since {date}") if date < today else None
    return None


def with_corrections(corrections: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The table, with the dates of the user."""
    names = {*TABLE, *corrections}
    return {name: {**TABLE.get(name, {}), **corrections.get(name, {})} for name in names}
