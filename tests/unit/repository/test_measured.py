# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session leaves behind makes it fail, and is removed (`tests/run/measured.py`)."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "run" / "measured.py"


@pytest.fixture
def measured(tmp_path):
    """A command of the shell: its status, its report, and what it says."""
    place = tmp_path / "tmp"
    place.mkdir()

    def run(script, *options):
        report = tmp_path / "report.json"
        command = [sys.executable, str(PROGRAM), str(report), *options, "sh", "-c", script]
        done = subprocess.run(command, env={**os.environ, "TMPDIR": str(place)}, stdout=subprocess.PIPE, text=True)
        return done.returncode, json.loads(report.read_text()), done.stdout, sorted(place.iterdir())

    return run


def test_who_leaves_nothing_has_passed(measured):
    status, report, said, there = measured("mktemp && rm $TMPDIR/tmp.* && mkdir $TMPDIR/pymp-x $TMPDIR/pytest-of-root")
    assert (status, report["exit"], report["files"], there) == (0, 0, [], [])
    assert "left" not in said


@pytest.mark.parametrize("status", [0, 3])
def test_what_is_left_is_told_and_removed(measured, status):
    code, report, said, there = measured(f"mkdir -p $TMPDIR/kept/inside; exit {status}")
    assert code == (status or 1)
    (left,) = report["files"]
    assert left.endswith("/kept") and left in said and there == []


def test_services_keep_theirs(measured):
    code, _report, _said, there = measured("touch $TMPDIR/socket", "--leaves")
    assert code == 0 and [path.name for path in there] == ["socket"]
