# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of sessions came to: a table, the slowest tests and fixtures, and one closing line.

Each test counts as one, and so does each session that has no tests. A session that left no report has failed.
"""

from __future__ import annotations

import json
import pathlib
import re
import xml.etree.ElementTree as ElementTree
from typing import Any, NamedTuple

#: How many of the slowest tests and fixtures are shown.
SLOWEST = 25
#: Files of `pool.py` in one folder, by what follows the name of the session; and the folder of the logs of daemons.
REPORT, LOG, COST, TIMES, TESTS, DAEMONS = "json", "log", "cost", "times", "xml", "daemons"


class Session(NamedTuple):
    name: str
    passed: int
    failed: int
    skipped: int
    #: Why something was skipped.
    reasons: list[str]
    #: Seconds, and seconds of processor time of all its processes. None where it did not run.
    wall: float | None
    cpu: float | None


def read(folder: pathlib.Path, name: str) -> Session:
    """One session by its files."""
    cost = _json(folder / f"{name}.{COST}") or {}
    sessions = (_json(folder / f"{name}.{REPORT}") or {}).get("sessions") or [{"result": "aborted"}]
    result = sessions[0]["result"].lower()
    if cost.get("exit", 1) and result == "success":
        result = "failed"  # it left processes behind
    passed, failed, skipped = (
        int(result == "success"),
        int(result not in ("success", "skipped")),
        int(result == "skipped"),
    )
    reasons = [sessions[0].get("reason", "")] if skipped else []
    if (folder / f"{name}.{TESTS}").exists():
        passed, broken, skipped, reasons = _tests(folder / f"{name}.{TESTS}")
        failed = max(broken, failed)
    return Session(name, passed, failed, skipped, reasons, cost.get("wall"), cost.get("cpu"))


def _json(path: pathlib.Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):  # a run that was broken off
        return None
    return found


def _tests(report: pathlib.Path) -> tuple[int, int, int, list[str]]:
    """Passed, failed and skipped tests of one JUnit file, and the reasons of the skipped ones."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None, report
    total, failed, skipped = (
        int(suite.get("tests", 0)),
        int(suite.get("failures", 0)) + int(suite.get("errors", 0)),
        int(suite.get("skipped", 0)),
    )
    reasons = [
        f"{case.get('name')}: {skip.get('message')}"
        for case in suite.iter("testcase")
        for skip in case.findall("skipped")
    ]
    return total - failed - skipped, failed, skipped, reasons


def slowest(folder: pathlib.Path, names: list[str]) -> list[tuple[float, str]]:
    """Tests, fixtures and what follows a test, with their seconds."""
    found = []
    for name in names:
        path = folder / f"{name}.{TIMES}"
        for line in path.read_text().splitlines() if path.exists() else []:
            what, seconds = json.loads(line)
            found.append((seconds, f"{name}: {re.sub(r'tests/(?=.*/)', '', what)}"))
    return sorted(found, reverse=True)[:SLOWEST]


def tell(folder: pathlib.Path, names: list[str], wall: float, cores: int, remarks: list[str]) -> bool:
    """Print it all; whether everything passed."""
    sessions = [read(folder, name) for name in names]
    print(f"\nThe {SLOWEST} slowest tests and fixtures:")
    for seconds, what in slowest(folder, names):
        print(f"{seconds:8.1f} s  {what}")
    print(f"\n{'session':20} {'passed':>7} {'failed':>7} {'skipped':>7} {'wall':>9} {'processor':>11}")
    for session in sessions:
        wall_words, cpu_words = (
            f"{seconds:7.0f} s" if seconds is not None else "-" for seconds in (session.wall, session.cpu)
        )
        print(
            f"{session.name:20} {session.passed:7} {session.failed:7} {session.skipped:7} {wall_words:>9} "
            f"{cpu_words:>11}"
        )
        for reason in session.reasons:
            print(f"    skipped {reason}")
    cpu = sum(session.cpu or 0 for session in sessions)
    print(f"{'together':20} {wall:33.0f} s {cpu:9.0f} s, {100 * cpu / wall / cores:.0f} % of {cores} cores")
    for remark in remarks:
        print(remark)
    totals = [sum(session[column] for session in sessions) for column in (1, 2, 3)]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return not totals[1] and bool(totals[0])
