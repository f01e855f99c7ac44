# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The configuration of each member of a cluster: the option `members`, and keys in `config` that are meant for all.

The API shows and takes the keys of a member in requests of their own, see `_members.py`.
"""

from __future__ import annotations

from typing import Any, Mapping

from .._api.errors import InvalidInput, did_you_mean
from .._api.reader import Reader
from .._engine import values
from .._engine.fields import Field
from .._engine.plans import Existing
from ._scope import member_keys

#: The status of what not all members have yet.
UNFINISHED = ("Pending", "Errored")


class Members(Field):
    """The option `members`: configuration by the name of the member; None for a member that keeps what it has."""

    type = "dict"

    def __init__(self) -> None:
        super().__init__("members")

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return None
        for member, config in written.items():
            if config is not None and not isinstance(config, dict):
                raise InvalidInput(
                    f"members.{member}: a dictionary of the keys of this member is needed, not {config!r}."
                )
        return {
            str(member): None if config is None else values.wire_map(f"members.{member}", config)
            for member, config in written.items()
        }

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        have = have or {}
        return {
            **have,
            **{
                member: values.merge(have.get(member) or {}, config, equal=resource.same_config)
                for member, config in want.items()
            },
        }

    def shown(self, value: Any, resource: Any) -> Any:
        written = resource.desired.get(self.key) or {}
        shown = {
            member: {key: config[key] for key in config if key in written.get(member, {})}
            for member, config in (value or {}).items()
        }
        return {member: config for member, config in shown.items() if config} or None

    def exported(self, value: Any, kind: Any) -> Any:
        return value


def by_name(client: Reader) -> dict[str, dict[str, Any]]:
    """The members of the cluster: `GET /1.0/cluster/members`."""
    return {member["server_name"]: member for member in client.get("/1.0/cluster/members", recursion=1).metadata}


def distributed(resource: Any, found: Existing | None) -> Mapping[str, Any]:
    """What is wanted of a `PerMember` resource, with the keys of each member in `members`.

    In a cluster, a key in `config` of which each member has its own value is meant for all members.

    :raises InvalidInput: if `members` names unknown members, keys that all share, or if there is no cluster
    """
    wanted: dict[str, Any] = dict(resource.wanted)
    config, written, sort = wanted.get("config") or {}, wanted.get("members"), resource.sort(found)
    members = {name: own for name, own in (written or {}).items() if own is not None}
    if written is not None:
        wanted["members"] = members
    if not (config or written) or not _is_clustered(resource, found, written):
        return wanted
    if not (members or resource.two_phases(sort)):
        return wanted
    theirs = member_keys(resource.client, resource.family, sort, set(config).union(*members.values()))
    _check_scope(resource.kind, members, theirs)
    own = {key: value for key, value in config.items() if key in theirs}
    if not (own or members):
        return wanted
    there = by_name(resource.client)
    for name in written or {}:
        if name not in there:
            near = did_you_mean(name, list(there))
            resource.miss(f"members: {resource.client.label} has no member '{name}'. {near}", "has it join")
    if own:
        wanted["config"] = {key: value for key, value in config.items() if key not in own}
    # what is created is created on all members, so none can keep what it has
    kept = {name for name in written or {} if name not in members} if found else set()
    each = {name: {**own, **members.get(name, {})} for name in there if name not in kept and (own or name in members)}
    if found:
        resource.refuse_without_needed(sort, _unsetting(each, resource.needed.get(sort, ())))
        each = _without_those_away(resource, found, each, there)
    wanted["members"] = each
    if not each:
        del wanted["members"]
    return wanted


def _is_clustered(resource: Any, found: Existing | None, members: Any) -> bool:
    """The locations of what exists show it, so that the server need not be asked."""
    locations = found.object.get("locations") if found else None
    if locations != ["none"] if locations else resource.client.clustered:
        return True
    if members:
        words = f"members: {resource.client.label} is not clustered: write the keys into config."
        resource.miss(words, "forms the cluster")
    return False


def _check_scope(kind: str, members: dict[str, dict[str, Any]], theirs: set[str]) -> None:
    for member, config in members.items():
        for key in config:
            if key not in theirs:
                raise InvalidInput(
                    f"members.{member}.{key}: this key is one of the whole {kind}, not of a member: write it into "
                    "config."
                )


def _unsetting(each: dict[str, dict[str, Any]], needed: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The members for which a needed key is to be unset."""
    return {name: config for name, config in each.items() if any(config.get(key, "") is None for key in needed)}


def _without_those_away(
    resource: Any, found: Existing, each: dict[str, Any], there: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Leave out the keys of offline members, with a warning: only the member itself shows them.

    They stay if the member has yet to create its part.
    """
    if found.object.get("status") in UNFINISHED:
        return each
    away = [name for name in each if there[name]["status"] == "Offline"]
    resource.warn(
        *(
            f"members.{name}: {name} is offline ({there[name].get('message')}), so its own keys of {resource.kind} "
            f"'{found.name}' ({', '.join(sorted(each[name]))}) were not compared and not written. Run this again when "
            "it is back."
            for name in away
        )
    )
    return {name: config for name, config in each.items() if name not in away}
