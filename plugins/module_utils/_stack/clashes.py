# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What two resources would have at the same time once a plan is applied, although the servers let only one have it."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from .._engine.claims import Claim
from .view import View


def check(view: View, changing: Sequence[Any], gone: Sequence[Any]) -> list[str]:
    """Errors for the changing resources that would have what another has. Where the servers refuse it later, when one
    of them starts, its node gets a warning.

    In a cluster instances have none: each member has ports and bridges of its own.

    :param changing: the nodes of a plan that create or change a resource
    :param gone: those that delete one
    """
    errors = [words for number in range(len(changing)) for words in _beside(view, changing, number, gone)]
    places = dict.fromkeys(
        (node.kind, view.effective(node.kind, node.project)) for node in changing if _alone(view, node)
    )
    if not places or view.clustered:
        return errors
    return errors + [words for kind, project in places for words in _errors(view, kind, project, changing, gone)]


def _beside(view: View, changing: Sequence[Any], number: int, gone: Sequence[Any]) -> Iterator[str]:
    """What a kind says of a changing object beside all others. Of two that change, the second gets it."""
    node = changing[number]
    if not node.kind.beside:
        return
    left_out = {one.label for one in (*changing[number:], *gone) if one.kind is node.kind}
    listed = view.listing(node.kind, node.kind.path, node.project)
    others = {name: obj for name, obj in listed.items() if name not in left_out}
    old = node.found.object if node.found else {}
    errors, warnings = node.kind.beside(node.plan.result or {}, old, others)
    for words in errors:
        yield _placed(node, words)
    _note(node, warnings)


def _note(node: Any, warnings: list[str]) -> None:
    placed = [_placed(node, words) for words in warnings]
    node.noted += placed
    node.warnings += placed


def _alone(view: View, node: Any) -> dict[Claim, str]:
    found: dict[Claim, str] = node.kind.alone(node.plan.result or {}, view, {"project": node.project})
    return found


def _errors(view: View, kind: Any, project: str, changing: Sequence[Any], gone: Sequence[Any]) -> Iterator[str]:
    nodes, deleted = (
        {node.label: node for node in some if node.kind is kind and view.effective(kind, node.project) == project}
        for some in (changing, gone)
    )
    holders: dict[Claim, dict[str, str]] = {}
    for name, obj in view.listing(kind, kind.path, project).items():
        for claim, option in kind.alone(obj, view, {"project": project}).items() if name not in deleted else ():
            holders.setdefault(claim, {})[name] = option
    for claim, having in holders.items():
        ours = [name for name in having if name in nodes] if len(having) > 1 else []
        gaining = [name for name in ours if claim not in _before(view, nodes[name])]
        refused = [name for name in ours if _starts(nodes[name]) or (name in gaining and nodes[name].found)]
        if not (refused or gaining):
            continue
        name = (refused or gaining)[-1]
        node, other = nodes[name], min(one for one in having if one != name)
        words = f"{having[name]}: {claim.what} {claim.value} is that of {kind.kind} '{other}' too."
        if refused:
            yield _placed(node, f"{words} Choose another.")
        else:  # the servers create it
            _note(node, [f"{words} Only one of them can start. Choose another."])


def _before(view: View, node: Any) -> dict[Claim, str]:
    """What an object has already: two that do not run can have the same."""
    found: dict[Claim, str] = node.kind.alone(node.found.object, view, {"project": node.project}) if node.found else {}
    return found


def _starts(node: Any) -> bool:
    ran = bool(node.found) and node.kind.is_active(node.found.object)
    return bool(node.kind.is_active(node.plan.result or {})) and not ran


def _placed(node: Any, words: str) -> str:
    return str(node.entry.complaint(words)) if node.entry else f"{node.title}: {words}"
