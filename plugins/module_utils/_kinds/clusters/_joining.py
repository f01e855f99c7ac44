# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a server loses by joining a cluster, what a failed join leaves behind, and what became of `member_config`."""

from __future__ import annotations

from typing import Any

from ..._api.client import Client, quote
from ..._api.errors import Interrupted, InvalidInput, LXDError, ServerError, some_of
from ..._api.reader import Reader
from ..._engine import values
from . import _address as addresses

#: What a server loses when it joins: where to list it, and what every server has.
_LOST = (
    ("instances", "/1.0/instances?all-projects=true", ()),
    ("images", "/1.0/images", ()),
    ("storage pools", "/1.0/storage-pools", ()),
    ("networks", "/1.0/networks", ()),
    ("profiles", "/1.0/profiles", ("default",)),
    ("projects", "/1.0/projects", ("default",)),
)
#: Set while an empty server joins. The daemon makes pools and networks before it joins, and Incus leaves them there
#: when that fails. What joins
#: has the database of the cluster, and not this key.
MARK = "user.cloudhost.joining"
_MADE = {"storage pools": "/1.0/storage-pools", "networks": "/1.0/networks"}
_ONE_ATTEMPT = (
    "A cluster_token is good for one attempt, also for one that fails: make another with cloudhost.lxd.cluster_token."
)
#: What to do about such a server. It has data of the cluster, and none of its own.
HALF_JOINED = (
    "Its database has joined the cluster, and it does not take itself for a member before its next start. Restart its "
    "daemon (systemctl restart incus), and run this again."
)
_COLLECTIONS = {"storage-pool": "/1.0/storage-pools", "network": "/1.0/networks"}

#: How often a new member is asked to take in the configuration of its cluster.
_ATTEMPTS = 5


def half_joined(client: Reader, member: str, address: str) -> bool:
    """Whether this server is a member of a cluster already, and says that it is in none.

    Incus ends a join with an error if anything fails after its database has joined, such as its connection to OVN. It
    shows and changes what the cluster has from then on, and is a member as of its next start.
    """
    try:
        members = client.get("/1.0/cluster/members", recursion=1).metadata or []
    except ServerError:  # what a server without a cluster answers
        return False
    return any(
        one["server_name"] == member and addresses.same(one["url"].partition("://")[2], address) for one in members
    )


def left_over(client: Reader) -> list[str]:
    """The paths of unused objects that an earlier join created here.

    :raises InvalidInput: if the server has anything else to lose
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for words, path, expected in _LOST:
        path, _mark, rest = path.partition("?")
        listed = client.get(path, recursion=1, **({"all-projects": "true"} if rest else {})).metadata or []
        found[words] = [obj for obj in listed if obj.get("managed", True) and obj.get("name") not in expected]
    mark = (client.get("/1.0").metadata.get("config") or {}).get(MARK) if any(found.values()) else None
    ours: list[str] = []
    for words, path in _MADE.items() if mark else ():
        here = {f"{path}/{quote(obj['name'])}": obj for obj in found[words] if not obj.get("used_by")}
        taken = {
            place: obj for place, obj in here.items() if place in str(mark).split() or not str(mark).startswith("/")
        }
        found[words] = [obj for obj in found[words] if obj not in taken.values()]
        ours += taken
    lost = [
        words
        for what, objects in found.items()
        for words in some_of(what, [obj.get("name") or obj.get("fingerprint", "")[:12] for obj in objects])
    ]
    if lost:
        raise InvalidInput(
            f"{client.label} is not empty, and joining a cluster deletes its database, so this would be lost: "
            f"{'; '.join(lost)}. "
            "Remove or move it first, or say force: true to lose it."
        )
    return ours


def clear(client: Client, paths: list[str]) -> None:
    for path in paths:
        client.write("DELETE", path)


def join(client: Client, body: dict[str, Any], empty: bool) -> None:
    """`PUT /1.0/cluster`. `empty` is whether the server had nothing to lose, so that what exists after a failure comes
    from this attempt.
    """
    if empty:
        client.write("PATCH", "/1.0", {"config": {MARK: body["server_name"]}})
    try:
        client.write("PUT", "/1.0/cluster", body)
    except ServerError as exc:
        words = f"{exc.text.rstrip('.')}. {_after_failure(client, body, empty)}"
        raise ServerError(words, exc.code, words) from exc


def _after_failure(client: Client, body: dict[str, Any], empty: bool) -> str:
    """What to do next. Nothing is noted on a server that is half a member: its configuration is that of the cluster."""
    if half_joined(client, body["server_name"], body["server_address"]):
        return HALF_JOINED
    return _ONE_ATTEMPT + (_note_what_is_left(client) if empty else "")


def take_in(client: Client) -> list[str]:
    """Make a server that has joined use the configuration of its cluster. Returns warnings.

    LXD 5.0 keeps the earlier configuration in memory, shows it and uses it until the next write of any key. The mark
    is in the earlier one, and not in that of the cluster.
    """
    trouble: LXDError | None = None
    for attempt in range(_ATTEMPTS):
        try:
            client.write("PATCH", "/1.0", {"config": {MARK: ""}})
            return []
        except Interrupted as exc:  # the database of a cluster that has just grown
            trouble = exc
            client.deadline.pause(attempt, "having the new member read the configuration of the cluster")
        except LXDError as exc:
            trouble = exc
            break
    return [
        f"{client.label} has joined, and may show the configuration of before until a key of it is changed or its "
        f"daemon restarts: {trouble}"
    ]


def _note_what_is_left(client: Client) -> str:
    """Name what is left in the mark, so that nothing that users create here later is taken for it."""
    try:
        listed = [
            f"{path}/{quote(obj['name'])}"
            for path in _MADE.values()
            for obj in client.get(path, recursion=1).metadata or []
            if obj.get("managed", True)
        ]
        client.write("PATCH", "/1.0", {"config": {MARK: " ".join(listed)}})
    except LXDError:  # only the failure of the join matters, and the mark remains
        return ""
    return f" It left {', '.join(listed)} on this server, which the next attempt removes first." if listed else ""


def ignored(client: Reader, member: str, member_config: list[dict[str, Any]]) -> list[str]:
    """Warnings about entries of `member_config` that the server ignored, which it reports only in its log."""
    warnings = []
    there: dict[str, dict[str, str] | None] = {}
    for entry in member_config:
        path = f"{_COLLECTIONS[entry['entity']]}/{quote(entry['name'])}"
        if path not in there:
            reply = client.find(path, target=member)
            there[path] = (reply.metadata.get("config") or {}) if reply else None
        config, key, value = there[path], entry["key"], entry["value"]
        if config is None:
            warnings.append(
                f"member_config: the cluster has no {entry['entity']} '{entry['name']}', so its key {key} was of no "
                "use."
            )
        elif not _heeded(key, value, config):
            warnings.append(
                f"member_config: {entry['entity']} '{entry['name']}' has {key}: {config.get(key)!r} on this member, "
                f"and {value!r} was given. "
                "The servers take keys that members have of their own; all others come from the cluster."
            )
    return warnings


def _heeded(key: str, value: str, config: dict[str, str]) -> bool:
    """Whether the server used an entry. It clears `source.wipe`, keeps its own form of a source beside the given one,
    and replaces `auto` by an address.
    """
    if key == "source.wipe" or (value == "auto" and config.get(key)):
        return True
    return value == config.get("volatile.initial_source" if key == "source" else key) or values.same_in(
        key, value, config
    )
