# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of roles with a program of their own: what the program gets, and where its secrets are not."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

#: Says what it was given, and what a process list shows of it.
STEPS = """
import pathlib
from . import words

def perform(given):
    if given.get("broken"):
        raise KeyError("broken")
    line = pathlib.Path("/proc/self/cmdline").read_text()
    pathlib.Path(given["place"]).write_text(line)
    return {"changed": True, "check": given["check"], "words": words.SAY, "diff": [], "failed": given["fail"]}
"""


@pytest.fixture
def play(tmp_path):
    """Run a play with a role that has such a program, on this machine."""
    program = tmp_path / "roles" / "own" / "files" / "own_program"
    program.mkdir(parents=True)
    (program / "__init__.py").write_text('"""A program."""\n')
    (program / "words.py").write_text("SAY = 'hello'\n")
    (program / "steps.py").write_text(STEPS)
    tasks = tmp_path / "roles" / "own" / "tasks"
    tasks.mkdir()

    def run(*options, **specification):
        given = {"place": str(tmp_path / "cmdline"), "secret": "hunter2", "fail": False, **specification}
        task = {"name": "Run it", "cloudhost.lxd.host_program": {"program": "own_program", "specification": given}}
        task["cloudhost.lxd.host_program"]["executable"] = sys.executable
        (tasks / "main.yml").write_text(json.dumps([task]))
        book = tmp_path / "play.yml"
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": ["own"]}]))
        done = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "localhost,", "-c", "local"]
            + [*options, "-vvv", str(book)],
            capture_output=True,
            text=True,
            env={**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")},
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, pathlib.Path(given["place"])

    return run


def test_the_program_runs_and_its_secrets_are_nowhere(play):
    code, text, place = play("--check")
    assert code == 0, text
    assert '"words": "hello"' in text and '"check": true' in text and '"changed": true' in text
    assert "hunter2" not in place.read_text() and "hunter2" not in text


def test_what_fails_says_why(play):
    code, text, _place = play(fail=True)
    assert code == 2 and '"check": false' in text
    code, text, _place = play(broken=True)
    assert code == 2 and "own_program ended with code 1" in text and "KeyError: 'broken'" in text


def test_become_methods_that_pass_no_input_are_refused(play):
    code, text, place = play("--become", "--become-method", "su")
    assert code == 2 and "which the become method" in text and "su does not pass on" in text
    assert not place.exists()
