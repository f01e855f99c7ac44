# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One table and one closing line for runs of nox: each test counts as one, and so does each session that has no tests.

Usage: summary.py FOLDER_OF_NOX_REPORTS JUNIT_FOLDER
"""

from __future__ import annotations

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def of_tests(report: pathlib.Path) -> tuple[int, int, int, list[str]]:
    """Passed, failed and skipped tests of one JUnit file, and the reasons of the skipped ones."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None, report
    total, failed, skipped = int(suite.get("tests", 0)), int(suite.get("failures", 0)) + int(suite.get("errors", 0)), int(suite.get("skipped", 0))
    reasons = [f"{case.get('name')}: {skip.get('message')}" for case in suite.iter("testcase") for skip in case.findall("skipped")]
    return total - failed - skipped, failed, skipped, reasons


def main() -> int:
    sessions = [session for report in sorted(pathlib.Path(sys.argv[1]).glob("*.json")) for session in json.loads(report.read_text())["sessions"]]
    reports = pathlib.Path(sys.argv[2])
    totals = [0, 0, 0]
    for session in sessions:
        name, result = session["name"], session["result"].lower()
        report, reasons = reports / f"{name}.xml", []
        counts = (int(result == "success"), int(result in ("failed", "aborted")), int(result == "skipped"))
        if report.exists():
            passed, failed, skipped, reasons = of_tests(report)
            counts = (passed, max(failed, counts[1]), skipped)
        totals = [one + other for one, other in zip(totals, counts)]
        print(f"{name:14} {counts[0]:5} passed {counts[1]:3} failed {counts[2]:3} skipped {session.get('duration', 0):7.0f} s")
        for reason in reasons if counts[2] else []:
            print(f"    skipped {reason}")
        if result == "skipped":
            print(f"    skipped: the session could not run here, see above: {session.get('reason', '')}")
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
