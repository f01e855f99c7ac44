# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Kinds of which every member of a cluster has its own part: storage pools and networks.

The API makes them in two phases: an entry for each member with the keys of that member, then the whole with the keys
that all
share. It shows a member's keys only to `GET ?target=`, and a `PUT ?target=` of them drops the shared ones, so they are
patched.
"""

from __future__ import annotations

from typing import Any

from .._api.client import Client, quote
from .._api.errors import InvalidInput, ServerError, did_you_mean
from .._api.messages import already_defined, partially_created
from .._engine import values
from .._engine.fields import Field
from .._engine.plans import Action, Found, Plan, Step
from .._engine.resource import Resource
from ._heartbeats import heard
from ._scope import member_keys

UNFINISHED = ("Pending", "Errored")


def _by_name(client: Client) -> dict[str, dict[str, Any]]:
    return {member["server_name"]: member for member in client.get("/1.0/cluster/members", recursion=1).metadata}


def members_with(obj: dict[str, Any]) -> list[str]:
    """The members that have a part of it; none on a server that is not clustered, which says `none`."""
    return [name for name in obj.get("locations") or () if name != "none"]


class Members(Field):
    """The option `members`: configuration by the name of the member. None stands for a member that keeps what it has."""

    type = "dict"

    def __init__(self) -> None:
        super().__init__("members")

    def clean(self, params: dict[str, Any]) -> Any:
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
        written = resource.wanted.get(self.key) or {}
        shown = {
            member: {key: config[key] for key in config if key in written.get(member, {})}
            for member, config in (value or {}).items()
        }
        return {member: config for member, config in shown.items() if config} or None

    def exported(self, value: Any, kind: Any) -> Any:
        return value


class PerMember(Resource):
    """A kind with the field `Members`.

    :cvar family: its word in the server's description of config keys
    :cvar variant: the field that tells which sort of it this is, each with keys of its own
    :cvar default_variant: what it is where the task does not say
    :cvar needed: keys that it cannot be without, by its sort
    """

    family = ""
    variant = ""
    default_variant = ""
    needed: dict[str, tuple[str, ...]] = {}

    def sort(self, found: Found | None = None) -> str:
        """Its driver or type, which a task that only changes something need not name."""
        return str(found.object[self.variant] if found else self.wanted.get(self.variant, self.default_variant))

    def two_phases(self, sort: str) -> bool:
        """Whether each member needs an entry before the whole can be made."""
        return True

    def read(self) -> Found | None:
        found = super().read()
        if self.state == "absent":
            return found
        self._spread(found)
        if found and self.wanted.get("members") and found.object.get("status") not in UNFINISHED:
            shared = found.object.get("config") or {}
            found.object["members"] = {member: self._own(member, shared) for member in self.wanted["members"]}
        return found

    def _spread(self, found: Found | None) -> None:
        """In a cluster, a key in `config` that each member has its own value of is meant for all of them."""
        config, written, sort = self.wanted.get("config") or {}, self.wanted.get("members"), self.sort(found)
        members = {name: own for name, own in (written or {}).items() if own is not None}
        kept = (
            {name for name in written or {} if name not in members} if found else set()
        )  # what is made is made on all of them
        if written is not None:
            self.wanted["members"] = members
        if not (config or written) or not self._clustered(found, written) or not (members or self.two_phases(sort)):
            return
        theirs = member_keys(self.client, self.family, sort, set(config).union(*members.values()))
        self._check_scope(members, theirs)
        own = {key: value for key, value in config.items() if key in theirs}
        if not (own or members):
            return
        there = _by_name(self.client)
        unknown = [
            f"members: {self.client.label} has no member '{name}'. {did_you_mean(name, list(there))}"
            for name in written or {}
            if name not in there
        ]
        if unknown:
            raise InvalidInput(*unknown)
        if own:
            self.wanted["config"] = {key: value for key, value in config.items() if key not in own}
        wanted = {
            name: {**own, **members.get(name, {})} for name in there if name not in kept and (own or name in members)
        }
        if found:
            unset = {
                name: config
                for name, config in wanted.items()
                if any(config.get(key, "") is None for key in self.needed.get(sort, ()))
            }
            self._refuse_without_needed(sort, unset)
        self.wanted["members"] = self._without_those_away(found, wanted, there)
        if not self.wanted["members"]:
            del self.wanted["members"]

    def _without_those_away(
        self, found: Found | None, wanted: dict[str, Any], there: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """Only a member itself tells its keys, so those of one that is away can be left out, unless it is to make its
        part first.
        """
        if not found or found.object.get("status") in UNFINISHED:
            return wanted
        away = [name for name in wanted if there[name]["status"] == "Offline"]
        self.warnings += [
            f"members.{name}: {name} is offline ({there[name].get('message')}), so its own keys of {self.kind} "
            f"'{self.name}' "
            f"({', '.join(sorted(wanted[name]))}) were not compared and not written. Run this again when it is back."
            for name in away
        ]
        return {name: config for name, config in wanted.items() if name not in away}

    def _check_scope(self, members: dict[str, dict[str, Any]], theirs: set[str]) -> None:
        for member, config in members.items():
            for key in config:
                if key not in theirs:
                    raise InvalidInput(
                        f"members.{member}.{key}: this key is one of the whole {self.kind}, not of a member: write "
                        "it into config."
                    )

    def _clustered(self, found: Found | None, members: Any) -> bool:
        """What is there tells its locations, so the server need not be asked."""
        locations = found.object.get("locations") if found else None
        if locations != ["none"] if locations else self.client.clustered:
            return True
        if members:
            raise InvalidInput(f"members: {self.client.label} is not clustered: write the keys into config.")
        return False

    def _own(self, member: str, shared: dict[str, str]) -> dict[str, str]:
        there = self.client.find(self.url(), target=member, **self.query())
        config = (there.metadata["config"] if there else None) or {}
        return {key: value for key, value in config.items() if key not in shared}

    # -- two phases ---------------------------------------------------------------------------------------------------

    def plan_create(self) -> Plan:
        if self.client.clustered and self.two_phases(self.sort()):
            if self.needed.get(self.sort()):
                own = self.wanted.get("members") or {}
                self._refuse_without_needed(
                    self.sort(), {name: own.get(name, {}) for name in self.client.names("/1.0/cluster/members")}
                )
            self._refuse_without_all("made")
        else:
            self._refuse_without_needed(self.sort(), {"": self.wanted.get("config") or {}})
        return super().plan_create()

    def _refuse_without_needed(self, sort: str, configs: dict[str, dict[str, Any]]) -> None:
        for key in self.needed.get(sort, ()):
            for member, config in configs.items():
                if not config.get(key):
                    where = f"members.{member}.{key}" if member else f"config.{key}"
                    raise InvalidInput(
                        f"{where}: a {self.kind} with the {self.variant} {sort} cannot be without "
                        f"it{f', and {member} has none' if member else ''}. "
                        "Write it there, or into config where it is the same on all members of a cluster."
                    )

    def plan_absent(self, found: Found | None) -> Plan:
        if found and members_with(found.object):
            self._refuse_without_all("deleted")
        return super().plan_absent(found)

    def _refuse_without_all(self, done: str) -> None:
        """Every member has its own part, so one that is away would leave the whole half-made, or hold up the request."""
        for member in heard(self.client, lambda: self.client.get("/1.0/cluster/members", recursion=1).metadata):
            if member["status"] == "Offline":
                raise InvalidInput(
                    f"name: {self.kind} '{self.name}' is {done} on every member of the cluster, and "
                    f"{member['server_name']} is offline ({member['message']}). "
                    "Bring it back, or remove it with cloudhost.lxd.cluster_member, state: absent and force: true, "
                    "and run this again."
                )

    def create(self, body: dict[str, Any]) -> None:
        if not (self.client.clustered and self.two_phases(self.sort())):
            super().create(body)
            return
        self._finish(body, defined=())

    def _finish(self, body: dict[str, Any], defined: tuple[str, ...]) -> None:
        own = body.get("members") or {}
        whole = {key: value for key, value in body.items() if key != "members"}
        for member in self.client.names("/1.0/cluster/members"):
            if member not in defined and self.two_phases(whole[self.variant]):
                entry = {key: value for key, value in whole.items() if key not in ("config", "description")}
                self._define({**entry, "config": own.get(member, {})}, member)
        try:
            self.client.write("POST", self.path, whole, **self.query())
        except ServerError as exc:
            if not partially_created(exc):  # the shared keys are there already, and must not be sent again
                raise
            self.client.write("POST", self.path, {**whole, "config": {}}, **self.query())
        self._describe(whole.get("description"))

    def _describe(self, description: str | None) -> None:
        """The servers forget the description of what is made in two phases."""
        found = super().fetch(self.name) if description else None
        if found and found.object.get("description") != description:
            super().update(found, {**found.object, "description": description})

    def _define(self, entry: dict[str, Any], member: str) -> None:
        try:
            self.client.write("POST", self.path, entry, target=member, **self.query())
        except ServerError as exc:
            if not already_defined(exc):
                raise

    def plan_update(self, found: Found) -> Plan:
        status = found.object.get("status")
        if status not in UNFINISHED or not self.client.clustered:
            plan = super().plan_update(found)
            if ({*plan.before, *plan.after} - {"members"}) and members_with(found.object):
                self._refuse_without_all("changed")
            return plan
        self._refuse_without_all("made")
        body = self.create_body()
        defined = tuple(found.object.get("locations") or ())
        step = Step(
            Action.FINISH, f"finish {self.kind} {self.name}, which is {status}", lambda: self._finish(body, defined)
        )
        return Plan(
            {"status": status}, {"status": "Created", **self.comparable(body)}, [step], {**found.object, **body}
        )

    # -- export -------------------------------------------------------------------------------------------------------

    @classmethod
    def export(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[str, Any] | None:
        """With the keys of the members, which they tell to a request of its own each. One that all have alike is
        written once, for all.
        """
        names = members_with(obj)
        if not names:
            return super().export({**obj, "config": cls.exported_config(obj.get("config") or {}, obj)}, client, query)
        shared, there = obj.get("config") or {}, _by_name(client)
        own: dict[str, dict[str, str]] = {}
        for name in names:
            if there[name]["status"] == "Offline":
                raise InvalidInput(
                    f"{name} is offline ({there[name].get('message')}), and its keys of {cls.kind} '{obj['name']}' "
                    "are told by itself only. Bring it back, or "
                    "leave storage pools and networks out, with the option kinds."
                )
            reply = client.find(f"{cls.path}/{quote(obj['name'])}", target=name, **query)
            config = cls.exported_config((reply.metadata.get("config") if reply else None) or {}, obj)
            own[name] = {
                key: value
                for key, value in config.items()
                if key not in shared and value and not values.matches(key, cls.noise)
            }
        first = own[names[0]]
        alike = {key: value for key, value in first.items() if all(config.get(key) == value for config in own.values())}
        members = {
            name: {key: value for key, value in config.items() if key not in alike} for name, config in own.items()
        }
        members = {name: config for name, config in members.items() if config}
        return super().export(
            {**obj, "config": {**cls.exported_config(shared, obj), **alike}, "members": members}, client, query
        )

    @classmethod
    def exported_config(cls, config: dict[str, str], obj: dict[str, Any]) -> dict[str, str]:
        """The configuration without what the daemon chose."""
        return config

    # -- changes ------------------------------------------------------------------------------------------------------

    def update(self, found: Found, body: dict[str, Any]) -> None:
        before = {key: value for key, value in found.object.items() if key != "members"}
        after = {key: value for key, value in body.items() if key != "members"}
        if before != after:
            super().update(found, after)
        for member, config in (body.get("members") or {}).items():
            have = found.object["members"].get(member) or {}
            patch = {key: value for key, value in config.items() if have.get(key) != value}
            patch.update({key: "" for key in have if key not in config})
            if patch:
                self.client.write("PATCH", self.url(), {"config": patch}, target=member, **self.query())

    def create_only_differences(self, current: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        result = super().create_only_differences(current, new)
        for member, config in (new.get("members") or {}).items():
            have = current["members"].get(member) or {}
            result += [
                (f"members.{member}.{key}", have.get(key), config.get(key))
                for key in self.fixed_config
                if have.get(key) != config.get(key)
            ]
        return result
