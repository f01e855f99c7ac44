# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The plan of a stack: each resource planned by its own kind, in order, unless another stack owns it. Only reads."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._api.errors import InvalidInput
from .._api.reader import Reader
from .._engine import values
from .._engine.fields import Devices, Map
from .._engine.plans import ELSEWHERE, Action, Done, Existing, Plan
from .._engine.resource import Resource
from . import clashes
from .arguments import defaults
from .connections import between
from .document import Entry, Kinds, in_order, title
from .exact import Exactness, Unmanaged
from .graph import Index, link, needs_of, order, put_first, turned
from .in_use import Usage, user_of_node
from .marks import Marks, mark_of, read_mark
from .turns import in_turn
from .view import View

CREATE, UPDATE, REPLACE, DELETE = "create", "update", "replace", "delete"


class StackOptions(NamedTuple):
    """The options of the task for a stack as a whole."""

    name: str | None = None
    prune: bool = False
    adopt: bool = False
    absent: bool = False
    force: bool = False
    exact: bool = False


class Node:
    """One resource of a stack: what exists, what is planned, and later the outcome."""

    def __init__(self, kind: type[Resource], project: str, params: dict[str, Any], entry: Entry | None = None) -> None:
        self.kind, self.project, self.params, self.entry = kind, project, params, entry
        self.label = kind.label(params)
        self.title = title(kind.kind, project, self.label)
        self.found: Existing | None = None
        self.plan = Plan({}, {}, [], None)
        self.action = self.why = self.note = self.turn = ""
        self.waits = False
        self.broken = False
        self.noted: list[str] = []
        self.warnings: list[str] = []
        self.outcome = self.words = ""
        #: Whether the same task can succeed later, where the outcome is a failure.
        self.retryable = False
        self.done: list[Done] = []

    @property
    def queue(self) -> tuple[str, ...] | None:
        """Nodes with the same queue are applied one at a time."""
        if self.turn:
            return (self.kind.kind, self.turn)
        if self.action not in self.kind.one_by_one:
            return None
        if self.kind.mutual:  # the other side is in another parent, and can be in another project
            return (self.kind.kind,)
        return (self.kind.kind, self.project, *(self.params[option] for option in self.kind.parents()))

    def warn(self, warnings: list[str]) -> None:
        """Keep what the module would warn of, with the place in the document, and what is noted of the node besides."""
        self.warnings = [*self.noted, *(self.entry.warning(words) if self.entry else words for words in warnings)]

    def foreseen(self) -> list[Done]:
        """The steps of the plan, as results have them."""
        return [Done(step.action.value, self.kind.kind, self.label, step.words) for step in self.plan.steps]

    @property
    def busy(self) -> bool:
        """Whether applying it does anything."""
        return bool(self.action) or self.waits


class Planned(NamedTuple):
    """Nodes in an order in which they can be applied; `needs` has for each the numbers of those that come before it.

    Those from the number `late` on come after all others, even if they do not need them. `warnings` belong to no
    node. `unmanaged` is what the projects of an exact stack have besides.
    """

    nodes: list[Node]
    needs: list[set[int]]
    late: int
    warnings: tuple[str, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()


class Planner:
    """Plans a stack on a `View`, to which each plan is applied, so that later ones find what earlier ones create."""

    def __init__(self, client: Reader, kinds: Kinds, options: StackOptions) -> None:
        self.view = View(client, kinds)
        self.view.is_removal = options.absent
        self.client: Reader = self.view
        self.kinds, self.options = kinds, options
        self.marks = Marks(self.view, kinds)
        self.kept: set[tuple[str, str]] = set()

    def plan(self, entries: list[Entry], errors: list[str]) -> Planned:
        """The whole plan, or one error with all that is wrong; `errors` is what is wrong with the documents."""
        needs, more = link(entries, Index(self.kinds, self.view))
        exactness = Exactness(self.options.exact, entries)
        nodes = [
            Node(entry.kind, entry.project, {**entry.params, "exact": exactness.of(entry)}, entry) for entry in entries
        ]
        sequence, wrong = self._plan_each(nodes, entries, needs)
        errors = [*errors, *more, *wrong]
        if errors:
            raise InvalidInput(*in_order(errors))
        ordered = _arranged(nodes, needs, sequence)
        if self.options.absent:
            ordered = self._removed([node for node in ordered.nodes if node.action], self._stack_members(nodes))
        elif self.options.prune:
            ordered = self._joined(ordered, self._removed([], self._stack_members(nodes)))
        errors = Usage(self.view, self.kinds, ordered.nodes, ordered.needs, DELETE).check()
        busy = [node for node in ordered.nodes if node.action]
        gone = [node for node in busy if node.action == DELETE]
        errors += clashes.check(self.view, [node for node in busy if node.action != DELETE], gone)
        if not errors and not self.options.absent:
            ordered, errors = in_turn(ordered, self.client)
        if errors:
            raise InvalidInput(*in_order(errors))
        unmanaged = () if self.options.absent else tuple(exactness.unmanaged(self.view, self.kinds, self.kept))
        return ordered._replace(warnings=self.marks.warnings(self.options.name or ""), unmanaged=unmanaged)

    def _plan_each(self, nodes: list[Node], entries: list[Entry], needs: list[set[int]]) -> tuple[list[int], list[str]]:
        """Plan each node after those that it needs. Returns the order, and all that is wrong."""
        errors: list[str] = []
        sequence, circle = order(needs)
        if circle:
            names = [entries[number].title for number in [*circle, circle[0]]]
            words = f"what depends on each other cannot be ordered: {' -> '.join(names)}."
            errors.append(entries[circle[0]].complaint(words))
        for number in sequence:
            node = nodes[number]
            node.broken = entries[number].broken or any(nodes[other].broken for other in needs[number])
            errors += self._checked(node, entries[number]) if node.broken else self._plan_one(node, entries[number])
            if node.broken:
                node.broken = not self._stand_in(node)
        for number in set(range(len(nodes))) - set(sequence):
            errors += self._checked(nodes[number], entries[number])
        return sequence, errors

    def _plan_one(self, node: Node, entry: Entry) -> list[str]:
        try:
            if not self.options.absent:
                self._plan_present(node)
            elif self._is_daemons_own(node):
                self._plan_taken_back(node)
        except InvalidInput as exc:
            node.broken = True
            return [entry.complaint(words) for words in exc.each]
        return []

    def _checked(self, node: Node, entry: Entry) -> list[str]:
        """Further errors of an entry that cannot be planned."""
        try:
            node.kind(self.client, node.params)
        except InvalidInput as exc:
            return [entry.complaint(words) for words in exc.each]
        return []

    def _stand_in(self, node: Node) -> bool:
        """Put a placeholder for what cannot be planned into the view, so that what depends on it has only errors of its
        own. False if that is impossible.
        """
        try:
            spec = defaults(node.kind.argument_spec())
            resource = node.kind(self.client, {**spec, **node.kind.identifying(node.params)})
            for path, obj in resource.foreseen(Plan({}, {}, [], None)).items():
                if not self.client.find(path, **resource.query()):
                    self.view.put(path, node.project, obj)
        except InvalidInput:
            return False
        return True

    # -- what should exist --------------------------------------------------------------------------------------------

    def _plan_present(self, node: Node) -> None:
        resource = node.kind(self.client, node.params)
        node.found = found = resource.read()
        there = found or resource.taken_over()
        owner = self.marks.owner(resource, node.project, node.label, there.object) if there else None
        bound = self.options.name is not None and not self._is_daemons_own(node)
        if bound and owner not in (None, self.options.name):
            raise InvalidInput(
                f"{node.title} on {self.client.label} belongs to the stack '{owner}': take it out of one of them."
            )
        if bound and (there is None or owner or self.options.adopt):
            node.params = self._marked(node, there.object if there else {})
            resource = node.kind(self.client, node.params)
        node.plan = plan = resource.plan(found)
        if bound and there and plan.steps and not owner and not self.options.adopt:
            differing = ", ".join(sorted({*plan.before, *plan.after})) or "its origin"
            raise InvalidInput(
                f"{node.title} on {self.client.label} is there already, belongs to no stack, and differs in "
                f"{differing}. "
                f"With adopt: true the stack '{self.options.name}' takes it over; what agrees with the document "
                "already stays unmanaged. "
                f"{node.kind.lost_mark(there.object)[0]}".rstrip()
            )
        self._decide(node, resource, adopted=bound and not owner)
        lost, known = (
            node.kind.lost_mark(there.object) if bound and there and not owner and not plan.steps else ("", False)
        )
        node.warnings += [f"{node.title} is as the document says, and belongs to no stack. {lost}"] if known else []
        project = resource.query().get("project")
        if plan.steps:
            for path, obj in resource.foreseen(plan).items():
                self.view.put(path, project, obj)
                self._keep(node, path)
        elif there and node.kind.named:
            self._keep(node, resource.url(node.kind.listed_as(there.object)))

    def _decide(self, node: Node, resource: Resource, adopted: bool) -> None:
        plan = node.plan
        node.waits = resource.awaits()
        if plan.steps and node.entry:
            node.noted = [node.entry.complaint(words) for words in node.entry.doubts]
        node.warn(resource.warnings)
        if not plan.steps:
            return
        old = node.found.object if node.found else {}
        node.turn = node.kind.turn(plan.result or {}, old, self.view, resource.query())
        if node.found is None:
            node.action, node.why = CREATE, "it is not there"
            return
        anew = any(step.action is Action.DELETE and step.detail != ELSEWHERE for step in plan.steps)
        node.action = REPLACE if anew else UPDATE
        options = ", ".join(sorted({*plan.before, *plan.after} - {node.kind.named_by})) or "what cannot be compared"
        node.why = f"it {'is adopted, and ' if adopted else ''}differs in {options}"

    def _marked(self, node: Node, obj: dict[str, Any]) -> dict[str, Any]:
        """The options of a resource with the mark of the stack; `obj` is what exists of it."""
        holder = node.kind.holder()
        if not holder:
            return node.params
        project = self.view.effective(node.kind, node.project)
        mark = mark_of(str(self.options.name), node.kind, project, node.label)
        if read_mark(node.kind, project, node.label, obj) == (self.options.name, True):
            mark = {key: obj[holder.key][key] for key in mark}  # an image has it by any of its names
        return {**node.params, holder.name: {**(node.params.get(holder.name) or {}), **mark}}

    def _is_daemons_own(self, node: Node) -> bool:
        return not node.kind.named or node.params[node.kind.named_by] in node.kind.singletons

    def _keep(self, node: Node, path: str) -> None:
        self.kept.add((self.view.effective(node.kind, node.project), path))

    # -- what has to go ------------------------------------------------------------------------------------------------

    def _plan_taken_back(self, node: Node) -> None:
        """Plan to undo what the document wrote into a resource of the daemon itself: keys and devices that still are as
        written.
        """
        resource = node.kind(self.client, node.params)
        found = resource.fetch(resource.name)
        if found is None:
            return
        undone = {**defaults(node.kind.argument_spec()), **node.kind.identifying(node.params)}
        for field in node.kind.fields:
            have, wanted = found.object.get(field.key) or {}, resource.wanted.get(field.key) or {}
            if isinstance(field, Devices):
                same = [
                    name
                    for name, device in wanted.items()
                    if device and values.merge_devices(have, {name: device}).get(name) == have.get(name)
                ]
            elif isinstance(field, Map):
                same = [
                    key
                    for key, value in wanted.items()
                    if resource.same_config(key, value, have) and not values.matches(key, node.kind.lasting)
                ]
            else:
                continue
            undone[field.name] = dict.fromkeys(same)
        node.params = undone
        resource = node.kind(self.client, undone)
        node.found = resource.read()
        node.plan = resource.plan(node.found)
        if node.plan.steps:
            node.action, node.why = UPDATE, "what the document wrote there is taken back"
            for path, obj in resource.foreseen(node.plan).items():
                self.view.put(path, resource.query().get("project"), obj)

    def _stack_members(self, nodes: list[Node]) -> list[Node]:
        """All on the server that the stack manages, in every project, without what is to be kept."""
        documented = {(node.kind.kind, self.view.effective(node.kind, node.project), node.label) for node in nodes}
        found = self.marks.members_of(self.options.name or "", self.kept, documented if self.options.absent else set())
        return [self._deletion(one.kind, one.project, one.parents, one.object) for one in found]

    def _deletion(self, kind: type[Resource], project: str, parents: dict[str, str], obj: dict[str, Any]) -> Node:
        spec = kind.argument_spec()
        params = {
            **defaults(spec),
            **parents,
            kind.named_by: obj[kind.key],
            "state": "absent",
            "target": kind.member_of(obj),
            "project": project,
        }
        if "force" in spec:
            params["force"] = self.options.force
        node = Node(kind, project, params)
        node.found = Existing(obj, None, str(obj[kind.key]), project)
        return node

    def _removed(self, nodes: list[Node], doomed: list[Node]) -> Planned:
        """Deletions and undone changes, each after those that use it."""
        why = "state: absent" if self.options.absent else "it carries the name of the stack, and no document has it"
        for node in doomed:
            self._doom(node, why)
        wholes = [user_of_node(self.view, node) for node in doomed if node.plan.users]
        parts = [self._deletion(*one) for one in between(self.view, self.kinds, wholes, self._indexed(doomed))]
        for node in parts:
            self._doom(node, "what it connects is deleted")
        nodes = nodes + doomed + parts
        index = self._indexed(nodes)
        uses = [
            needs_of(index, node.kind, node.project, self._described(node), number) | self._inside(index, node, number)
            for number, node in enumerate(nodes)
        ]
        for number, node in enumerate(nodes):
            if node.kind.foremost:
                put_first(uses, number)
        needs = turned(uses)
        sequence, circle = order(needs)
        while circle:  # what refers to each other has no order: begin anywhere
            needs[circle[0]] -= set(circle)
            sequence, circle = order(needs)
        return _arranged(nodes, needs, sequence)

    def _doom(self, node: Node, why: str) -> None:
        resource = node.kind(self.client, node.params)
        node.plan = resource.plan(resource.read())
        node.warnings, node.action, node.why = resource.warnings, DELETE, why

    def _inside(self, index: Index, node: Node, itself: int) -> set[int]:
        """What is used by the objects that the daemon created with a project: they are deleted with the project, not
        before.
        """
        found: set[int] = set()
        for kind in self.kinds.values() if node.kind.kind == "project" else ():
            if self.view.effective(kind, node.label) == node.label:
                for name in kind.singletons:
                    obj = self.view.listing(kind, kind.path, node.label).get(name)
                    shown = kind.export(obj, self.client, {"project": node.label}) if obj else None
                    found |= needs_of(index, kind, "default", shown or {}, itself)
        return found

    def _joined(self, present: Planned, gone: Planned) -> Planned:
        """Deletions after all else. What is still in use, because an update failed, is not deleted."""
        shift = len(present.nodes)
        needs = present.needs + [{other + shift for other in mine} for mine in gone.needs]
        index = self._indexed(gone.nodes)
        for number, node in enumerate(present.nodes if gone.nodes else []):
            if node.action:
                for other in needs_of(index, node.kind, node.project, self._described(node), -1):
                    needs[shift + other].add(number)
        return Planned(present.nodes + gone.nodes, needs, shift)

    def _indexed(self, nodes: list[Node]) -> Index:
        index = Index(self.kinds, self.view)
        for number, node in enumerate(nodes):
            index.add(number, node.kind.kind, node.project, node.label)
        return index

    def _described(self, node: Node) -> dict[str, Any]:
        """A resource as it is now, in the options of its kind, from which its references are read."""
        if node.entry is not None and self.options.absent:
            return node.entry.params
        parents = {option: node.params[option] for option in node.kind.parents()}
        shown = node.kind.export(node.found.object, self.client, {"project": node.project}) if node.found else None
        return {**(shown or {}), **parents}


def _arranged(nodes: list[Node], needs: list[set[int]], sequence: list[int]) -> Planned:
    """Nodes in an order, with the numbers of what they need in that order."""
    place = {number: position for position, number in enumerate(sequence)}
    needed = [{place[other] for other in needs[number]} for number in sequence]
    return Planned([nodes[number] for number in sequence], needed, len(sequence))
