# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/security-audit.md: its tables are current, and its variables are those of the playbook."""

from __future__ import annotations

import pathlib
import re
import runpy

import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.security_audit import LIMITS, SecurityAuditInfo
from ansible_collections.cloudhost.lxd.tests.unit.repository.test_claims import code, rows

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_the_tables_are_current():
    script = runpy.run_path(str(ROOT / "scripts" / "security_rules.py"))
    assert script["main"](["--check"]) == 0, "run `python scripts/security_rules.py`"


def test_the_variables_are_those_of_the_playbook():
    specs = yaml.safe_load((ROOT / "playbooks" / "meta" / "variables.yml").read_text(encoding="utf-8"))
    table = list(rows("docs/security-audit.md", "| variable | default | |"))
    named = {name for cells in table for name in code(cells[0])}
    playbook = (ROOT / "playbooks" / "security_audit.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\bsecurity_audit_(?!_|result|info)\w+", playbook))
    assert named == used == set(specs["argument_specs"]["security_audit"]["options"])
    defaults = {code(cells[0])[0]: code(cells[1]) for cells in table}
    assert defaults["security_audit_limits"] == [f"{name}: {value}" for name, value in LIMITS.items()]
    assert defaults["security_audit_certificate_max_age"] == [
        str(SecurityAuditInfo.spec["certificate_max_age"]["default"])
    ]
