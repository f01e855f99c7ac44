# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Kinds of which every member of a cluster has its own part: storage pools and networks.

The API creates them in two phases: an entry for each member with the keys of that member, then the whole with the keys
that all share. It shows the keys of a member only to `GET ?target=`, and a `PUT ?target=` of them drops the shared
ones, so they are patched.
"""

from __future__ import annotations

from typing import Any, Mapping

from .._api.client import quote
from .._api.errors import InvalidInput, ServerError
from .._api.messages import already_defined, partially_created
from .._api.reader import Reader
from .._engine import values
from .._engine.plans import Action, Existing, Plan, Step
from .._engine.resource import Resource
from ._heartbeats import heard
from ._member_config import UNFINISHED, Members, by_name, distributed

__all__ = ["Members", "PerMember", "members_with"]


def members_with(obj: dict[str, Any]) -> list[str]:
    """The members that have a part of it; none on a server that is not clustered, which reports `none`."""
    return [name for name in obj.get("locations") or () if name != "none"]


class PerMember(Resource):
    """A kind with the field `Members`.

    :cvar family: its word in the server's description of config keys
    :cvar variant: the field with its sort; each sort has keys of its own
    :cvar default_variant: its sort if the task names none
    :cvar needed: keys that it cannot be without, by its sort
    """

    family = ""
    variant = ""
    default_variant = ""
    needed: dict[str, tuple[str, ...]] = {}

    #: What was read last, and what is wanted of it: reading needs that, and planning need not ask the server again.
    _resolved: tuple[Existing | None, Mapping[str, Any]] = (None, {})

    def sort(self, found: Existing | None = None) -> str:
        """Its driver or type, which a task that only changes a pool or network need not name."""
        return str(found.object[self.variant] if found else self.wanted.get(self.variant, self.default_variant))

    def two_phases(self, sort: str) -> bool:
        """Whether each member needs an entry before the whole can be created."""
        return True

    def read(self) -> Existing | None:
        """With the keys of those members for which some are wanted, in `members`."""
        found = super().read()
        if self.state == "absent" or not found:
            return found
        wanted = self.resolve(found)
        if wanted.get("members") and found.object.get("status") not in UNFINISHED:
            shared = found.object.get("config") or {}
            own = {member: self._own(found.name, member, shared) for member in wanted["members"]}
            found = found._replace(object={**found.object, "members": own})
        self._resolved = (found, wanted)
        return found

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        known, wanted = self._resolved
        return wanted if found is not None and found is known else distributed(self, found)

    def _own(self, name: str, member: str, shared: dict[str, str]) -> dict[str, str]:
        there = self.client.find(self.url(name), target=member, **self.query())
        config = (there.metadata["config"] if there else None) or {}
        return {key: value for key, value in config.items() if key not in shared}

    # -- two phases ---------------------------------------------------------------------------------------------------

    def plan_create(self) -> Plan:
        if self.client.clustered and self.two_phases(self.sort()):
            if self.needed.get(self.sort()):
                own = self.desired.get("members") or {}
                self.refuse_without_needed(
                    self.sort(), {name: own.get(name, {}) for name in self.client.names("/1.0/cluster/members")}
                )
            self._refuse_without_all("made")
        else:
            self.refuse_without_needed(self.sort(), {"": self.desired.get("config") or {}})
        return super().plan_create()

    def refuse_without_needed(self, sort: str, configs: dict[str, dict[str, Any]]) -> None:
        """Refuse configurations, by member, that lack a key which is needed. The member is empty for the whole."""
        for key in self.needed.get(sort, ()):
            for member, config in configs.items():
                if not config.get(key):
                    where = f"members.{member}.{key}" if member else f"config.{key}"
                    raise InvalidInput(
                        f"{where}: a {self.kind} with the {self.variant} {sort} cannot be without "
                        f"it{f', and {member} has none' if member else ''}. "
                        "Write it there, or into config where it is the same on all members of a cluster."
                    )

    def plan_absent(self, found: Existing | None) -> Plan:
        if found and members_with(found.object):
            self._refuse_without_all("deleted")
        return super().plan_absent(found)

    def _refuse_without_all(self, done: str) -> None:
        """Refuse while a member is offline: each has its own part, so the request would wait, or end half-done."""
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
            self.writer.write("POST", self.path, whole, **self.query())
        except ServerError as exc:
            if not partially_created(exc):  # the shared keys are there already, and must not be sent again
                raise
            self.writer.write("POST", self.path, {**whole, "config": {}}, **self.query())
        self._describe(whole.get("description"))

    def _describe(self, description: str | None) -> None:
        """Write the description again: the servers lose that of what is created in two phases."""
        found = super().fetch(self.name) if description else None
        if found and found.object.get("description") != description:
            super().update(found, {**found.object, "description": description})

    def _define(self, entry: dict[str, Any], member: str) -> None:
        try:
            self.writer.write("POST", self.path, entry, target=member, **self.query())
        except ServerError as exc:
            if not already_defined(exc):
                raise

    def plan_update(self, found: Existing) -> Plan:
        status = found.object.get("status")
        if status not in UNFINISHED or not self.client.clustered:
            plan = super().plan_update(found)
            if ({*plan.before, *plan.after} - {"members"}) and members_with(found.object):
                self._refuse_without_all("changed")
            return plan
        self._refuse_without_all("made")
        body = self.create_body()
        defined = tuple(found.object.get("locations") or ())

        def finish() -> None:
            if self.two_phases(body[self.variant]):
                self._finish(body, defined)
            else:  # the daemon makes the entries of all members at once, and does not take them up again
                self.delete()
                self.create(body)

        step = Step(Action.FINISH, f"finish {self.kind} {self.name}, which is {status}", finish)
        return Plan(
            {"status": status}, {"status": "Created", **self.comparable(body)}, [step], {**found.object, **body}
        )

    # -- export -------------------------------------------------------------------------------------------------------

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """With the keys of each member, which take a request each. Equal keys of all members are written once."""
        names = [] if cls.internal(obj) else members_with(obj)
        if not names:
            return super().export({**obj, "config": cls.exported_config(obj.get("config") or {}, obj)}, client, query)
        shared, there = obj.get("config") or {}, by_name(client)
        own: dict[str, dict[str, str]] = {}
        for name in names:
            if there[name]["status"] == "Offline":
                raise InvalidInput(
                    f"{name} is offline ({there[name].get('message')}), and its keys of {cls.kind} '{obj['name']}' "
                    "are shown by itself only. Bring it back, or "
                    "leave storage pools and networks out, with the option kinds."
                )
            reply = client.find(f"{cls.path}/{quote(obj['name'])}", target=name, **query)
            config = cls.exported_config((reply.metadata.get("config") if reply else None) or {}, obj)
            own[name] = {
                key: value
                for key, value in config.items()
                if key not in shared and value and not values.matches(key, cls.hidden_keys)
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
        """The configuration without what the daemon chose itself."""
        return config

    # -- changes ------------------------------------------------------------------------------------------------------

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        before = {key: value for key, value in found.object.items() if key != "members"}
        after = {key: value for key, value in body.items() if key != "members"}
        if before != after:
            super().update(found, after)
        for member, config in (body.get("members") or {}).items():
            have = found.object["members"].get(member) or {}
            patch = {key: value for key, value in config.items() if have.get(key) != value}
            patch.update({key: "" for key in have if key not in config})
            if patch:
                self.writer.write("PATCH", self.url(), {"config": patch}, target=member, **self.query())

    def create_only_differences(self, current: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        result = super().create_only_differences(current, new)
        for member, config in (new.get("members") or {}).items():
            have = (current.get("members") or {}).get(member) or {}
            result += [
                (f"members.{member}.{key}", have.get(key), config.get(key))
                for key in self.fixed_config
                if have.get(key) != config.get(key)
            ]
        return result
