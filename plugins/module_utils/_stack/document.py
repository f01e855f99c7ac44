# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Documents: their sections and entries, with the place of each. All errors are reported at once.

The schema is that of `lxd init --preseed`, with a section for every other kind. An entry has the options of the
module of its kind.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, NamedTuple, Type

from .._api.errors import InvalidInput, did_you_mean
from .._engine import values
from .._engine.checks import Doubt
from .._engine.fields import Moment, Text
from .._engine.resource import Resource
from .arguments import Complaint, checked

Kinds = Dict[str, Type[Resource]]

#: What a preseed file can have.
PRESEED = (
    "config",
    "storage_pools",
    "networks",
    "projects",
    "profiles",
    "storage_volumes",
    "certificates",
    "cluster_groups",
)
#: What makes several of one entry. The controller carries that out where templates are allowed.
REPEATED = ("loop", "count")
#: Options that every entry has besides those of its module.
_COMMON: dict[str, dict[str, Any]] = {"depends_on": {"type": "list", "elements": "str"}, "exact": {"type": "bool"}}
_SCOPED: dict[str, dict[str, Any]] = {"project": {"type": "str"}}
_PLACED: dict[str, dict[str, Any]] = {"target": {"type": "str"}}


_SORTS: dict[type, str] = {dict: "a dictionary", list: "a list", str: "text"}


class Document(NamedTuple):
    """One parsed file, or the definition of a task. `lines` has the line of an entry, an option or what is in it by its
    path, as in `instances/3/devices/eth0/ipv4.address`. `doubts` has the warnings of the controller by the same paths.
    """

    source: str
    content: Any
    lines: dict[str, int]
    doubts: dict[str, str] = {}

    def line(self, path: str) -> int | None:
        """The line of an entry or option, or of what it is in; None if no lines are known."""
        while path and path not in self.lines:
            path = path.rpartition("/")[0]
        return self.lines[path] if path else None

    def place(self, path: str, name: str) -> str:
        """The place of an entry or option for people: file and line, or the path inside the document."""
        line = self.line(path)
        if line is not None:
            return f"{self.source}:{line}: {name}"
        return f"{self.source}: {name}" if self.source else name


class Entry:
    """One resource of a document. A `broken` one is known by its name, and is not planned."""

    def __init__(self, kind: type[Resource], params: dict[str, Any], document: Document, path: str, word: str) -> None:
        self.kind = kind
        self.params = params
        self.document, self.path, self.word = document, path, word
        self.broken = False
        self.project: str = (params.get("project") or "default") if kind.scoped else ""
        self.label = kind.label(params)
        self.doubts = [words for place, words in document.doubts.items() if place.startswith(f"{path}/")]
        self.depends_on: list[str] = params.pop("depends_on", None) or []

    @property
    def title(self) -> str:
        """The resource in the words of a plan."""
        return title(self.kind.kind, self.project, self.label)

    def complaint(self, words: str) -> str:
        """An error with its place, which is that of the option with which it begins, as in `config.limits.cpu: …`."""
        above = f"{self.path}/" if self.kind.named else ""
        paths = (above + inner for inner in _paths(words.partition(" ")[0].rstrip(":,")))
        path = next((path for path in paths if path in self.document.lines), self.path)
        return f"{self.document.place(path, self.word)}: {words}"

    def warning(self, words: str) -> str:
        """A warning of the resource: of an option with its place, where a module names the resource."""
        return self.complaint(words.words) if isinstance(words, Doubt) else words


def _paths(option: str) -> Iterator[str]:
    """The paths that an option such as `devices.eth0.ipv4.address` can have in `Document.lines`, then those of what it
    is in. Keys have dots of their own.
    """
    parts = re.sub(r"\[(\d+)\]", r"/\1", option).split(".")
    for end in range(len(parts), 0, -1):
        for first in range(1, end + 1):
            for second in range(first, end + 1):
                pieces = (parts[:first], parts[first:second], parts[second:end])
                yield "/".join(".".join(piece) for piece in pieces if piece)


def title(kind: str, project: str, label: str) -> str:
    name = f"{kind} {label}" if label else kind
    return values.printable(name if project in ("", "default") else f"{name} (project {project})")


def spec_of(kind: type[Resource]) -> dict[str, dict[str, Any]]:
    """The options of an entry: those of the module, without states and options that have only a momentary effect."""
    spec = {option: dict(entry) for option, entry in kind.argument_spec().items() if option not in kind.instant_options}
    if "state" in spec:
        spec["state"]["choices"] = [state for state in kind.states if state != "absent" and state not in kind.events]
    return {**spec, **(_SCOPED if kind.scoped else {}), **(_PLACED if kind.placed or kind.of_member else {}), **_COMMON}


def parse(documents: list[Document], kinds: Kinds, project: str | None) -> tuple[list[Entry], list[str]]:
    """The entries of all documents, and all that is wrong with them. `project` is for entries that name none."""
    sections = {kind.plural(): kind for kind in kinds.values() if kind.stackable}
    entries: list[Entry] = []
    errors: list[str] = []
    for document in documents:
        if document.content is None:
            continue
        if not isinstance(document.content, dict):
            errors.append(
                document.place(
                    "",
                    "a document is a dictionary of sections such as 'instances:', not "
                    f"{_SORTS.get(type(document.content), 'a single value')}.",
                )
            )
            continue
        for section, content in document.content.items():
            if section in PRESEED and (content is None or (content in ([], {}, "") and section != "config")):
                continue  # as `lxd init` prints what there is none of
            if section == "cluster" or section not in sections:
                errors += _refused(document, str(section), content, sections, kinds)
            elif content is not None:
                errors += _section(document, sections[section], content, project, entries)
    return entries, errors + _claimed_twice(entries)


def _refused(
    document: Document, section: str, content: Any, sections: dict[str, type[Resource]], kinds: Kinds
) -> list[str]:
    other = next((kind for kind in kinds.values() if kind.plural() == section), None)
    if section == "cluster":  # every preseed that `lxd init` prints has it
        if not (isinstance(content, dict) and content.get("enabled")):
            return []
        words = "a stack does not make clusters: use the role cloudhost.lxd.cluster, and take this section out."
    elif other:
        words = f"these are no part of a stack: use the module cloudhost.lxd.{other.kind}."
    else:
        words = f"there is no such section. {did_you_mean(section, list(sections))}"
    return [f"{document.place(section, section)}: {words}"]


def _section(
    document: Document, kind: type[Resource], content: Any, project: str | None, entries: list[Entry]
) -> list[str]:
    section = kind.plural()
    spec = spec_of(kind)
    if not kind.named:
        return _entry(document, kind, spec, {kind.fields[0].name: content}, section, section, project, entries)
    if not isinstance(content, list):
        return [
            f"{document.place(section, section)}: a list of {kind.kind} entries is needed, each with '- name: …', not "
            f"{_SORTS.get(type(content), 'a single value')}."
        ]
    errors: list[str] = []
    for position, given in enumerate(content):
        path, word = f"{section}/{position}", f"{section}[{position}]"
        if not isinstance(given, dict):
            errors.append(
                f"{document.place(path, word)}: a dictionary with the options of the module {kind.kind} is needed, "
                f"not {given!r}."
            )
            continue
        errors += _entry(document, kind, spec, given, path, word, project, entries)
    return errors


def _entry(
    document: Document,
    kind: type[Resource],
    spec: dict[str, dict[str, Any]],
    given: dict[Any, Any],
    path: str,
    word: str,
    project: str | None,
    entries: list[Entry],
) -> list[str]:
    """Add an entry if its options name it, and return all that is wrong with it."""
    written = _given(kind, given)
    repeated = [option for option in REPEATED if option in written and option not in spec]
    params, complaints = checked(spec, kind.constraints, {key: written[key] for key in written if key not in repeated})
    complaints += [Complaint(option, f"{option}: it needs src and template: true.") for option in repeated]
    if kind.scoped:
        params["project"] = params["project"] or project
    params.setdefault("target", None)
    params.setdefault("project", None)
    params.update(dict.fromkeys(kind.instant_options))
    identified = all(params[part] is not None for part in kind.parents())
    identified = identified and not (kind.named and kind.identity(params) is None)
    name = f"{word} '{kind.label(params)}'" if identified and kind.named else word
    entry = Entry(kind, params, document, path, name)
    complaints += _marks_of_stacks(kind, params)
    entry.broken = bool(complaints)
    if identified:
        entries.append(entry)
    return [entry.complaint(complaint.words) for complaint in complaints]


def _given(kind: type[Resource], given: dict[Any, Any]) -> dict[Any, Any]:
    """The options that an entry sets. A dump by `lxd init` has empty ones too, and config keys of the daemon itself."""
    written = {option: value for option, value in given.items() if value != "" or _empties(kind, option)}
    config = written.get("config")
    if kind.plural() in PRESEED and isinstance(config, dict):
        written["config"] = {key: value for key, value in config.items() if not str(key).startswith("volatile.")}
    return written


def _marks_of_stacks(kind: type[Resource], params: dict[str, Any]) -> list[Complaint]:
    """Complaints about keys that only the stack itself writes."""
    holder = kind.holder()
    words = "{}: '{}' is written by the stack itself: take it out, and give the stack its name."
    written = (params.get(holder.name) or {}) if holder else {}
    return [
        Complaint(holder.name, words.format(holder.name, mark)) for mark in values.MARKS if holder and mark in written
    ]


def _empties(kind: type[Resource], option: Any) -> bool:
    """Whether an empty string is a value to set; what `lxd init` prints has some that mean nothing."""
    field = next((field for field in kind.fields if field.name == option), None)
    if option == "description" and kind.plural() in PRESEED:
        return False
    return isinstance(field, (Text, Moment)) and not field.create_only and not field.spec.get("choices")


def _claimed_twice(entries: list[Entry]) -> list[str]:
    seen: dict[tuple[str, str, str], Entry] = {}
    errors = []
    for entry in entries:
        first = seen.setdefault((entry.kind.kind, entry.project, entry.label), entry)
        if first is not entry:
            errors.append(
                entry.complaint(
                    f"{entry.title} is claimed twice, here and by {first.document.place(first.path, first.word)}."
                )
            )
            entry.broken = True
    return errors


def make(entry: Entry, client: Any) -> Resource:
    """The resource of an entry. Errors that need no server have their places."""
    try:
        return entry.kind(client, entry.params)
    except InvalidInput as exc:
        raise InvalidInput(*(entry.complaint(words) for words in exc.each)) from exc


def in_order(errors: list[str]) -> list[str]:
    """Errors in the order of their lines, by file."""

    def line(error: str) -> tuple[str, int]:
        place = re.match(r"(\S+):(\d+): ", error)
        return (place[1], int(place[2])) if place else ("", 0)

    return sorted(errors, key=line)
