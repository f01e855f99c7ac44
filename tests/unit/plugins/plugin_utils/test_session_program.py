# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that a session runs in an instance: which parts are sent, what they import, and that they run."""

from __future__ import annotations

import ast
import base64
import json
import pathlib
import re
import subprocess
import sys
import zlib

import pytest
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _session_program
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_agent import supervisor
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_agent.frames import frame
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_frames import Frames

ALWAYS = {"frames", "supervisor", "agent"}
FORK = {"interpreter", "forks"}
CACHE = {"code_cache"}


def sent(**switches: bool) -> dict[str, str]:
    """The sources in the command, by part."""
    packed = re.search(r"b64decode\('([^']+)'\)", _session_program.command(**switches)[2])
    assert packed
    return dict(json.loads(zlib.decompress(base64.b64decode(packed[1]))))


@pytest.mark.parametrize(
    ("fork", "cache", "parts"),
    [
        (True, True, ALWAYS | FORK | CACHE),
        (True, False, ALWAYS | FORK),
        (False, True, ALWAYS),
        (False, False, ALWAYS),
    ],
)
def test_only_the_parts_that_the_options_need_are_sent(fork: bool, cache: bool, parts: set[str]) -> None:
    assert set(sent(fork_modules=fork, cache_code=cache)) == parts


def test_every_part_is_listed() -> None:
    directory = pathlib.Path(_session_program.__file__).with_name("_session_agent")
    assert {path.stem for path in directory.glob("*.py")} == set(_session_program.PARTS)


def test_the_program_is_small() -> None:
    """It is sent once for each session, as an argument. The kernel allows 128 KiB for one."""
    assert len(_session_program.command(fork_modules=True, cache_code=True)[2]) < 12_000


def test_the_parts_need_python_3_7_and_its_library_only() -> None:
    for part, source in sent(fork_modules=True, cache_code=True).items():
        tree = ast.parse(source, feature_version=(3, 7))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert "ansible" not in " ".join(alias.name for alias in node.names), part
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").split(".")[0] in ("__future__", "typing"), part


def run(program: bytes, **switches: bool) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors of a program of Python in a session agent on this machine."""
    command = [sys.executable, *_session_program.command(**switches)[1:]]
    request = frame(b"r", json.dumps(["/bin/sh", "-c", sys.executable]).encode())
    data = request + frame(b"i", program) + frame(b"e")
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, timeout=120, check=True)
    found = {b"o": b"", b"E": b"", b"x": b""}
    for kind, content in Frames().add(done.stdout):
        found[kind] = found.get(kind, b"") + content
    return int(found[b"x"]), found[b"o"], found[b"E"]


@pytest.mark.skipif(sys.platform != "linux", reason="instances run Linux")
@pytest.mark.parametrize(("fork", "cache"), [(True, True), (True, False), (False, False)])
def test_a_program_runs(fork: bool, cache: bool) -> None:
    program = b"import sys; print(sys.argv, __file__, __name__, 'session_agent' in sys.modules); sys.exit(7)"
    code, output, errors = run(program, fork_modules=fork, cache_code=cache)
    assert (code, output.decode().strip(), errors) == (7, "[''] <stdin> __main__ False", b"")
    assert run(b"import os; os.kill(os.getpid(), 9)", fork_modules=fork, cache_code=cache)[0] == 137


def test_a_command_that_has_ended_is_not_killed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Where the session ends while its last output is passed: another process may have its number by then."""

    class Ending(supervisor.Command):
        def run(self, ended: int) -> bool:
            self.process.wait()
            raise EOFError

    monkeypatch.setattr(supervisor.os, "killpg", lambda number, _signal: pytest.fail(f"{number} is killed"))
    with subprocess.Popen(["true"], stdin=-1, stdout=-1, stderr=-1) as process, pytest.raises(EOFError):
        supervisor._supervise(Ending(process), -1)
