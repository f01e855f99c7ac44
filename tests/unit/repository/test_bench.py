# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benches are no part of `./test.sh`, so nothing else tells when one of them imports what its session lacks."""

from __future__ import annotations

import ast
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests"
#: By the package that a session installs, what can be imported.
BROUGHT = {"ansible-core": {"ansible", "yaml", "jinja2"}, "pytest": {"pytest"}}
BROUGHT["ansible"] = BROUGHT["ansible-core"]
OWN = {"ansible_collections", *(path.stem for path in [*TESTS.iterdir(), *TESTS.glob("bench/*.py")])}


def sessions():
    """By the file of each bench, the packages of its session."""
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        text = ast.unparse(node)
        program = re.search(r"'(tests/bench/\w+\.py)'", text)
        if isinstance(node, ast.FunctionDef) and program:
            yield program[1], set(re.findall(r"'([\w-]+)'", re.search(r"session\.install\((.*)\)", text)[1]))


SESSIONS = dict(sessions())


def outside(path, seen):
    """The modules from outside this repository and the standard library that a file and all that it imports need."""
    if path in seen:
        return
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            top, file = name.split(".")[0], name.replace(".", "/") + ".py"
            for found in (base / file for base in (TESTS, path.parent) if (base / file).exists()):
                yield from outside(found, seen)
            if top not in OWN and top not in sys.stdlib_module_names:
                yield top


def test_every_bench_is_looked_at():
    assert {path.name for path in (TESTS / "bench").glob("*.py")} >= {pathlib.Path(name).name for name in SESSIONS}
    assert len(SESSIONS) >= 5


@pytest.mark.parametrize("program", SESSIONS)
def test_a_bench_imports_what_its_session_installs(program):
    installed = SESSIONS[program]
    there = set().union(*(BROUGHT.get(package, {package}) for package in installed))
    assert set(outside(ROOT / program, set())) <= there
