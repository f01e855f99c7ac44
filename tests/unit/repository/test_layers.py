# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may import what: the layers of docs/architecture.md. The rules for lengths are in test_lengths.py."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"
ENGINE = PLUGINS / "module_utils"
FILES = sorted(PLUGINS.rglob("*.py"))
BELOW_RUNNER = [path for path in ENGINE.rglob("*.py") if path.name != "_runner.py"]
#: Files in which no class and no function is large.
SMALL = [path for path in BELOW_RUNNER if "_api" not in path.parts]
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
#: The rooms, and for each those below it. Files of one room, and the families of kinds, may use each other, but not in
#: a circle.
BELOW = {
    "_api": (),
    "_engine": ("_api",),
    "_stack": ("_api", "_engine"),
    "_audit": ("_api", "_engine"),
    "_kinds": ("_api", "_engine"),
    "_jobs": ("_api", "_engine", "_audit", "_stack", "_kinds"),
}
COLLECTION = "ansible_collections.cloudhost.lxd.plugins.module_utils."


def imports(path):
    """Whole names of the modules that a file imports, anywhere in it."""
    package = ["module_utils", *path.relative_to(ENGINE).parts[:-1]] if ENGINE in path.parents else []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            parts = [*base, *([node.module] if node.module else [])]
            if PLUGINS.joinpath(*parts).is_dir():
                yield from (".".join([*parts, alias.name]) for alias in node.names)
            else:
                yield ".".join(parts)


def names(paths):
    return [str(path.relative_to(PLUGINS)) for path in paths]


def test_there_is_something_to_look_at():
    assert len(BELOW_RUNNER) > 10 and len(MODULES) > 10
    assert "module_utils._api.client" in set(imports(ENGINE / "_kinds" / "instances" / "instance.py"))
    assert {"module_utils._engine.values", "module_utils._api.errors"} <= set(imports(ENGINE / "_engine" / "fields.py"))
    assert {path.name for path in ENGINE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(BELOW)


@pytest.mark.parametrize("path", BELOW_RUNNER, ids=names(BELOW_RUNNER))
def test_no_ansible_below_the_runner(path):
    assert [name for name in imports(path) if name.split(".")[0].startswith("ansible")] == []


@pytest.mark.parametrize("path", BELOW_RUNNER, ids=names(BELOW_RUNNER))
def test_nothing_below_reaches_up_to_the_runner(path):
    assert [name for name in imports(path) if name.endswith("_runner")] == []


@pytest.mark.parametrize("room", BELOW)
def test_rooms_use_what_is_below_them(room):
    used = {
        name for path in (ENGINE / room).rglob("*.py") for name in imports(path) if name.startswith("module_utils.")
    }
    assert {name.split(".")[1] for name in used} - {room} <= set(BELOW[room])


#: What only a change, a move, a wait or a stack needs. A module compiles what it imports, at each task that does not
#: run in the worker of Ansible, so these are imported where they are used.
ON_DEMAND = {
    *("_engine.claims", "_engine.interfaces", "_engine.known.inspection", "_engine.known.rules"),
    *("_kinds._copies", "_kinds._migration", "_kinds._moves", "_kinds._original", "_kinds._other_server"),
    *("_kinds._targets", "_kinds.instances._arrival", "_kinds.instances._elsewhere", "_kinds.instances._moving"),
    *("_kinds.instances._placement", "_kinds.instances._refused", "_kinds.instances._wait"),
}


@pytest.mark.parametrize(
    "kind", ["instances.instance", "instances.instance_snapshot", "instances.profile", "server.server"]
)
def test_a_task_that_changes_nothing_compiles_only_what_it_needs(kind):
    program = f"import sys, {COLLECTION}_kinds.{kind}, {COLLECTION}_engine.converge; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    loaded = {name[len(COLLECTION) :] for name in ran.stdout.split() if name.startswith(COLLECTION)}
    assert "_engine.resource" in loaded
    assert sorted(loaded & ON_DEMAND) == []
    assert all(ENGINE.joinpath(*name.split(".")).with_suffix(".py").exists() for name in ON_DEMAND)


def test_no_file_needs_itself():
    """Whoever imports a file imports what that file imports."""
    files = {
        "module_utils." + ".".join(path.relative_to(ENGINE).with_suffix("").parts): set(imports(path))
        for path in BELOW_RUNNER
    }
    left = dict(files)
    while left:
        free = [name for name, used in left.items() if not used & left.keys()]
        assert free, f"these import each other: {sorted(left)}"
        for name in free:
            del left[name]


def test_every_kind_is_in_the_registry():
    """Ansible packs what is imported by name, so the registry cannot look into the directories."""
    listed = {name for name in imports(ENGINE / "_jobs" / "registry.py") if name.startswith("module_utils._kinds.")}
    there = [
        path.relative_to(ENGINE).with_suffix("")
        for path in (ENGINE / "_kinds").glob("*/*.py")
        if not path.stem.startswith("_")
    ]
    assert listed == {"module_utils." + ".".join(path.parts) for path in there}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_modules_use_a_kind_and_the_runner(path):
    used = set(imports(path)) - {"__future__"}
    assert {
        name
        for name in used
        if not name.startswith((COLLECTION + "_kinds.", COLLECTION + "_jobs.", COLLECTION + "_runner"))
    } == set()
    assert COLLECTION + "_runner" in used


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SMALL, ids=names(SMALL))
def test_no_class_and_no_function_is_large(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions if one.end_lineno - one.lineno >= 40] == [], "more than 40 lines"
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    methods = {one.name: sum(isinstance(part, ast.FunctionDef) for part in one.body) for one in classes}
    assert [name for name, count in methods.items() if count > 20] == [], "more than 20 methods"


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_the_license_is_named(path):
    assert (
        "SPDX-License" + "-Identifier: GPL-3.0-or-later" in path.read_text(encoding="utf-8")
        or path.read_text(encoding="utf-8") == ""
    )
