# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Exceptions: findings that somebody has accepted, with a reason, until a date."""

from __future__ import annotations

import datetime
import fnmatch
from typing import Any, Iterable, NamedTuple

from .._api.errors import InvalidInput, did_you_mean
from .model import Finding
from .rules import BY_ID

#: The parts of a finding that an exception can limit itself to, as patterns.
SELECTORS = ("project", "name", "item")


class Acceptance(NamedTuple):
    """One exception.

    :ivar until: the last day on which it counts
    """

    rule: str
    project: str
    name: str
    item: str
    reason: str
    until: datetime.date

    def covers(self, finding: Finding) -> bool:
        shown = (finding.subject.project, finding.subject.name, finding.hit.item)
        wanted = (self.project, self.name, self.item)
        return self.rule == finding.rule.id and all(
            want == "*" or fnmatch.fnmatchcase(have, want) for have, want in zip(shown, wanted)
        )


def declared(given: Iterable[dict[str, Any]]) -> list[Acceptance]:
    """The exceptions that a user wrote; InvalidInput that names all that is wrong with them."""
    accepted, wrong = [], []
    for number, entry in enumerate(given, 1):
        told = _faults(entry)
        wrong += [f"exceptions, entry {number}: {fault}" for fault in told]
        if not told:
            selectors = {name: entry.get(name) or "*" for name in SELECTORS}
            until = datetime.date.fromisoformat(entry["until"])
            accepted.append(Acceptance(entry["rule"], reason=entry["reason"].strip(), until=until, **selectors))
    if wrong:
        raise InvalidInput("\n".join(wrong))
    return accepted


def _faults(entry: dict[str, Any]) -> list[str]:
    faults = []
    if entry["rule"] not in BY_ID:
        faults.append(f"rule: there is no rule '{entry['rule']}'. {did_you_mean(entry['rule'], list(BY_ID))}")
    if not entry["reason"].strip():
        faults.append("reason: it is empty. Say why the finding is accepted.")
    try:
        datetime.date.fromisoformat(entry["until"])
    except ValueError:
        faults.append(f"until: '{entry['until']}' is no date. Write the last day on which it counts, as in 2027-01-31.")
    return faults


class Applied(NamedTuple):
    """Findings, each with the exception that covers it, and what became of each exception."""

    findings: list[tuple[Finding, Acceptance | None]]
    exceptions: list[dict[str, Any]]


def applied(accepted: Iterable[Acceptance], findings: Iterable[Finding], today: datetime.date) -> Applied:
    """Put exceptions to findings. An exception whose date is over covers nothing, and its state is `expired`."""
    accepted, findings = list(accepted), list(findings)
    counting = [one for one in accepted if one.until >= today]
    covered = [(finding, next((one for one in counting if one.covers(finding)), None)) for finding in findings]
    told = []
    for one in accepted:
        count = sum(one.covers(finding) for finding in findings)
        state = "unused" if not count else "expired" if one.until < today else "active"
        told.append({**one._asdict(), "until": one.until.isoformat(), "state": state, "findings": count})
    return Applied(covered, told)
