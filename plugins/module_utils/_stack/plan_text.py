# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A plan as text for people, and as data for programs. Secrets are hidden in both."""

from __future__ import annotations

import difflib
import json
from typing import Any, Iterator

from .._engine import secrets, values
from .._engine.plans import Action
from .planner import CREATE, DELETE, REPLACE, UPDATE, Node

SIGNS = {CREATE: "+", UPDATE: "~", REPLACE: "-/+", DELETE: "-"}


def changing(nodes: list[Node]) -> list[Node]:
    return [node for node in nodes if node.action]


def summary(nodes: list[Node]) -> str:
    """One line: `3 to create, 1 to update, 0 to replace, 0 to delete, 56 unchanged`."""
    counts = {action: sum(node.action == action for node in nodes) for action in SIGNS}
    return ", ".join(
        [
            *(f"{count} to {action}" for action, count in counts.items()),
            f"{sum(not node.action for node in nodes)} unchanged",
        ]
    )


def rows(nodes: list[Node], rules: secrets.Rules) -> list[dict[str, Any]]:
    """The plan for programs."""
    result = []
    for node in changing(nodes):
        before, after = secrets.mask_pair(node.plan.before, node.plan.after, rules)
        row = {"kind": node.kind.kind, "name": node.label, "project": node.project or None, "action": node.action}
        result.append({**row, "before": before, "after": after, "why": node.why})
    return result


def text(nodes: list[Node], heading: str, rules: secrets.Rules) -> str:
    """The plan for people: a line for each resource, and a line for each changed key, or for each changed line of a
    text.
    """
    lines = [values.printable(heading)]
    for node in changing(nodes):
        lines.append(f"{SIGNS[node.action]:>3} {node.title}")
        if node.action in (UPDATE, REPLACE):
            before, after = secrets.mask_pair(*values.changes(node.plan.before, node.plan.after), rules)
            lines += [
                f"      {line}"
                for key, old, new in _leaves(before, after)
                for line in _change(values.printable(key), old, new)
            ]
        if node.note:
            lines.append(f"      {values.printable(node.note)}")
        if node.action == DELETE:
            lines += [
                f"      {values.printable(step.words)}" for step in node.plan.steps[:-1] if step.action is Action.DELETE
            ]
        if node.action == REPLACE:
            lines.append("      it is deleted and re-created: its data is lost")
    return "\n".join([*lines, summary(nodes), ""])


def _leaves(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({**before, **after}):
        old, new = before.get(key), after.get(key)
        name = f"{path}.{key}" if path else str(key)
        if isinstance(old, dict) or isinstance(new, dict):
            yield from _leaves(old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}, name)
        else:
            yield name, old, new


def _change(key: str, old: Any, new: Any) -> list[str]:
    if any(isinstance(value, str) and "\n" in value for value in (old, new)):
        lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=1)
        return [
            f"{key}:",
            *(
                f"  {line[0]} {values.printable(line[1:])}"
                for number, line in enumerate(lines)
                if number > 1 and not line.startswith("@@")
            ),
        ]
    return [f"{key}: {_shown(old)} -> {_shown(new)}"]


def _lines(value: Any) -> list[str]:
    return [] if value is None else str(value).rstrip("\n").split("\n")


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    text = values.printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 100 else text[:96] + ' …"'


def diff(nodes: list[Node], header: str, rules: secrets.Rules) -> dict[str, str]:
    """For `--diff`: what changes, before and after, by resource."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for node in changing(nodes):
        for side, value in zip(sides, secrets.mask_pair(node.plan.before, node.plan.after, rules)):
            if value:
                side[node.title] = value
    before, after = (values.to_yaml(side) for side in sides)
    return {"before": before, "after": after, "before_header": header, "after_header": header}
