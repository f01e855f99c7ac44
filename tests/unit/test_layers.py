# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house rules: what may import what, and how long a file may be."""

from __future__ import annotations

import ast
import pathlib

import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
ENGINE = PLUGINS / "module_utils"
FILES = sorted(PLUGINS.rglob("*.py"))
BELOW_RUNNER = [path for path in ENGINE.rglob("*.py") if path.name != "_runner.py"]
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
#: From the bottom up: a file imports only what stands before it.
ORDER = (
    "_errors", "_transport", "_tls", "_values", "_answers", "_secrets", "_client", "_connect", "_claims", "_interfaces", "_fields", "_stackable",
    "_users", "_checks", "_resource", "_converge", "_arguments", "_document", "_view", "_graph", "_turns", "_marks", "_in_use", "_planner",
    "_plan_text", "_applier", "_stack", "_export",
)  # fmt: skip
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
            if node.module and parts != ["module_utils"]:
                yield ".".join(parts)
            else:
                yield from (".".join([*parts, alias.name]) for alias in node.names)


def names(paths):
    return [str(path.relative_to(PLUGINS)) for path in paths]


def test_there_is_something_to_look_at():
    assert len(BELOW_RUNNER) > 10 and len(MODULES) > 10
    assert "module_utils._client" in set(imports(ENGINE / "_kinds" / "instance.py"))
    assert "module_utils._values" in set(imports(ENGINE / "_fields.py"))


@pytest.mark.parametrize("path", BELOW_RUNNER, ids=names(BELOW_RUNNER))
def test_no_ansible_below_the_runner(path):
    assert [name for name in imports(path) if name.split(".")[0].startswith("ansible")] == []


@pytest.mark.parametrize("path", BELOW_RUNNER, ids=names(BELOW_RUNNER))
def test_nothing_below_reaches_up_to_the_runner(path):
    assert [name for name in imports(path) if name.endswith("_runner")] == []


@pytest.mark.parametrize("name", ORDER)
def test_data_flows_one_way(name):
    allowed = {f"module_utils.{below}" for below in ORDER[: ORDER.index(name)]}
    used = {imported for imported in imports(ENGINE / f"{name}.py") if imported.startswith("module_utils")}
    assert used <= allowed


def test_every_kind_is_named_in_the_list_of_all():
    """Ansible packs what is imported by name, so the list cannot look into the folder."""
    listed = {name.rpartition(".")[2] for name in imports(ENGINE / "_kinds" / "_all.py") if name.startswith("module_utils._kinds.")}
    assert listed == {path.stem for path in (ENGINE / "_kinds").glob("*.py") if not path.stem.startswith("_")}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_modules_use_a_kind_and_the_runner(path):
    used = set(imports(path)) - {"__future__"}
    assert {name for name in used if not name.startswith((COLLECTION + "_kinds.", COLLECTION + "_runner"))} == set()
    assert COLLECTION + "_runner" in used


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_the_license_is_named(path):
    assert "SPDX-License-Identifier:" + " GPL-3.0-or-later" in path.read_text(encoding="utf-8") or path.read_text(encoding="utf-8") == ""
