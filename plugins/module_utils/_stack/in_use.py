# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is still in use once a plan is applied: the users that the server lists, without those that the plan deletes or
changes so that they stop using it, and with those that start to use it.
"""

from __future__ import annotations

import urllib.parse
from typing import Any, Iterator, Protocol, Sequence

from .._api.client import quote
from .._engine.plans import Existing, Plan
from .._engine.resource import Resource
from .._engine.users import User, parts_of, used_words, user_of
from .connections import connections, options_of
from .document import Entry, Kinds
from .view import View


class Node(Protocol):
    """The part of a planned resource that is used here."""

    kind: type[Resource]
    project: str
    params: dict[str, Any]
    entry: Entry | None
    label: str
    title: str
    found: Existing | None
    plan: Plan
    action: str


class Usage:
    """Users of what a plan deletes or re-creates. `gone` and `changed` are what the plan deletes and changes; `needs`
    has for each node the numbers of those that come before it.
    """

    def __init__(self, view: View, kinds: Kinds, nodes: Sequence[Node], needs: list[set[int]], deleting: str) -> None:
        self.view, self.kinds, self.nodes, self.needs, self.deleting = view, kinds, nodes, needs, deleting
        self.gone: set[User] = set()
        self.changed: dict[User, Node] = {}
        self.changing = [
            (number, node) for number, node in enumerate(nodes) if node.action not in ("", deleting) and node.kind.named
        ]
        for node in nodes:
            if node.action == deleting:
                self.gone.add(self._user(node))
            elif node.action and node.kind.named:
                self.changed[self._user(node)] = node

    def check(self) -> list[str]:
        """Order what is re-created after those that stop using it. Returns errors for what would still be in use."""
        errors = []
        for number, node in enumerate(self.nodes):
            if node.action and node.plan.verb and (node.plan.users or node.action == self.deleting):
                errors += self._check(number, node)
        return errors

    def _check(self, number: int, node: Node) -> list[str]:
        deleted = node.action == self.deleting
        gone = self.gone - {self._user(node)} if deleted else set()
        users = [
            user for user in node.plan.users if not _is_gone(user_of(user), gone) and self._stays(user_of(user), node)
        ]
        for other, changed in self.changing:
            if other == number:
                continue
            after = self._uses(node, changed.kind, changed.project, self._now(changed), early=False)
            if deleted and after:
                users.append(self._url(changed))
            elif (
                not deleted
                and not after
                and changed.found
                and self._uses(node, changed.kind, changed.project, changed.found.object, early=True)
            ):
                if number in self._needed(other):
                    users.append(self._url(changed))
                else:
                    self.needs[number].add(other)
        if not users:
            return []
        words = used_words(self.view.label, node.plan.verb, list(dict.fromkeys(users)))
        return [
            node.entry.complaint(f"name: {node.title} {words}")
            if node.entry and not deleted
            else f"{node.title} {words}"
        ]

    # -- one user -----------------------------------------------------------------------------------------------------

    def _stays(self, user: User, used: Node) -> bool:
        """Whether a user that the server lists remains, once the plan has changed it and what lends it what it uses,
        and has deleted the parts of it that use it.
        """
        kind = self.view.kind_at("/".join(["/1.0", *map(quote, user.parts[:-1])]))
        node = self.changed.get(user)
        obj = self._object(kind, user) if kind else None
        if kind is None or obj is None or (kind.scoped and User("", ("projects", user.project)) == self._user(used)):
            return True
        if self._is_cut(user, used):
            return False
        before = node.found.object if node and node.found else obj
        if not node and not any(lender in self.changed for lender in self._lenders(kind, user.project, obj)):
            return True
        after = self._uses(used, kind, user.project, obj, early=used.kind.holds)
        return after or not self._uses(used, kind, user.project, before, early=True)

    def _is_cut(self, user: User, used: Node) -> bool:
        """Whether something is a user only by parts of it that are deleted."""
        parts = [
            one.user
            for one in connections(self.view, self.kinds, user)
            if self._uses(used, one.kind, one.project, one.object, early=True)
        ]
        return bool(parts) and self.gone.issuperset(parts)

    def _uses(self, used: Node, kind: type[Resource], project: str, obj: dict[str, Any], early: bool) -> bool:
        """Whether an object names what is used, or something that lends it: before the plan is applied (`early`), or
        after.
        """
        for name, label, *place in kind.references(options_of(kind, obj)):
            other = self.kinds.get(name)
            where = place[0] if place else project
            if (
                other is used.kind
                and label == used.label
                and self.view.effective(other, where) == self.view.effective(other, used.project)
            ):
                return True
        for lender in self._lenders(kind, project, obj):
            node = self.changed.get(lender)
            lending = self.view.kind_at("/1.0/" + lender.parts[0])
            lent = (
                node.found.object
                if early and node and node.found
                else self._object(lending, lender)
                if lending
                else None
            )
            if lending and lent and self._uses(used, lending, project, lent, early):
                return True
        return False

    def _lenders(self, kind: type[Resource], project: str, obj: dict[str, Any]) -> Iterator[User]:
        for name, label, *_place in kind.references(options_of(kind, obj)):
            other = self.kinds.get(name)
            if other and other.lends:
                yield User(self.view.effective(other, project), (*parts_of(other.path), label))

    def _needed(self, number: int) -> set[int]:
        """All that has to be done before a node."""
        found: set[int] = set()
        todo = [number]
        while todo:
            new = self.needs[todo.pop()] - found
            found |= new
            todo += new
        return found

    # -- names --------------------------------------------------------------------------------------------------------

    def _user(self, node: Node) -> User:
        return user_of_node(self.view, node)

    def _url(self, node: Node) -> str:
        user = self._user(node)
        return "/".join(["/1.0", *map(quote, user.parts)]) + f"?project={urllib.parse.quote(user.project or 'default')}"

    def _object(self, kind: type[Resource], user: User) -> dict[str, Any] | None:
        """An object as it will be once the plan is applied."""
        found = self.view.find(
            "/".join(["/1.0", *map(quote, user.parts)]), **({"project": user.project} if kind.scoped else {})
        )
        return found.metadata if found else None

    def _now(self, node: Node) -> dict[str, Any]:
        return self._object(node.kind, self._user(node)) or {}


def _is_gone(user: User, gone: set[User]) -> bool:
    """Whether it is deleted, or what it is a part of, or its project."""
    wholes = [
        User(project, user.parts[:end]) for end in range(2, len(user.parts) + 1) for project in (user.project, "")
    ]
    return User("", ("projects", user.project)) in gone or not gone.isdisjoint(wholes)


def user_of_node(view: View, node: Node) -> User:
    """A node as a user of others."""
    path = node.kind.path.format_map({option: quote(str(node.params[option])) for option in node.kind.parents()})
    name = ""
    if node.kind.named:
        obj = node.found.object if node.found else {node.kind.key: node.kind.identity(node.params)}
        name = node.kind.listed_as(obj, node.params.get("target"))
    return User(view.effective(node.kind, node.project), (*parts_of(path), name))
