# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A plan as text for people, and as data for programs. Secrets are hidden in both."""

from __future__ import annotations

import difflib
import json
from typing import Any, Iterator, NamedTuple, Sequence

from .._engine import secrets, values
from .._engine.plans import ELSEWHERE, Action
from .exact import Unmanaged
from .planner import CREATE, DELETE, REPLACE, UPDATE, Node
from .remarks import remarks

#: The signs of a report, which begin a line of a diff.
MARKS = {CREATE: "+", UPDATE: "!", REPLACE: "!", DELETE: "-"}
#: The most characters of a value that one line shows.
LONGEST = 100
#: The sign of what is there and unmanaged, which no run changes.
UNMANAGED, WHY_UNMANAGED = "?", "it is there, no document has it, and no stack manages it"
SIGNS = {CREATE: "+", UPDATE: "~", REPLACE: "-/+", DELETE: "-"}


def changing(nodes: list[Node]) -> list[Node]:
    return [node for node in nodes if node.action]


def counts(nodes: list[Node], unmanaged: Sequence[Unmanaged] = ()) -> dict[str, int]:
    """The number of resources by what happens to them, and of those that are unmanaged."""
    changed = {action: sum(node.action == action for node in nodes) for action in SIGNS}
    return {**changed, "unchanged": sum(not node.action for node in nodes), "unmanaged": len(unmanaged)}


def summary(nodes: list[Node], unmanaged: Sequence[Unmanaged] = ()) -> str:
    """One line: `3 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged`, and what is unmanaged."""
    numbers = counts(nodes)
    words = [f"{numbers[action]} to {action}" for action in SIGNS] + [f"{numbers['unchanged']} unchanged"]
    return ", ".join([*words, *([f"{len(unmanaged)} unmanaged"] if unmanaged else [])])


def rows(nodes: list[Node], rules: secrets.Rules) -> list[dict[str, Any]]:
    """The plan for programs."""
    result = []
    for node in changing(nodes):
        before, after = secrets.mask_pair(node.plan.before, node.plan.after, rules)
        row = {"kind": node.kind.kind, "name": node.label, "project": node.project or None, "action": node.action}
        result.append({**row, "before": before, "after": after, "why": node.why})
    return result


class _Change(NamedTuple):
    """A value before and after. None: there is none."""

    key: str
    old: Any
    new: Any


def shown(nodes: list[Node], rules: secrets.Rules) -> list[tuple[Node, list[_Change | str]]]:
    """What there is to say of each resource that changes, for `text` and `report`."""
    return [(node, list(_facts(node, rules))) for node in changing(nodes)]


def text(
    nodes: list[Node],
    heading: str,
    facts_of: list[tuple[Node, list[_Change | str]]],
    unmanaged: Sequence[Unmanaged] = (),
) -> str:
    """The plan for people: a line for each resource, and under it what it will have, what changes, or what is lost."""
    lines = [values.printable(heading)]
    for node, facts in facts_of:
        lines.append(f"{SIGNS[node.action]:>3} {node.title}")
        for fact in facts:
            if isinstance(fact, str):
                lines.append(f"      {values.printable(fact)}")
            else:
                lines += [f"      {line}" for line in _change(fact, node.action)]
    for one in unmanaged:
        lines += [f"{UNMANAGED:>3} {one.title}", f"      {WHY_UNMANAGED}"]
    return "\n".join([*lines, summary(nodes, unmanaged), ""])


def report(facts_of: list[tuple[Node, list[_Change | str]]], unmanaged: Sequence[Unmanaged] = ()) -> list[str]:
    """The same as lines of a diff, which GitHub and GitLab color: `+` is new, `-` is lost, `!` changes."""
    lines = []
    for node, facts in facts_of:
        lines.append(f"{MARKS[node.action]} {node.title}")
        for fact in facts:
            if isinstance(fact, str):
                lines.append(f"{'-' if node.action in (DELETE, REPLACE) else ' '}     {values.printable(fact)}")
            else:
                lines += _marked(fact, node.action)
    for one in unmanaged:
        lines += [f"{UNMANAGED} {one.title}", f"      {WHY_UNMANAGED}"]
    return lines


def _facts(node: Node, rules: secrets.Rules) -> Iterator[_Change | str]:
    """What there is to say of a resource: values, and sentences."""
    changes: list[_Change] = []
    if node.action == CREATE:
        _old, new = secrets.mask_pair({}, _content(node), rules)
        changes = [_Change(key, None, value) for key, value in _flat(new)]
    elif node.action in (UPDATE, REPLACE):
        before, after = secrets.mask_pair(*values.changes(node.plan.before, node.plan.after), rules)
        changes = [_Change(*leaf) for leaf in _leaves(before, after)]
    yield from changes
    if node.action != DELETE:
        yield from remarks(node, [change.key for change in changes], rules)
    if node.note:
        yield node.note
    if node.action == DELETE:
        yield from (step.words for step in node.plan.steps[:-1] if step.action is Action.DELETE)
    if node.action == REPLACE:
        yield "it is deleted and re-created: its data is lost"
    if node.action in (DELETE, REPLACE) and node.found is not None:
        yield from node.kind.losses(node.found.object)
    steps = [step for step in node.plan.steps if step.detail != ELSEWHERE]
    if node.action == UPDATE and any(step.action in (Action.STOP, Action.RESTART) for step in steps):
        yield "it is interrupted: " + ", ".join(step.words for step in steps)
    yield from (f"on the other server: {step.words}" for step in node.plan.steps if step.detail == ELSEWHERE)
    yield from (f"warning: {words}" for words in node.warnings)


def _content(node: Node) -> dict[str, Any]:
    """What a new resource is made of and will have, without the marks of the stack."""
    after = {key: value for key, value in node.plan.after.items() if key not in (node.kind.named_by, "status")}
    holder = node.kind.holder()
    if holder and isinstance(after.get(holder.name), dict):
        after[holder.name] = {key: value for key, value in after[holder.name].items() if key not in values.MARKS}
    spec = node.kind.argument_spec()
    left_out = {
        node.kind.named_by,
        "project",
        "exact",
        *node.kind.parents(),
        *after,
        *(field.name for field in node.kind.fields),
    }
    made_of = {
        option: value
        for option, value in node.params.items()
        if value not in (None, {}, [], "")
        and option not in left_out
        and (spec.get(option) or {}).get("default") != value
    }
    return {key: value for key, value in {**made_of, **after}.items() if value not in (None, {}, [], "")}


def _flat(content: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Options and keys with their values; a dictionary inside one, such as a device, is one value."""
    for key, value in content.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict) and not path:
            yield from _flat(value, name)
        else:
            yield name, value


def _leaves(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({**before, **after}):
        old, new = before.get(key), after.get(key)
        name = f"{path}.{key}" if path else str(key)
        if isinstance(old, dict) or isinstance(new, dict):
            yield from _leaves(old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}, name)
        else:
            yield name, old, new


def _change(change: _Change, action: str) -> list[str]:
    key, old, new = values.printable(change.key), change.old, change.new
    if _is_long(old, new):
        return [f"{key}:", *(f"  {sign} {line}" for sign, line in _differing_lines(old, new))]
    if action == CREATE:
        return [f"{key}: {_shown(new)}"]
    return [f"{key}: {' -> '.join(_pair(old, new))}"]


def _marked(change: _Change, action: str) -> list[str]:
    key, old, new = values.printable(change.key), change.old, change.new
    if _is_long(old, new):
        head = f"{'+' if action == CREATE else '!'}     {key}:"
        return [head, *(f"{sign}       {line}" for sign, line in _differing_lines(old, new))]
    if action == CREATE:
        return [f"+     {key}: {_shown(new)}"]
    sides = zip("-+", (old, new), _pair(old, new))
    return [f"{sign}     {key}: {words}" for sign, value, words in sides if value is not None]


def _is_long(*both: Any) -> bool:
    return any(isinstance(value, str) and "\n" in value for value in both)


def _differing_lines(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """The lines of text that change, with a line around them, each with its sign."""
    lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=1)
    for number, line in enumerate(lines):
        if number > 1 and not line.startswith("@@"):
            yield line[0], values.printable(line[1:])


def _lines(value: Any) -> list[str]:
    return [] if value is None else str(value).rstrip("\n").split("\n")


def _pair(old: Any, new: Any) -> tuple[str, str]:
    """Two values in one line. Where both are long, they are cut around the first place where they differ."""
    sides = [_whole(value) for value in (old, new)]
    if max(map(len, sides)) <= LONGEST:
        return sides[0], sides[1]
    same = next((number for number, (one, other) in enumerate(zip(*sides)) if one != other), min(map(len, sides)))
    start = 0 if same < LONGEST // 2 else same - LONGEST // 4
    first, second = (("…" if start else "") + _cut(side[start:]) for side in sides)
    return first, second


def _shown(value: Any) -> str:
    return _cut(_whole(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"


def _whole(value: Any) -> str:
    return "(none)" if value is None else values.printable(json.dumps(value, ensure_ascii=False))


def diff(nodes: list[Node], header: str, rules: secrets.Rules) -> dict[str, str]:
    """For `--diff`: what changes, before and after, by resource."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for node in changing(nodes):
        for side, value in zip(sides, secrets.mask_pair(node.plan.before, node.plan.after, rules)):
            if value:
                side[node.title] = value
    before, after = (values.to_yaml(side) for side in sides)
    return {"before": before, "after": after, "before_header": header, "after_header": header}
