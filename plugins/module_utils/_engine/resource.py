# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A resource that should exist: read it, plan what differs, apply the plan. One ladder for every kind.

A kind declares its fields and its path, and overrides a named step where the API is odd. The plan is made by one piece
of
code, whether it is applied or only shown: that is why check mode and diff mode cannot disagree with a real run.
"""

from __future__ import annotations

from typing import Any

from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError, ServerError
from . import secrets, values
from .checks import Checks
from .fields import Map, taken_back
from .plans import Action, Found, Plan, Step


class Resource(Checks):
    """Base of all kinds. Class attributes declare; methods are the steps of the ladder.

    :cvar kind: the word for one of it, and the name of the result
    :cvar path: the collection in the API; `{option}` stands for the name of what it belongs to
    :cvar key: the key of the API object that names it
    :cvar named: whether there can be more than one, told apart by `name`
    :cvar states: the choices of `state`, the default first; none for what can only be configured
    :cvar scoped: whether it lives in a project
    :cvar extension: the API extension that servers need to know the kind at all
    :cvar renames: whether `POST path` renames it; gives the module the option `new_name`
    :cvar owned: patterns of config keys that the server writes; purging keeps them
    :cvar noise: patterns of config keys that no diff shows unless the user wrote them
    :cvar reveals: secrets that are what the module is for, and are therefore returned
    :cvar fixed_config: config keys that the API cannot change after creation
    :cvar name_rule: what a new name has to match as a whole, and that in words; `name_rules` has those of one
        implementation only
    :cvar slashes: whether a name can have slashes
    :cvar unless_used: what the servers do only while nobody uses it: `delete`, `rename`
    """

    states: tuple[str, ...] = ("present", "absent")
    scoped = True
    renames = False
    owned: tuple[str, ...] = ("volatile.*",)
    noise: tuple[str, ...] = ("volatile.*",)
    reveals: tuple[str, ...] = ()
    fixed_config: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = {}
    constraints: dict[str, Any] = {}
    name_rule = (r"[^/\s*][^/\s]*", "no slash, no space and no asterisk")
    name_rules: dict[str, tuple[str, str]] = {}
    slashes = False
    unless_used: tuple[str, ...] = ()

    # -- declaration --------------------------------------------------------------------------------------------------

    @classmethod
    def argument_spec(cls) -> dict[str, dict[str, Any]]:
        spec: dict[str, dict[str, Any]] = {}
        if cls.named:
            spec["name"] = {"type": "str", "required": True}
        if cls.states:
            spec["state"] = {"type": "str", "choices": list(cls.states), "default": cls.states[0]}
        if cls.renames:
            spec["new_name"] = {"type": "str"}
        for field in cls.fields:
            spec.update(field.arguments())
        if cls.fixed_config or any(field.create_only for field in cls.fields):
            spec["recreate"] = {"type": "bool", "default": False}
        spec.update(cls.options)
        return spec

    def __init__(self, client: Client, params: dict[str, Any]) -> None:
        self.client = client
        self.params = params
        self.state: str = params.get("state") or "present"
        self.name: str = (self.identity(params) or "") if self.named else client.transport.url
        self.warnings: list[str] = []
        self.done: set[tuple[Action, str]] = set()
        self.wanted: dict[str, Any] = {}
        self.validate()
        for field in self.fields:
            value = field.clean(params)
            if value is not None:
                self.wanted[field.key] = value

    # -- steps a kind may override ------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Refuse what can be seen to be wrong without asking the server."""
        for option, name in (("name", self.name), ("new_name", self.params.get("new_name"))):
            if name is not None and (name in ("", ".", "..") or ("/" in name and not self.slashes)):
                raise self._unnamable(
                    option, name, self.name_rule[1]
                )  # its path would be another one; whatever else there is on a server can be named

    def read(self) -> Found | None:
        """The object now; under its new name where it has been renamed already."""
        found = self.fetch(self.name)
        new = self.params.get("new_name")
        if new and new != self.name:
            other = self.fetch(new)
            if found and other:
                raise InvalidInput(
                    f"{self.kind} '{self.name}' cannot be renamed: '{new}' exists too. Remove one of them, or choose "
                    "another new_name."
                )
            if other:
                self.name = new
                return other
        if found is None and self.state != "absent":
            self._check_project()
        return found

    def fetch(self, name: str) -> Found | None:
        reply = self.client.find(self.url(name), **self.query())
        return Found(reply.metadata, reply.etag) if reply else None

    def create_body(self) -> dict[str, Any]:
        """The object to create: what the user wrote, unset keys left out."""
        body: dict[str, Any] = {"name": self.params.get("new_name") or self.name}
        for field in self.fields:
            value = field.merged(None, self.wanted[field.key], self) if field.key in self.wanted else None
            if value is not None:
                body[field.key] = value
        return body

    def create(self, body: dict[str, Any]) -> None:
        self.client.write("POST", self.collection, body, **self.query())

    def update(self, found: Found, body: dict[str, Any]) -> None:
        self.client.write("PUT", self.url(), body, etag=found.etag, **self.query())

    def delete(self) -> None:
        self.client.write("DELETE", self.url(), **self.query())

    def rename(self, new: str) -> None:
        self.client.write("POST", self.url(), {"name": new}, **self.query())
        self.name = new

    def same_config(self, key: str, want: str | None, current: dict[str, str]) -> bool:
        """Whether one config key is as wanted, given the whole config that the server has."""
        return values.same_in(key, want, current)

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Refuse names of other resources that do not exist. Called only when there is something to write."""

    def extra_steps(self, found: Found | None, after: dict[str, Any]) -> list[Step]:
        """Steps besides create and update: power state, aliases, …"""
        return []

    def after_apply(self, found: Found | None) -> None:
        """What is left when the object is as it should be, such as waiting for it to be of use. Changes nothing."""

    def show(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object as the module returns it."""
        return obj

    @classmethod
    def returned(cls, obj: dict[str, Any] | None) -> Any:
        """What leaves the engine: secrets hidden, but those in `reveals`."""
        hidden = secrets.masked(obj)
        return {**hidden, **{key: obj[key] for key in cls.reveals if key in obj}} if obj else hidden

    # -- the ladder ---------------------------------------------------------------------------------------------------

    def plan(self, found: Found | None) -> Plan:
        """What is to be done, or one error with all that is wrong with it."""
        wrong: list[str] = []
        self.wrong = wrong
        try:
            plan = self._plan(found)
        except InvalidInput as exc:
            wrong += exc.each
        finally:
            self.wrong = None
        if wrong:
            raise InvalidInput(*wrong)
        return plan

    def _plan(self, found: Found | None) -> Plan:
        if self.state == "absent":
            return self.plan_absent(found)
        return self.plan_update(found) if found else self.plan_create()

    def plan_absent(self, found: Found | None) -> Plan:
        if not found:
            return Plan({}, {}, [], None)
        self._refuse_the_servers_own("deleted")
        steps = [*self.before_delete(found), Step(Action.DELETE, f"delete {self.kind} {self.name}", self.delete)]
        plan = Plan({"name": self.name, **self.comparable(found.object)}, {}, steps, None)
        return plan.among("deleted", self.users(found.object) if "delete" in self.unless_used else [])

    def before_delete(self, found: Found) -> list[Step]:
        return []

    def users(self, obj: dict[str, Any]) -> list[str]:
        """The URLs of those who keep the server from deleting or renaming it. A client with limited rights is not told
        of all.
        """
        return list(obj.get("used_by") or ())

    def _refuse_the_servers_own(self, verb: str) -> None:
        if self.name in self.singletons:
            self.refuse(f"name: the {self.kind} '{self.name}' is the server's own and cannot be {verb}.")

    def plan_create(self) -> Plan:
        self.check_extensions()
        if self.named:
            self.attempt(
                self.check_name,
                "new_name" if self.params.get("new_name") else "name",
                self.params.get("new_name") or self.name,
                instead=None,
            )
        body = self.create_body()
        self.check_references(body, {})
        steps = [
            Step(Action.CREATE, f"create {self.kind} {body['name']}", lambda: self.create(body)),
            *self.extra_steps(None, body),
        ]
        return Plan({}, {"name": body["name"], **self.comparable(body)}, steps, {**body})

    def plan_update(self, found: Found) -> Plan:
        current = found.object
        new = self.merged(current)
        differing = self.create_only_differences(current, new)
        if differing and self.params.get("recreate"):
            return self.plan_recreate(found)
        if differing:
            self.refuse(self.create_only_words(differing))
        steps: list[Step] = []
        target = self.params.get("new_name")
        changed = sorted(key for key in new if new[key] != current.get(key))
        before, after = values.changes(self.comparable(current), self.comparable(new)) if changed else ({}, {})
        if target and target != self.name:
            self.attempt(self.check_name, "new_name", target, instead=None)
            steps.append(
                Step(
                    Action.RENAME,
                    f"rename {self.kind} {self.name} to {target}",
                    lambda: self.rename(target),
                    reread=True,
                )
            )
            before, after = {"name": self.name, **before}, {"name": target, **after}
        if changed:
            self.check_extensions()
            self.check_references(new, current)
            steps.append(
                Step(
                    Action.UPDATE,
                    f"update {self.kind} {target or self.name} ({', '.join(changed)})",
                    lambda: self.carry_out(found, new),
                )
            )
        steps += self.extra_steps(found, new)
        plan = Plan(before, after, steps, {**new, **({self.key: target} if target else {})})
        if target and target != self.name:
            self._refuse_the_servers_own("renamed")
            plan.among("renamed", self.users(current) if "rename" in self.unless_used else [])
        return plan

    def plan_recreate(self, found: Found) -> Plan:
        gone, made = self.plan_absent(found), self.plan_create()
        steps = gone.steps[:-1] + [gone.steps[-1]._replace(reread=True)] + made.steps
        return Plan(gone.before, made.after, steps, made.result).among("deleted to be re-created", gone.users)

    def carry_out(self, found: Found, new: dict[str, Any]) -> None:
        """Update. Servers store some of what they then fail to do, and the next run would take it for done: that is put
        back.
        """
        try:
            self.update(found, new)
        except ServerError as exc:
            words = self.put_back(found.object, new, exc)
            if not words:
                raise
            words = f"{exc.text.rstrip('.')}. {words}"
            raise ServerError(words, exc.code, words) from exc

    def forgets(self, refusal: ServerError) -> bool:
        """Whether a refusal can have cost what was not written at all, so that it has to be restored even where nothing
        was stored.
        """
        return False

    def restore(self, now: Found, body: dict[str, Any]) -> None:
        self.update(now, body)

    def put_back(self, before: dict[str, Any], new: dict[str, Any], refusal: ServerError) -> str:
        """Make it as it was before a write that was refused, and say so; nothing where nothing of it was stored."""
        try:
            now = self.fetch(self.name)
            undone, stored = taken_back(self.fields, before, new, now.object) if now else ({}, [])
            if now and (stored or self.forgets(refusal)):
                self.restore(now, {**now.object, **undone})
        except LXDError as exc:
            return f"It may have stored what it refused, and that could not be put back: {exc}"
        return f"It had stored {', '.join(stored)} all the same, which is put back to what it was." if stored else ""

    # -- parts --------------------------------------------------------------------------------------------------------

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        """The whole object with the user's wishes in it: the body of a PUT, so that what nobody named is kept."""
        new = dict(current)  # fields make new values and never change those they are given
        for field in self.fields:
            if field.key in self.wanted:
                new[field.key] = field.merged(current.get(field.key), self.wanted[field.key], self)
        return new

    def comparable(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The part of the object that is the user's to decide, for diffs."""
        shown = {field.name: field.shown(obj.get(field.key), self) for field in self.fields}
        return {name: value for name, value in shown.items() if value is not None}

    def create_only_differences(self, current: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
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

    def create_only_words(self, differing: list[tuple[str, Any, Any]]) -> str:
        parts = "; ".join(
            f"{option} is '{have if have is not None else ''}' and '{want if want is not None else ''}' is wanted"
            for option, have, want in differing
        )
        return (
            f"{self.kind} '{self.name}' on {self.client.label} cannot be changed in this: {parts}. The API sets it "
            "at creation only: "
            "correct the task, or have it deleted and re-created with recreate: true (its data is lost)."
        )

    # -- for stacks, which plan what depends on each other before any of it is there ----------------------------------

    def foreseen(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """The objects, by path, that the server will have once the plan is applied; what is planned later reads them."""
        maps: dict[str, Any] = {field.key: {} for field in self.fields if isinstance(field, Map)}
        return {self.url(): {**maps, self.key: self.name, **(plan.result or {})}}

    def taken_over(self) -> Found | None:
        """An object that creating it would make its own although it is not found by name."""
        return None

    def owner_path(self, obj: dict[str, Any]) -> str:
        """For a kind without a place for a mark: the path of what it belongs to, whose mark counts."""
        return self.collection.rpartition("/")[0] if self.parents() else ""

    def awaits(self) -> bool:
        """Whether `after_apply` has something to wait for, once planned."""
        return False

    # -- where it is --------------------------------------------------------------------------------------------------

    @property
    def collection(self) -> str:
        """The path of the collection it is in."""
        return (
            self.path.format_map({option: quote(str(self.params[option])) for option in self.parents()})
            if "{" in self.path
            else self.path
        )

    def url(self, name: str | None = None) -> str:
        return f"{self.collection}/{quote(name or self.name)}"

    def query(self) -> dict[str, Any]:
        return {"project": self.params.get("project")} if self.scoped else {}
