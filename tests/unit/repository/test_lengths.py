# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long files, classes, functions and lines may be, and that the first line of a file says what it is for."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
LINES, METHODS, BODY, COLUMNS = 400, 20, 40, 120

#: What is longer than the rules allow, and why. An entry that is not needed any more fails.
TABLE = "most of it is data: what is written, and what is expected of it"
LIFE = "the steps of one life on a real daemon, each of which needs what the one before it left"
BENCH = "one measurement after another on one daemon, which is stopped at the end whatever happens"
WALK = "one branch for each sort of node, which read as a table"
EXCEPTIONS: dict[str, str] = {
    "tests/bench/reach.py::main": BENCH,
    "tests/bench/stack.py::main": BENCH,
    "tests/bench/stack.py::report": "a report, which is text and its tables",
    "tests/lab/ceph.py::start": "the commands that make a Ceph, in their order",
    "tests/mutants.py::mutants_of": WALK,
    "tests/mutants.py::variants": WALK,
    "tests/integration/stacks.py::document": TABLE,
    "tests/integration/test_cluster.py::test_a_member_that_is_away": LIFE,
    "tests/integration/test_cluster.py::test_a_stack_on_a_cluster": LIFE,
    "tests/integration/test_examples.py::test_examples_run_as_written": LIFE,
    "tests/integration/test_in_use.py::test_c4_what_is_in_use_is_refused_by_the_plan": TABLE,
    "tests/integration/test_kept.py::test_what_people_copy_from_a_stack_is_nobodys": LIFE,
    "tests/integration/test_references.py::test_c3_all_wrong_references_are_told_at_once": TABLE,
    "tests/integration/test_stack.py::test_a_life_without_a_trace": LIFE,
    "tests/integration/test_stack.py::test_an_export_plans_to_no_change": LIFE,
    "tests/integration/test_stack.py::test_what_is_pruned_comes_last_and_not_where_its_user_failed": LIFE,
    "tests/integration/test_stack_files.py::test_what_is_encrypted_is_shown_nowhere": LIFE,
    "tests/lab/scenario.py::Scenario": "one vocabulary for the tests of tests/hosts: most methods are one line",
    "tests/roles/test_installed.py::test_a_collection_that_ansible_galaxy_installed": LIFE,
}

#: Files that say what they are for in another place: Ansible reads the documentation of these plugins.
DOCUMENTED = tuple(f"plugins/{kind}/" for kind in ("action", "connection", "doc_fragments", "filter", "inventory"))
PARTS = ("plugins", "tests", "roles", "extensions")
FILES = sorted([ROOT / "noxfile.py", *(path for part in PARTS for path in (ROOT / part).rglob("*.py"))])
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def length(node):
    """The lines of a function, without its docstring and without the cases of a test, which are data."""
    doc = node.body[0] if ast.get_docstring(node) else None
    return node.end_lineno - node.lineno + 1 - (doc.end_lineno - doc.lineno + 1 if doc else 0)


def methods(node):
    return sum(isinstance(inner, FUNCTIONS) for inner in node.body)


def too_long(name, tree, text):
    """What is too long in a file, as `name::part`, each with its size."""
    lines = len(text.splitlines())
    if lines > LINES:
        yield name, lines
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and methods(node) > METHODS:
            yield f"{name}::{node.name}", methods(node)
        elif isinstance(node, FUNCTIONS) and length(node) > BODY:
            yield f"{name}::{node.name}", length(node)


def test_nothing_is_too_long():
    found = {}
    for name, tree in TREES.items():
        found.update(too_long(name, tree, (ROOT / name).read_text(encoding="utf-8")))
    unknown = {part: size for part, size in found.items() if part not in EXCEPTIONS}
    assert unknown == {}, "shorten these: files have 400 lines, classes 20 methods and functions 40 lines at most"
    assert set(EXCEPTIONS) - set(found) == set(), "these exceptions are not needed any more"


def needs_docstring(name, tree):
    if name.startswith("plugins/modules/") or name.startswith(DOCUMENTED):
        return False
    return bool(tree.body)  # an empty __init__.py has nothing to say


def test_the_first_line_of_a_file_says_what_it_is_for():
    silent = [
        name
        for name, tree in TREES.items()
        if needs_docstring(name, tree) and not (ast.get_docstring(tree) or "").strip()
    ]
    assert silent == []


def prose(text):
    """The lines of Markdown that can be broken, with their numbers: no code, no tables, no links that end a line."""
    text = re.sub(r"(?ms)^ *(`{3,})\w*$.*?^ *\1$", lambda code: "\n" * code[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|") and not re.fullmatch(r"\S+", line.strip()):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_prose_are_short(page):
    text = page.read_text(encoding="utf-8")
    assert [number for number, line in prose(text) if len(line) > COLUMNS] == []


def test_what_is_too_long_is_seen():
    body = "\n".join(f"        x{number} = 1" for number in range(BODY))
    many = "\n".join(f"    def m{number}(self): ..." for number in range(METHODS + 1))
    text = f"class Short:\n    @property\n    def long(self):\n{body}\n\n\nclass Many:\n{many}\n" + "\n" * LINES
    found = dict(too_long("a.py", ast.parse(text), text))
    assert found == {"a.py": text.count("\n"), "a.py::long": BODY + 1, "a.py::Many": METHODS + 1}
    assert needs_docstring("tests/a.py", ast.parse(text)) and not needs_docstring("tests/__init__.py", ast.parse(""))
    long = "word " * 30
    page = f"{long}\n\n```sh\n{long}\n```\n\n| {long} |\n\n{long}\n"
    assert [number for number, line in prose(page) if len(line) > COLUMNS] == [1, 9]
