# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers have which gaps."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.versions import numbers_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import GAPS, NAMES, gaps_of, is_limited

ALONE = ["backup-import", "events", "snapshot-restore", "volume-copy"]


def names(product: str, version: str, clustered: bool = False) -> list[str]:
    environment = {"server": product, "server_version": version, "server_clustered": clustered}
    return [gap.name for gap in gaps_of(environment)]


@pytest.mark.parametrize(
    ("product", "version", "clustered", "expected"),
    [
        ("lxd", "5.0.2", False, ALONE),
        ("lxd", "5.0.2", True, sorted([*ALONE, "creation-in-cluster"])),
        ("lxd", "5.0.1", True, ALONE),
        ("lxd", "5.0.2+git20231211", False, ALONE),
        ("lxd", "5.0.7", True, ["events"]),
        ("lxd", "5.21.2 LTS", True, ["backup-import", "creation-in-cluster", "snapshot-restore", "volume-copy"]),
        ("lxd", "5.21.3", True, ["backup-import", "snapshot-restore", "volume-copy"]),
        ("lxd", "5.21.5", True, []),
        ("lxd", "6.7", True, ["backup-import", "creation-in-cluster", "snapshot-restore", "volume-copy"]),
        ("lxd", "6.9", True, ["snapshot-restore"]),
        ("incus", "6.0.4", True, ["instance-copy", "snapshot-restore", "volume-copy"]),
        ("incus", "7.0.1", True, []),
        ("incus", "7.1", False, ["instance-copy", "snapshot-restore", "volume-copy"]),
        ("incus", "7.2.0", False, []),
        ("other", "1.0", True, []),
    ],
)
def test_by_version(product: str, version: str, clustered: bool, expected: list[str]) -> None:
    assert names(product, version, clustered) == expected


def test_a_version_that_cannot_be_read_has_all() -> None:
    assert names("lxd", "from source", True) == [name for name in NAMES if name != "instance-copy"]
    assert names("lxd", "", False) == ALONE


def test_the_table_is_in_order() -> None:
    """Ranges of one product do not meet, and names are sorted, as users see them."""
    assert list(NAMES) == sorted(NAMES)
    for gap in GAPS:
        for ranges in gap.affected.values():
            ends = [numbers_of(version) for since, before in ranges for version in (since, before or "999")]
            assert ends == sorted(set(ends)), gap.name


def test_what_repairs_it() -> None:
    repaired = {gap.name: gap.repaired("lxd") for gap in GAPS if "lxd" in gap.affected}
    assert repaired["events"] == "5.20 and later of the series"
    assert repaired["volume-copy"] == (
        "5.0.7 or 5.21.5 or 6.8 and later of the series, and 5.0.2+git20231211.1364ae4-9+deb13u7 of Debian"
    )


def test_who_is_limited() -> None:
    client = {"type": "client", "restricted": True, "projects": ["blue"]}
    assert is_limited(client)
    for other in ({"type": "metrics"}, {"restricted": False}, {"projects": []}, {"projects": None}):
        assert not is_limited({**client, **other})
