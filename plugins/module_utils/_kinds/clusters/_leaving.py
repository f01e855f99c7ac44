# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which member may leave a cluster. `force` removes the checks of the servers; what would end the cluster is
still refused.
"""

from __future__ import annotations

from typing import Any

from ..._api.client import quote
from ..._api.errors import InvalidInput, some_of
from ..._api.reader import Reader
from .._heartbeats import heard

_BRING_BACK = "Bring them back, or remove those that are gone for good first"


def check(client: Reader, name: str, force: bool) -> list[str]:
    """Refuse what the server would refuse, and with `force` what would leave no working cluster.

    Returns warnings about what is lost.
    """
    members = _listed(client)
    others = [member for member in members if member["server_name"] != name]
    if not others:
        raise InvalidInput(
            f"name: '{name}' is the only member of the cluster, and without it nothing there answers any more. "
            "To end a cluster of one, remove its daemon (role cloudhost.lxd.install with install_state: absent)."
        )
    leaving = next(member for member in members if member["server_name"] == name)
    lost = _lost(client, name)
    if not force:
        _refuse_without_force(client, leaving, lost)
        return []
    _refuse_to_end_it(client, name, others)
    if spoken_to(client, members) == name:
        raise InvalidInput(
            f"name: '{name}' is the member that this task speaks to ({client.url}), and with force: true "
            "it would forget nothing and answer "
            f"nothing any more. Speak to another member, such as {others[0]['server_name']}, or leave force out."
        )
    return [f"{name} leaves the cluster by force, and this is lost with it: {lost}."] if lost else []


def spoken_to(client: Reader, members: list[dict[str, Any]]) -> str:
    """The member that answers, found by its address: LXD 5.0 calls itself by its old name until its next start."""
    config = client.server.get("config") or {}
    mine = {f"https://{config[key]}" for key in ("cluster.https_address", "core.https_address") if config.get(key)}
    found = [member["server_name"] for member in members if member.get("url") in mine]
    return str(found[0] if len(found) == 1 else client.server.get("environment", {}).get("server_name"))


def _listed(client: Reader) -> list[dict[str, Any]]:
    return list(client.get("/1.0/cluster/members", recursion=1).metadata)


def _refuse_without_force(client: Reader, leaving: dict[str, Any], lost: str) -> None:
    name = leaving["server_name"]
    if lost:
        raise InvalidInput(
            f"name: '{name}' cannot be removed while it has {lost}. Move them to other members (state: evacuated "
            "moves instances), delete them, "
            "or say force: true to lose them."
        )
    if (
        leaving["status"] == "Offline"
        and heard(client, lambda: [client.get(f"/1.0/cluster/members/{quote(name)}").metadata])[0]["status"]
        == "Offline"
    ):
        raise InvalidInput(
            f"name: '{name}' is offline ({leaving.get('message')}), and a member that leaves is asked to clear up. "
            "Bring it back, or where it is gone "
            "for good, say force: true: what only it had is lost."
        )


def _refuse_to_end_it(client: Reader, name: str, left: list[dict[str, Any]]) -> None:
    """Refuse unless one of the remaining members is online, and most of those that keep the database."""
    if answers(left):
        return
    # a late heartbeat looks like a dead member
    left = heard(client, lambda: [member for member in _listed(client) if member["server_name"] != name])
    if answers(left):
        return
    away = ", ".join(member["server_name"] for member in left if member["status"] == "Offline")
    if all(member["status"] == "Offline" for member in left):
        raise InvalidInput(
            f"name: '{name}' is the last member that is online; {away} would be left, and no member "
            f"would answer. {_BRING_BACK}."
        )
    keepers = ", ".join(member["server_name"] for member in _voters(left))
    raise InvalidInput(
        f"name: without '{name}' the database of the cluster would be kept by {keepers}, and so few of these are "
        f"online (offline: {away}) that nothing "
        f"could be read or written any more. {_BRING_BACK}."
    )


def _voters(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        member
        for member in members
        if {"database", "database-leader", "database-voter"} & set(member.get("roles") or ())
    ]


def answers(members: list[dict[str, Any]]) -> bool:
    """Whether these members work as a cluster. If none of them votes, the server promotes one first."""
    voters = _voters(members)
    online = [member for member in voters if member["status"] != "Offline"]
    return any(member["status"] != "Offline" for member in members) and (not voters or 2 * len(online) > len(voters))


def _lost(client: Reader, name: str) -> str:
    """What exists only on this member, in words."""
    instances = [
        obj
        for obj in client.get("/1.0/instances", recursion=1, **{"all-projects": "true"}).metadata or []
        if obj.get("location") == name
    ]
    parts = some_of("the instances", [obj["name"] for obj in instances])
    for pool in client.names("/1.0/storage-pools"):
        everywhere = {"all-projects": "true"} if client.has("storage_volumes_all_projects") else {}
        listed = (
            client.get(f"/1.0/storage-pools/{quote(pool)}/volumes/custom", recursion=1, **everywhere).metadata or []
        )
        parts += some_of(f"the volumes of pool {pool}", [obj["name"] for obj in listed if obj.get("location") == name])
    return "; ".join(parts)
