# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that a server lists itself are those of our tables, so that nobody is warned of one."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import inspection, pools, rules
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known.tables import table
from integration.conftest import Server

#: What has no table: its config is taken as it is written, or nobody writes it.
FREE = re.compile(
    r"cluster|cluster_group|image|network_(address_set|forward|integration|load_balancer|zone)|storage_bucket_.*"
)
#: A part of a key that stands for any text.
ANY = re.compile(r"<\w+>|[A-Z_]+|\*")


def texts_of(entity: str, group: str) -> tuple[str, ...]:
    """Our tables for the keys of a group of the server's list."""
    sort, _score, rest = entity.partition("_")
    if entity == "devices":
        kind, _score, nictype = group.partition("_")
        return rules.device_texts({"type": {"unix-char-block": "unix-char"}.get(kind, kind), "nictype": nictype})
    if entity.startswith("storage_volume_"):
        return (pools.VOLUME, pools.OF_USERS)
    if sort == "storage":
        return rules.texts_of("storage_pool", rest)
    if sort == "network":
        return rules.texts_of("network", rest)
    return rules.texts_of({"kernel": "instance"}.get(entity, entity), "")


def listed(configs: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Entity, group and key."""
    for entity, groups in configs.items():
        for group, found in groups.items():
            for entry in found["keys"]:
                yield from ((entity, group, key) for key in entry)


def test_what_the_server_lists_is_known(api: Server) -> None:
    unknown, looked_at = [], 0
    for entity, group, key in listed(api.query(inspection.METADATA)["configs"]):
        if FREE.fullmatch(entity):
            continue
        texts = texts_of(entity, group)
        looked_at += 1
        name = ".".join("x" if ANY.fullmatch(part) else part for part in key.split("."))
        if not texts or table(api.kind, *texts).notation(name) is None:
            unknown.append(f"{entity} {group} {key}")
    assert unknown == [] and looked_at > 500
