# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of security audits for people: Markdown, and the playbook with all remedies.

Names, descriptions and keys are written by those who are audited. In Markdown they only stand in code spans and code
blocks that nothing inside can end. In the playbook they are marked so that Ansible never takes them for templates.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator

import yaml
from ansible_collections.cloudhost.lxd.plugins.filter.to_document import Dumper
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.model import SEVERITIES
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import BY_ID
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import printable

#: What begins a template of Jinja.
_TEMPLATE = re.compile(r"{[{%#]")
_HOST = re.compile(r"[\w.-]+")
_HEAD = """---
# The remedies of a security audit. Read them before you run them: they restart instances, remove devices and
# certificates, narrow addresses, and unset what holds secrets.
"""
_COLUMNS = {
    "member": ("apparmor", "seccomp", "cgroup_memory", "cgroup_pids", "cgroup_cpu", "api_address", "version", "system"),
    "project": ("restricted", "limits", "allowed"),
    "instance": (
        *("type", "unprivileged", "idmap", "nesting", "seccomp", "apparmor", "limits", "raw"),
        *("host_paths", "host_devices"),
    ),
}


class _Dumper(Dumper):
    """YAML for Ansible, in which text of servers is no template."""


def _text(dumper: Any, value: str) -> yaml.ScalarNode:
    if _TEMPLATE.search(value):
        return yaml.ScalarNode("!unsafe", str(value), style='"')
    return Dumper.yaml_multi_representers[str](dumper, value)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)


def to_yaml(data: Any) -> str:
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")))


def code(value: Any) -> str:
    """Text of others as a code span, also within a table. A bar would end its cell."""
    text = printable(str(value)).replace("|", r"\x7c")
    if not text.strip():
        return f"`{text or ' '}`"
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def block(text: str, language: str) -> str:
    """Text as a code block, with a fence that is longer than any inside."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def merged_exceptions(results: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The exceptions of all servers. One that several servers have is unused if it covers nothing on any of them."""
    found: dict[Any, dict[str, Any]] = {}
    for result in results.values():
        for one in result.get("exceptions") or ():
            key = tuple(one[name] for name in ("rule", "project", "name", "item", "reason", "until"))
            before = found.setdefault(key, {**one, "findings": 0})
            before["findings"] += one["findings"]
            before["state"] = one["state"] if before["state"] == "unused" else before["state"]
    return list(found.values())


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """The report of all servers, by their names in the inventory."""
    return "\n".join(_markdown(results)).rstrip() + "\n"


def _markdown(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    dates = sorted({result["date"] for result in results.values() if "date" in result})
    yield from ("# Security audit", "", f"{len(BY_ID)} rules, {', '.join(dates) or 'no server'}.", "")
    yield f"| server | {' | '.join(SEVERITIES)} | accepted |"
    yield "| --- |" + " ---: |" * (len(SEVERITIES) + 1)
    for host, result in results.items():
        counts = result.get("counts")
        accepted = sum(bool(finding["exception"]) for finding in result.get("findings") or ())
        cells = [*(counts[severity] for severity in SEVERITIES), accepted] if counts else ["not audited"]
        yield f"| {code(host)} | {' | '.join(map(str, cells))} |"
    yield ""
    yield from _exceptions(merged_exceptions(results))
    for host, result in results.items():
        yield from (f"## {code(host)}", "")
        yield from _server(result)


def _exceptions(exceptions: list[dict[str, Any]]) -> Iterator[str]:
    if exceptions:
        yield from ("## Exceptions", "", "| rule | for | reason | until | state | findings |", "| --- " * 6 + "|")
        for one in exceptions:
            selected = [f"{name} {code(one[name])}" for name in ("project", "name", "item") if one[name] != "*"]
            cells = (code(one["rule"]), ", ".join(selected) or "all", code(one["reason"]), one["until"], one["state"])
            yield f"| {' | '.join(cells)} | {one['findings']} |"
        yield ""


def _server(result: dict[str, Any]) -> Iterator[str]:
    if "findings" not in result:
        yield from ("The server could not be audited:", "", block(printable(str(result.get("msg")), "\n"), "text"), "")
        return
    if not result["findings"]:
        yield from ("Nothing was found.", "")
    for finding in result["findings"]:
        yield from _finding(finding)
    yield from _enforced(result["enforced"])


def _place(place: dict[str, Any]) -> str:
    where = f" in project {code(place['project'])}" if place["project"] else ""
    return f"{place['kind']} {code(place['name'])}{where}" if place["name"] else str(place["kind"])


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {finding['severity']}: {finding['title']} (`{finding['rule']}`)", "")
    yield f"- Where: {_place(finding)}"
    others = [_place(origin) for origin in finding["origins"] if _place(origin) != _place(finding)]
    if others:
        yield f"- Set by: {', '.join(map(_place, finding['origins']))}"
    yield f"- Found: {code(finding['text'])}"
    yield f"- Why it matters: {BY_ID[finding['rule']].why}"
    yield f"- What to do: {finding['advice']}"
    if finding["exception"]:
        yield f"- Accepted until {finding['exception']['until']}: {code(finding['exception']['reason'])}"
    yield ""
    if finding["remedy"] and not finding["exception"]:
        yield from (block(to_yaml(finding["remedy"]), "yaml"), "")


def _enforced(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    records = list(records)
    for kind, columns in _COLUMNS.items():
        chosen = [one for one in records if one["kind"] == kind]
        if chosen:
            names = [column.replace("_", " ") for column in columns]
            yield from (f"### What is enforced: each {kind}", "", f"| name | project | {' | '.join(names)} |")
            yield "| --- " * (len(columns) + 2) + "|"
            for one in chosen:
                cells = [code(one["name"]), code(one["project"]) if one["project"] else ""]
                cells += [_cell(one["enforced"].get(column)) for column in columns]
                yield f"| {' | '.join(cells)} |"
            yield ""


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{code(name)}: {_cell(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(code, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else code(value)


def remedies(results: dict[str, dict[str, Any]]) -> str:
    """A playbook with a play for each server that has remedies."""
    plays = []
    for host, result in results.items():
        tasks = result.get("remedies")
        if tasks and _HOST.fullmatch(host):
            facts = any("ansible.builtin.include_role" in task for task in tasks)
            plays.append({"name": f"Harden {host}", "hosts": host, "gather_facts": facts, "tasks": tasks})
    return _HEAD + (to_yaml(plays) if plays else "[]\n")
