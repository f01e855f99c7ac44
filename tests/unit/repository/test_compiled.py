# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test sessions keep of what Ansible compiles (`tests/run/sitecustomize.py`)."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

RUN = pathlib.Path(__file__).resolve().parents[2] / "run"
#: Compiles the same text under two names, and shows where it fails.
PROGRAM = """
import sys, traceback
text = "# " + "-" * 500 + "\\ndef f():\\n    raise OSError\\n"
for name in sys.argv[1:]:
    space = {}
    exec(compile(text, name, "exec", dont_inherit=True), space)
    try:
        space["f"]()
    except OSError as exc:
        print(traceback.extract_tb(exc.__traceback__)[-1].filename)
"""


def ran(prefix, *names):
    environ = {**os.environ, "PYTHONPATH": str(RUN), "PYTHONPYCACHEPREFIX": str(prefix)}
    if not prefix:
        del environ["PYTHONPYCACHEPREFIX"]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_is_compiled_again_is_found_and_has_its_own_name(tmp_path):
    names = ["/tmp/one.zip/ansible/a.py", "/tmp/two.zip/ansible/a.py", "/tmp/other.py"]
    assert ran(tmp_path, *names) == names
    (kept,) = tmp_path.glob("compiled/*/*")
    made = kept.stat().st_ino
    assert ran(tmp_path, *names) == names
    assert kept.stat().st_ino == made, "it was compiled again"
    kept.write_bytes(b"half")
    assert ran(tmp_path, *names) == names
    assert kept.stat().st_size > 4


def test_without_a_place_nothing_is_kept(tmp_path):
    assert ran("", "/tmp/ansible/a.py") == ["/tmp/ansible/a.py"]
