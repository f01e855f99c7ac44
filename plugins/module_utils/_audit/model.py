# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an audit looks at, the rules it looks by, and what it finds. Plain data: nothing here asks the server."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Iterable, Iterator, NamedTuple

from .gaps import Gap
from .user_ids import OwnIDs

#: From the worst to what only informs.
SEVERITIES = ("critical", "high", "medium", "low", "info")


class Layer(NamedTuple):
    """One of the places that the config of something comes from: the instance itself, or a profile.

    :ivar kind: the module that writes it, such as `profile`
    :ivar project: the project that it is in, or empty
    """

    kind: str
    project: str
    name: str
    config: dict[str, str]
    devices: dict[str, dict[str, str]]

    @property
    def place(self) -> dict[str, str]:
        return {"kind": self.kind, "project": self.project, "name": self.name}


class Subject(NamedTuple):
    """One thing that is audited.

    :ivar kind: `server` (what all members of a cluster share), `member`, `project`, `instance`, `image` or
        `certificate`
    :ivar project: the project that it is in, or empty
    :ivar data: the object, as the API shows it
    :ivar config: the config that counts; for an instance, with its profiles
    :ivar devices: the devices that count
    :ivar layers: where they come from, the one that counts first first
    """

    kind: str
    project: str
    name: str
    data: dict[str, Any]
    config: dict[str, str]
    devices: dict[str, dict[str, str]]
    layers: tuple[Layer, ...]

    @property
    def is_container(self) -> bool:
        return self.kind == "instance" and self.data.get("type") != "virtual-machine"


class Hit(NamedTuple):
    """That a rule applies to a subject.

    :ivar item: what exactly, such as a config key or the name of a device; empty if the subject has only one
    :ivar text: what was found, for people. It never contains a secret
    :ivar layers: the places to change; none is the subject itself
    :ivar tasks: tasks of Ansible that end it
    :ivar severity: the severity, if it is not that of the rule
    """

    item: str
    text: str
    layers: tuple[Layer, ...] = ()
    tasks: tuple[dict[str, Any], ...] = ()
    severity: str = ""


class Surroundings(NamedTuple):
    """What checks need besides their subject.

    :ivar today: the date (UTC)
    :ivar end_of_life: dates by product and version, see `end_of_life.py`
    :ivar limits: what remedies write for missing limits
    :ivar max_age: after how many days a certificate is old
    :ivar address: the address that remedies have the API listen on
    :ivar own: the fingerprint of the certificate that the audit itself uses, or empty
    :ivar extensions: those of the server
    :ivar lacks: by member, what its kernel does not enforce: the keys of `messages.LACKS`
    :ivar unread: what the server did not show
    :ivar user_ids: by project and name, the user IDs of each isolated container
    :ivar gaps: by which ways clients that are limited to projects get out of them, if there are such clients
    """

    today: datetime.date
    end_of_life: dict[str, dict[str, str]]
    limits: dict[str, str]
    max_age: int
    address: str
    own: str
    extensions: frozenset[str]
    lacks: dict[str, frozenset[str]]
    unread: tuple[str, ...]
    user_ids: dict[tuple[str, str], OwnIDs]
    gaps: tuple[Gap, ...]

    def lacks_of(self, instance: Subject) -> frozenset[str]:
        """What the kernel of its member does not enforce."""
        return self.lacks.get(instance.data.get("location") or "none", frozenset())


class Rule(NamedTuple):
    """One entry of a table of rules.

    :ivar id: what exceptions name. It stays the same
    :ivar kind: the kind of the subjects that it is for
    :ivar reads: what it looks at, for the documentation
    :ivar why: what somebody can do with it
    :ivar advice: what to do, for people
    :ivar check: what it finds, see `checks.py`
    """

    id: str
    kind: str
    severity: str
    title: str
    reads: str
    why: str
    advice: str
    check: Callable[[Subject, Surroundings], Iterable[Hit]]


class Finding(NamedTuple):
    """A hit of a rule, with all that a report needs."""

    rule: Rule
    subject: Subject
    hit: Hit

    @property
    def severity(self) -> str:
        return self.hit.severity or self.rule.severity

    def shown(self) -> dict[str, Any]:
        """The finding as the module returns it."""
        return {
            "rule": self.rule.id,
            "severity": self.severity,
            "kind": self.subject.kind,
            "project": self.subject.project,
            "name": self.subject.name,
            "item": self.hit.item,
            "title": self.rule.title,
            "text": self.hit.text,
            "advice": self.rule.advice,
            "origins": [layer.place for layer in self.hit.layers] or [place(self.subject)],
            "remedy": list(self.hit.tasks),
        }


def place(subject: Subject) -> dict[str, str]:
    return {"kind": subject.kind, "project": subject.project, "name": subject.name}


def findings(rules: Iterable[Rule], subjects: Iterable[Subject], around: Surroundings) -> Iterator[Finding]:
    """Everything that the rules find: the worst first, and in the order of rules and subjects."""
    subjects = tuple(subjects)
    found = [
        Finding(rule, subject, hit)
        for rule in rules
        for subject in subjects
        if subject.kind == rule.kind
        for hit in rule.check(subject, around)
    ]
    return iter(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
