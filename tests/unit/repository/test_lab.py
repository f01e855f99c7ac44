# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab of the other tests must not do to its neighbors."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2]
#: In a PID namespace of its own: a module ends, its number becomes that of another process, and the lab ends its tasks.
PROGRAM = """
import pathlib, subprocess, sys
sys.path.insert(0, sys.argv[1])
from lab import forks
numbers = lambda: {path.name for path in pathlib.Path("/proc").glob("[0-9]*")}
begin = lambda: forks.Task("profile", {})  # an option is missing
begin().communicate()
before = numbers()
task = begin()
(number,) = numbers() - before
while number in numbers():  # until somebody has waited for it
    begin().communicate()
pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(int(number) - 1))
with subprocess.Popen(["sleep", "60"]) as other:
    assert other.pid == int(number)
    task.kill()
    print(other.poll())
    other.kill()
"""


def test_what_has_ended_is_not_killed_again_with_the_process_that_has_its_number_now():
    command = ["unshare", "--pid", "--fork", "--mount-proc", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM, str(TESTS)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "None\n", done.stderr
