# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of roles that are misspelled, which Ansible itself ignores."""

from __future__ import annotations

DOCUMENTATION = r"""
name: known_variables
short_description: Refuse misspelled variables of a role of this collection
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Ansible ignores a variable that a role does not have, so a misspelled one has no effect and causes no error. The
    roles of this collection use this filter to find such variables.
  - A name is refused if it is similar to the name of a variable of the role. Other names that begin with the name of
    the role can belong to other software, and are accepted.
options:
  _input:
    description: Names of variables, for example from P(ansible.builtin.varnames#lookup).
    type: list
    elements: str
    required: true
  role:
    description: The name of the role, without the collection. With O(known), the prefix of the variables.
    type: str
    required: true
  known:
    description: The names of the variables, for something that is not a role. By default, those of the role.
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
ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


@functools.lru_cache(maxsize=8)
def variables(role: str) -> frozenset[str]:
    """The variables of all entry points of a role."""
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    return frozenset(name for entry in specs.values() for name in entry.get("options") or ())


def known_variables(names: Iterable[str], role: str, known: Iterable[str] | None = None) -> bool:
    """Whether no name is a misspelled variable of the role; AnsibleFilterError where one is."""
    owner = f"the role cloudhost.lxd.{role}" if known is None else f"cloudhost.lxd.{role}"
    known = variables(role) if known is None else frozenset(known)
    own = {name[len(role) :]: name for name in known}
    words = [
        f"{name}: {owner} has no such variable. Did you mean '{own[near]}'?"
        for name in sorted(set(names) - known)
        for near in difflib.get_close_matches(name[len(role) :], own, n=1, cutoff=SIMILAR)
    ]
    if words:
        raise AnsibleFilterError("\n".join(words))
    return True


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"known_variables": known_variables}
