# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of roles and playbooks that are misspelled, which Ansible itself ignores."""

from __future__ import annotations

DOCUMENTATION = r"""
name: known_variables
short_description: Refuse misspelled variables of the roles and playbooks of this collection
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Ansible ignores a variable that a role or playbook does not have, so a misspelled one has no effect and causes no
    error. The roles and playbooks of this collection use this filter to find such variables.
  - A name is refused if it is similar to the name of a variable of the role or playbook. Other names that begin with
    the same words can belong to other software, and are accepted.
options:
  _input:
    description: Names of variables, for example from P(ansible.builtin.varnames#lookup).
    type: list
    elements: str
    required: true
  role:
    description: What the names of the variables begin with, which is the name of a role or playbook, without the
      collection. It can be several.
    type: list
    elements: str
    required: true
  known:
    description: The names of the variables. By default, those of the roles and playbooks.
    type: list
    elements: str
positional: role, known
"""

EXAMPLES = r"""
- name: Refuse misspelled variables of the role init
  ansible.builtin.assert:
    that: lookup('ansible.builtin.varnames', '^init_', wantlist=True) | cloudhost.lxd.known_variables('init')
"""

RETURN = r"""
_value:
  description: V(true). If a name is misspelled, the filter fails with the nearest name.
  type: bool
"""

import difflib
import functools
import pathlib
from typing import Any, Iterable

import yaml
from ansible.errors import AnsibleFilterError

#: How similar a name is to that of a variable, without the name of the role, to be taken for it: 0 to 1.
SIMILAR = 0.8
ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECS = "meta/argument_specs.yml"
#: The one in C takes a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=16)
def variables(prefix: str) -> frozenset[str]:
    """The variables of all entry points of a role, and those of playbooks that begin with its name."""
    found = dict(_specs(ROOT / "playbooks" / "meta" / "variables.yml").get(prefix, {}).get("options") or {})
    for entry in _specs(ROOT / "roles" / prefix / SPECS).values():
        found.update(entry.get("options") or {})
    return frozenset(found)


@functools.lru_cache(maxsize=16)
def _specs(path: pathlib.Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)["argument_specs"])  # noqa: S506 - both are safe


def _owner(prefix: str) -> str:
    return f"the role cloudhost.lxd.{prefix}" if (ROOT / "roles" / prefix).is_dir() else "cloudhost.lxd"


def known_variables(names: Iterable[str], role: str | list[str], known: Iterable[str] | None = None) -> bool:
    """Whether no name is a misspelled variable of the roles and playbooks; AnsibleFilterError where one is."""
    names, words = set(names), []
    for prefix in [role] if isinstance(role, str) else role:
        there = variables(prefix) if known is None else frozenset(known)
        own = {name[len(prefix) :]: name for name in there}
        words += [
            f"{name}: {_owner(prefix)} has no such variable. Did you mean '{own[near]}'?"
            for name in sorted(names - there)
            if name.startswith(prefix)
            for near in difflib.get_close_matches(name[len(prefix) :], own, n=1, cutoff=SIMILAR)
        ]
    if words:
        raise AnsibleFilterError("\n".join(words))
    return True


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"known_variables": known_variables}
