# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options, variables and defaults that the guide names: they are those that the plugins, roles and playbooks have."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.connection import api
from ansible_collections.cloudhost.lxd.plugins.doc_fragments import _reach
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import CONNECTION
from ansible_collections.cloudhost.lxd.plugins.modules import stack
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._server_variables import OPTIONS
from ansible_collections.cloudhost.lxd.tests.unit.repository.test_claims import claimed, code, page, rows

ROOT = pathlib.Path(__file__).resolve().parents[3]
STACK = yaml.safe_load(stack.DOCUMENTATION)["options"]
REACH = {
    **yaml.safe_load(_reach.ModuleDocFragment.CONNECTION)["options"],
    **yaml.safe_load(api.DOCUMENTATION)["options"],
}
#: Options of the connection that Ansible itself has for every connection; the table has those of this collection.
USUAL = ("remote_addr", "remote_user", "executable", "pipelining")


def names(option, key):
    return [entry["name"] for entry in option.get(key, ())]


def test_the_variables_of_a_server():
    """Those of the modules are those of the connection, which takes their older names too."""
    table = list(rows("docs/connecting.md", "| option | variable | environment | meaning |"))
    for options, variables, environment, _meaning in table:
        for position, name in enumerate(code(options)):
            assert code(variables)[position] == f"lxd_{name}"
            assert names(REACH[name], "vars") == [f"lxd_{name}", f"ansible_lxd_{name}"]
            assert code(environment)[position : position + 1] == names(REACH[name], "env"), name
    assert sorted(name for cells in table for name in code(cells[0])) == sorted(OPTIONS)
    older = {name for cells in rows("docs/connecting.md", "| older name | of |") for name in code(cells[0])}
    used = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks" / "tasks").glob("*.yml"))
    assert {f"stack_{name}" for name in OPTIONS if f"stack_{name}" in used} <= older
    roles = [path.read_text(encoding="utf-8") for path in (ROOT / "roles").glob("*/defaults/main.yml")]
    assert set(re.findall(r"(?m)^(\w+_url):", "".join(roles))) <= older


def test_the_variables_of_the_connection():
    table = list(rows("docs/reach.md", "| option of the connection | variable | environment |"))
    for option, variable, environment in table:
        (name,) = code(option)
        assert (code(variable), code(environment)) == (names(REACH[name], "vars"), names(REACH[name], "env"))
    assert {code(cells[0])[0] for cells in table} == {name for name in REACH if name not in (*USUAL, *OPTIONS)}


def test_the_variables_of_the_playbooks_in_git():
    used = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks" / "tasks").glob("*.yml"))
    table = list(rows("docs/gitops.md", "| variable | default | |"))
    written = {variable for cells in table for variable in code(cells[0]) if not variable.startswith("lxd_")}
    internal = {"stack_result", "stack_title", "stack_nothing"}
    assert written == set(re.findall(r"\bstack_(?!export|_)\w+", used)) - internal
    for variables, default, *_words in table:
        (option,) = [name.replace("stack_", "") for name in code(variables)][:1]
        if option in STACK and code(default):
            assert str(STACK[option].get("default")).lower() == code(default)[0], option


def test_defaults_of_the_modules():
    assert claimed("docs/architecture.md", r"`timeout` \((\d+) s by default\)") == [CONNECTION["timeout"]["default"]]
    assert claimed("docs/design-decisions.md", r"\*\*`parallel: (\d+)`\*\*") == [STACK["parallel"]["default"]]
    assert claimed("docs/benchmarks.md", r"Hence the default of (\d+):") == [STACK["parallel"]["default"]]


def test_environments_and_settings_that_turn_something_off():
    text = page("docs/design-decisions.md")
    attributes = (ROOT / "plugins" / "doc_fragments" / "_attributes.py").read_text(encoding="utf-8")
    for name in ("ansible_lxd_direct", "LXD_DIRECT", "lxd_modules"):
        assert name in text and name in attributes
    assert "LXD_STACK_PROGRESS=never" in page("docs/stack.md") and "never" in STACK["progress"]["choices"]


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
def test_the_variables_that_a_readme_names(role):
    """They are options or facts of some role or playbook."""
    specs = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
    plays = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml"))
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(rf"\b{role}_(?!_)\w+", text))
    assert used and {name for name in used if not re.search(rf"\b{name}\b", specs + plays)} == set()


def test_numbers_in_the_readmes_of_roles():
    defaults = yaml.safe_load((ROOT / "roles/image_build/defaults/main.yml").read_text(encoding="utf-8"))
    days = claimed("roles/image_build/README.md", r"After (\d+) days \(`image_build_base_days`\)")
    assert days == [defaults["image_build_base_days"]]
    (memory,) = claimed("roles/image_build/README.md", r"If (\d+) GiB of memory are free")
    build = (ROOT / "roles" / "image_build" / "files" / "build.py").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^FREE = {memory:.0f} \* ?1024 ?\*\* ?3|^FREE = {memory:.0f} << 30", build)
