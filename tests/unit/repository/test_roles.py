# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the roles: users set what is documented, and nothing else can be set by accident."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
INCLUDES = ("include_role", "import_role")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None


def specs(role):
    return load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]


def options(role):
    """Every variable that an entry point of the role documents."""
    return {name for entry in specs(role).values() for name in entry["options"]}


def facts(role):
    """The facts that the documentation of the role promises, such as C(install_upgradable)."""
    return set(re.findall(rf"C\(({role}_[a-z]\w*)\)", str(specs(role))))


def tasks(found):
    """Every task of a list, those in blocks too."""
    for task in found or ():
        yield task
        for key in ("block", "rescue", "always"):
            yield from tasks(task.get(key))


def task_files(role):
    return sorted(path for kind in ("tasks", "handlers") for path in (ROOT / "roles" / role / kind).rglob("*.yml"))


def called(task):
    """The role that a task includes, and its entry point."""
    for key, arguments in task.items():
        if key.rpartition(".")[2] in INCLUDES:
            return arguments["name"].rpartition(".")[2], arguments.get("tasks_from", "main")
    return None


def own(role, task):
    """The variables that a task gives to its role, but for options of the role that it includes."""
    yield from (task[key] for key in ("register",) if key in task)
    yield from (task["loop_control"][key] for key in ("loop_var", "index_var") if key in task.get("loop_control", {}))
    yield from (name for name in task.get("ansible.builtin.set_fact", {}) if name != "cacheable")
    other = called(task)
    known = options(other[0]) if other else options(role)
    yield from (name for name in task.get("vars", {}) if name not in known)


def visible(role):
    """The names of variables that belong to the role and are not marked as internal, by file."""
    names = [(path, name) for path in task_files(role) for task in tasks(load(path)) for name in own(role, task)]
    path = ROOT / "roles" / role / "vars" / "main.yml"
    names += [(path, name) for name in load(path) or {}]
    allowed = facts(role)
    return [f"{path.name}: {name}" for path, name in names if not name.startswith(f"{role}__") and name not in allowed]


@pytest.mark.parametrize("role", ROLES)
def test_internal_variables_have_a_prefix_that_no_user_takes(role):
    assert visible(role) == []


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_documented(role):
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    main = specs(role)["main"]["options"]
    assert set(defaults) <= set(main)
    assert all(name.startswith(f"{role}_") and "__" not in name for name in options(role))
    constant = {name: value for name, value in defaults.items() if "{{" not in str(value) and value is not None}
    assert {name: main[name].get("default") for name in constant} == constant


@pytest.mark.parametrize("role", ROLES)
def test_every_default_has_a_comment(role):
    lines = (ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8").splitlines()
    bare = [line for above, line in zip(lines, lines[1:]) if re.match(r"\w+:", line) and not above.startswith("# ")]
    assert bare == []


def test_entry_points_are_documented():
    """Those that roles and playbooks of the collection use."""
    plays = [task for path in (ROOT / "playbooks").glob("*.yml") for play in load(path) for task in entries(play)]
    inside = [task for role in ROLES for path in task_files(role) for task in tasks(load(path))]
    used = {called(task) for task in (*plays, *inside) if called(task)}
    assert ("install", "upgradable") in used and ("install", "archive") in used, "nothing was looked at"
    assert {(role, entry) for role, entry in used if entry not in specs(role)} == set()


def entries(play):
    for key in ("pre_tasks", "tasks", "post_tasks", "handlers"):
        yield from tasks(play.get(key))


@pytest.mark.parametrize("role", ROLES)
def test_ansible_doc_has_an_example(role):
    """A play with the role, with variables that the role has."""
    plays = yaml.safe_load(specs(role)["main"]["examples"])
    given = [entry for play in plays for entry in play["roles"] if entry["role"] == f"cloudhost.lxd.{role}"]
    assert len(given) == len(plays) and any(len(entry) > 1 for entry in given)
    assert {name for entry in given for name in entry} - {"role"} <= options(role)


def test_a_name_without_the_prefix_is_seen():
    task = {
        "register": "found",
        "loop_control": {"loop_var": "item_of_mine"},
        "vars": {"install__x": 1, "install_product": "lxd", "y": 1},
        "ansible.builtin.set_fact": {"z": 1, "cacheable": True},
    }
    assert list(own("install", task)) == ["found", "item_of_mine", "z", "install__x", "y"]
