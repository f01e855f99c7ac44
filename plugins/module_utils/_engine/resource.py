# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A resource that should exist: what is wanted of it, and the plan that gets it there.

A kind declares its fields and its path (`declaration.py`), and overrides a named step where the API is odd. The same
code makes the plan, whether it is applied or only shown, so check mode and diff mode cannot disagree with a real run.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping

from .._api.errors import InvalidInput
from .._api.reader import Reader
from . import refused_writes, values
from .api_object import ApiObject
from .fields import Map, Text
from .plans import Action, Existing, Plan, Step, UpdateSteps


class Resource(ApiObject):
    """Base of all kinds: read (`ApiObject`), adopt what was found, plan, and apply the steps of the plan (`converge`).

    :ivar params: the options of the task; they never change
    :ivar wanted: what the options say of each field, by its key in the API; it never changes
    :ivar desired: what is wanted of the object that was found, see `resolve`
    :ivar done: the steps that this run has done; not all may be repeated when the rest is planned again
    :ivar after_timeout: what a server may wait for without a limit, and what to do, for the error of a timeout
    """

    def __init__(self, client: Reader, params: Mapping[str, Any]) -> None:
        self.client = client
        self.params = MappingProxyType(dict(params))
        self.state: str = params.get("state") or "present"
        self.name: str = (self.identity(params) or "") if self.named else client.url
        self.project: str | None = params.get("project")
        self.warnings: list[str] = []
        self.done: set[tuple[Action, str]] = set()
        self.after_timeout = ""
        self.wanted = MappingProxyType(_written(self))
        self.desired: Mapping[str, Any] = self.wanted

    def validate(self) -> None:
        """Refuse what can be seen to be wrong without asking the server."""
        for option, name in ((self.option_of_name, self.name), ("new_name", self.params.get("new_name"))):
            if name is not None and (name in ("", ".", "..") or ("/" in name and not self.slashes)):
                # its path would be that of something else; any other name can exist on a server
                raise self.unnamable(option, name, self.name_rule[1])

    # -- what is wanted -----------------------------------------------------------------------------------------------

    def adopt(self, found: Existing | None) -> None:
        """Take what was read as the present state, and compute what is wanted of it.

        Only this and `rename` change where the resource is, and only this and `plan_recreate` change `desired`.
        """
        if found is not None:
            self.name, self.project, self.whole = found.name, found.project, found.whole
        if self.state != "absent":
            self.desired = {**self.unwritten(found), **self.resolve(found)}

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        """What is wanted of the object that was found, or of a new one, by key. It can read more, and refuse.

        It does not change `wanted`. Override it where options are short for more, as the first digits of a fingerprint.
        """
        return self.wanted

    def unwritten(self, found: Existing | None) -> dict[str, Any]:
        """What `exact` wants of the fields that no option names, by key: nothing, as a new object has.

        Maps do the same by themselves (`Map.purges`). The descriptions of `singletons` are the daemon's.
        """
        if found is None or not self.params.get("exact"):
            return {}
        own = self.name in self.singletons
        return {
            field.key: field.empty
            for field in self.fields
            if field.exact
            and field.empty is not None
            and field.key in found.object
            and field.key not in self.wanted
            and not (own and isinstance(field, Text))
        }

    def create_body(self) -> dict[str, Any]:
        """The object to create: what is wanted, without keys to unset."""
        body: dict[str, Any] = {self.named_by: self.params.get("new_name") or self.name}
        for field in self.fields:
            value = field.merged(None, self.desired[field.key], self) if field.key in self.desired else None
            if value is not None:
                body[field.key] = value
        return body

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        """The whole object with what is wanted in it: the body of a PUT, so that all else keeps its value."""
        new = dict(current)  # fields make new values and never change those they are given
        for field in self.fields:
            if field.key in self.desired:
                new[field.key] = field.merged(current.get(field.key), self.desired[field.key], self)
        return new

    def comparable(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The part of the object that the user decides, for diffs."""
        shown = {field.name: field.shown(obj.get(field.key), self) for field in self.fields}
        return {name: value for name, value in shown.items() if value is not None}

    def same_config(self, key: str, want: str | None, current: dict[str, str]) -> bool:
        """Whether one config key has the value that is wanted, given the whole config that the server has."""
        return values.same_in(key, want, current)

    def create_only_differences(self, current: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        """What differs and cannot be changed by an update: the option, the present and the wanted value."""
        result = [
            (field.name, current.get(field.key), new[field.key])
            for field in self.fields
            if field.create_only and new.get(field.key) != current.get(field.key)
        ]
        have, want = current.get("config") or {}, new.get("config") or {}
        result += [
            (f"config.{key}", have.get(key), want.get(key))
            for key in self.fixed_config
            if have.get(key) != want.get(key)
        ]
        return result

    # -- the plan -----------------------------------------------------------------------------------------------------

    def plan(self, found: Existing | None) -> Plan:
        """What has to be done, given what `read` found.

        :raises InvalidInput: with all that is wrong with it
        """
        wrong: list[str] = []
        self.wrong = wrong
        try:
            self.adopt(found)
            if self.state == "absent":
                plan = self.plan_absent(found)
            else:
                plan = self.plan_update(found) if found else self.plan_create()
        except InvalidInput as exc:
            wrong += exc.each
        finally:
            self.wrong = None
        if wrong:
            raise InvalidInput(*wrong)
        return plan

    def plan_absent(self, found: Existing | None) -> Plan:
        if not found:
            return Plan({}, {}, [], None)
        self.refuse_own("deleted")
        steps = [*self.before_delete(found), Step(Action.DELETE, f"delete {self.kind} {self.name}", self.delete)]
        plan = Plan({self.named_by: self.name, **self.comparable(found.object)}, {}, steps, None)
        return plan.among("deleted", self.users(found.object) if "delete" in self.unless_used else [])

    def plan_create(self) -> Plan:
        self.check_extensions()
        new_name = self.params.get("new_name")
        if self.named:
            option = "new_name" if new_name else self.option_of_name
            self.attempt(self.check_name, option, new_name or self.name, instead=None)
        body = self.create_body()
        self.check_change(body, {})
        create = Step(Action.CREATE, f"create {self.kind} {body[self.named_by]}", lambda: self.create(body))
        steps = [create, *self.extra_steps(None, body)]
        return Plan({}, {self.named_by: body[self.named_by], **self.comparable(body)}, steps, {**body})

    def plan_update(self, found: Existing) -> Plan:
        current = found.object
        new = self.merged(current)
        differing = self.create_only_differences(current, new)
        if differing and self.params.get("recreate"):
            return self.plan_recreate(found)
        if differing:
            self.refuse(_create_only_words(self, differing))
        target = self.params.get("new_name")
        renamed = bool(target) and target != self.name
        changed = sorted(key for key in new if new[key] != current.get(key))
        before, after = values.changes(self.comparable(current), self.comparable(new)) if changed else ({}, {})
        if renamed:
            before, after = {"name": self.name, **before}, {"name": target, **after}
        steps = UpdateSteps(
            _rename_steps(self, str(target)) if renamed else [],
            self._update_steps(found, new, changed) if changed else [],
            self.extra_steps(found, new),
        )
        plan = Plan(before, after, [], {**new, **({self.key: target} if target else {})})
        if renamed:
            self.refuse_own("renamed")
            plan.among("renamed", self.users(current) if "rename" in self.unless_used else [])
        plan.steps = self.arrange(found, plan, steps)
        return plan

    def plan_recreate(self, found: Existing) -> Plan:
        gone = self.plan_absent(found)
        self.desired = self.resolve(None)  # what is wanted of the new object, of which nothing exists
        made = self.plan_create()
        steps = gone.steps[:-1] + [gone.steps[-1]._replace(reread=True)] + made.steps
        return Plan(gone.before, made.after, steps, made.result).among("deleted to be re-created", gone.users)

    # -- its steps ----------------------------------------------------------------------------------------------------

    def _update_steps(self, found: Existing, new: dict[str, Any], changed: list[str]) -> list[Step]:
        self.check_extensions()
        self.check_change(new, found.object)
        words = f"update {self.kind} {self.params.get('new_name') or self.name} ({', '.join(changed)})"
        return [Step(Action.UPDATE, words, lambda: refused_writes.update(self, found, new))]

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        """Steps besides create, rename and update: power state, aliases, …"""
        return []

    def arrange(self, found: Existing, plan: Plan, steps: UpdateSteps) -> list[Step]:
        """The steps of an update in their order. A kind adds steps here, and their effect to the plan."""
        return [*steps.rename, *steps.update, *steps.rest]

    def before_delete(self, found: Existing) -> list[Step]:
        """Steps that have to come before the deletion."""
        return []

    # -- for stacks, which plan what depends on each other before any of it exists ------------------------------------

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """The objects, by path, that the server will have once the plan is applied, for later plans to read."""
        maps: dict[str, Any] = {field.key: {} for field in self.fields if isinstance(field, Map)}
        obj = {**maps, self.key: self.name, **(plan.result or {})}
        return {self.url(self.listed_as({**obj, self.key: self.name}, self.params.get("target"))): obj}


def _written(resource: Resource) -> dict[str, Any]:
    """What the options say of each field, by key.

    :raises InvalidInput: with all that can be seen to be wrong without asking the server
    """
    written: dict[str, Any] = {}
    wrong: list[str] = []
    resource.wrong = wrong
    try:
        resource.validate()
    except InvalidInput as exc:
        wrong += exc.each
    finally:
        resource.wrong = None
    for field in resource.fields:
        try:
            value = field.clean(resource.params)
        except InvalidInput as exc:
            wrong += exc.each
        else:
            written.update({} if value is None else {field.key: value})
    if wrong:
        raise InvalidInput(*wrong)
    return written


def _rename_steps(resource: Resource, target: str) -> list[Step]:
    resource.attempt(resource.check_name, "new_name", target, instead=None)
    words = f"rename {resource.kind} {resource.name} to {target}"
    return [Step(Action.RENAME, words, lambda: resource.rename(target), reread=True)]


def _create_only_words(resource: Resource, differing: list[tuple[str, Any, Any]]) -> str:
    parts = "; ".join(
        f"{option} is '{have if have is not None else ''}' and '{want if want is not None else ''}' is wanted"
        for option, have, want in differing
    )
    return (
        f"{resource.kind} '{resource.name}' on {resource.client.label} cannot be changed in this: {parts}. The API "
        "sets it at creation only: correct the task, or have it deleted and re-created with recreate: true (its data "
        "is lost)."
    )
