# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A stack: read its documents, plan, and apply. It is given the kinds, and knows none itself."""

from __future__ import annotations

from typing import Any, Sequence

from .._api.client import Client
from .._api.errors import InvalidInput, StackFailed
from .._api.transport import Transport
from .._engine.secrets import BY_NAME, Rules
from . import plan_text
from .applier import DONE, FAILED, SKIPPED, Applier
from .document import Document, Kinds, in_order, make, parse
from .planner import Node, Planned, Planner, StackOptions
from .progress import Progress


def check_options(options: StackOptions) -> None:
    """Refuse options that contradict each other, before any document is read."""
    if options.name is not None and (
        not options.name or not options.name.isprintable() or options.name != options.name.strip()
    ):
        raise InvalidInput(
            f"name: {options.name!r} is no name for a stack: it is a word or two, without spaces around it."
        )
    for option, given in (
        ("prune: true", options.prune),
        ("state: absent", options.absent),
        ("adopt: true", options.adopt),
    ):
        if given and options.name is None:
            raise InvalidInput(f"{option} needs the 'name' of the stack, which identifies what the stack owns.")


def plan_stack(
    client: Client, kinds: Kinds, options: StackOptions, documents: list[Document], project: str | None = None
) -> Planned:
    """The plan. Only reads.

    :raises InvalidInput: with all that is wrong
    """
    check_options(options)
    entries, errors = parse(documents, kinds, project)
    return Planner(client, kinds, options).plan(entries, errors)


def validate(kinds: Kinds, documents: list[Document], known: Sequence[str] = ()) -> int:
    """Find what is wrong with documents without a server, and return the number of their entries.

    References to what only the server has, and values that depend on its version, are not checked.

    :param known: errors that the controller has found while it read the documents
    :raises InvalidInput: with all errors, each with its file and line
    """
    entries, found = parse(documents, kinds, None)
    errors = [*known, *found]
    nowhere = Client(Transport("unix:///"), read_only=True)  # nothing is sent
    for entry in entries:  # those too that have errors already
        try:
            make(entry, nowhere)
        except InvalidInput as exc:
            errors += exc.each
    if errors:
        raise InvalidInput(*in_order(errors))
    return len(entries)


def run_stack(
    client: Client,
    kinds: Kinds,
    options: StackOptions,
    documents: list[Document],
    check_mode: bool,
    project: str | None = None,
    parallel: int = 8,
    progress: Progress | None = None,
    show_text: bool = False,
) -> dict[str, Any]:
    """Plan, apply unless in check mode, and return the result of the module.

    Text for programs, such as `cloud-init.user-data`, is shown with `show_text`, or if nothing in it looks secret.

    :raises StackFailed: with the same result, if something failed
    """
    progress = progress or Progress()
    progress.plan()
    planned = plan_stack(client, kinds, options, documents, project)
    if not check_mode:
        Applier(client, parallel, progress).run(planned)
    result = _result(planned, options, client, check_mode, (client.hidden or BY_NAME)._replace(hide_text=not show_text))
    undone = [node for node in planned.nodes if node.outcome in (FAILED, SKIPPED)]
    if undone:
        words, result["errors"] = _complaint(planned.nodes)
        raise StackFailed(words, result, all(node.retryable for node in undone))
    return result


def _result(planned: Planned, options: StackOptions, client: Client, check_mode: bool, rules: Rules) -> dict[str, Any]:
    nodes = planned.nodes
    header = f"stack {options.name}" if options.name else "stack"
    facts, unmanaged = plan_text.shown(nodes, rules), planned.unmanaged
    text = plan_text.text(nodes, f"{header} on {client.url}", facts, unmanaged)
    steps = [one for node in nodes for one in (node.foreseen() if check_mode else node.done)]
    return {
        "changed": bool(steps),
        "actions": [one.words for one in steps],
        "steps": [one._asdict() for one in steps],
        "plan": plan_text.rows(nodes, rules),
        "unmanaged": [{"kind": one.kind.kind, "name": one.label, "project": one.project or None} for one in unmanaged],
        "summary": plan_text.summary(nodes, unmanaged),
        "counts": plan_text.counts(nodes, unmanaged),
        "plan_text": text,
        "plan_lines": text.rstrip("\n").split("\n"),
        "report_lines": plan_text.report(facts, unmanaged),
        "diff": plan_text.diff(nodes, header, rules),
        "done": [_named(node) for node in nodes if node.outcome == DONE and node.action],
        "failed_resources": [_failed(node) for node in nodes if node.outcome == FAILED],
        "skipped_resources": [
            {**_named(node), "because": node.words} for node in nodes if node.outcome == SKIPPED and node.busy
        ],
        "warnings": list(dict.fromkeys([*planned.warnings, *(words for node in nodes for words in node.warnings)])),
    }


def _named(node: Node) -> dict[str, Any]:
    return {
        "kind": node.kind.kind,
        "name": node.label,
        "project": node.project or None,
        "action": node.action or "wait",
    }


def _failed(node: Node) -> dict[str, Any]:
    document = node.entry.document if node.entry else None
    return {
        **_named(node),
        "msg": node.words,
        "file": (document.source or None) if document else None,
        "line": document.line(node.entry.path) if document and node.entry else None,
        "retryable": node.retryable,
    }


def _complaint(nodes: list[Node]) -> tuple[str, list[str]]:
    """The whole error, and each of the errors in it."""
    busy = [node for node in nodes if node.busy]
    failed = [node for node in busy if node.outcome == FAILED]
    skipped = [node for node in busy if node.outcome == SKIPPED]
    done = sum(node.outcome == DONE for node in busy)
    passing = all(node.retryable for node in failed + skipped)
    lines = [
        f"Of {len(busy)} changes {done} are done, {len(failed)} failed, and {len(skipped)} "
        f"{'was' if len(skipped) == 1 else 'were'} skipped because of that. What is done stays"
        f"{'; run it again' if passing else '. Correct what failed, then run it again'} to do the rest."
    ]
    errors = []
    for node in failed:
        words = node.entry.complaint(node.words) if node.entry else f"{node.title}: {node.words}"
        errors.append(f"{words}{' This error can pass by itself.' if node.retryable and not passing else ''}")
    lines += [f"- {words}" for words in errors]
    reasons = dict.fromkeys(node.words for node in skipped)
    lines += [
        f"- skipped, because {words}: {', '.join(node.title for node in skipped if node.words == words)}"
        for words in reasons
    ]
    return "\n".join(lines), errors
