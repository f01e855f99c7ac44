# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody forgets who adds a kind: a test names it."""

from __future__ import annotations

import importlib
import pathlib
import re
import runpy

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = "ansible_collections.cloudhost.lxd.plugins."


def test_the_template_of_the_guide_returns_what_modules_return():
    """docs/adding-a-kind.md shows a whole module file."""
    page = (ROOT / "docs" / "adding-a-kind.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(re.findall(r'(?s)RETURN = r"""\n(.*?)"""', page)[0])
    real = yaml.safe_load(importlib.import_module(PACKAGE + "modules.profile").RETURN)
    assert {key: shown[key] for key in shown if key not in ("network_zone", "actions")} == {
        key: real[key] for key in real if key not in ("profile", "actions")
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_a_kind_belongs_to_is_an_option_and_a_reference(kind):
    parents = kind.parents()
    for depth, parent in enumerate(parents, 1):
        assert kind.argument_spec()[parent]["required"] and "/".join(parents[:depth]) in kind.refers, parent


def test_what_can_be_listed_by_hand_has_no_kind():
    """A kind lists itself, so a line of its own would be dead."""
    source = (ROOT / "plugins/module_utils/_jobs/resource_info.py").read_text(encoding="utf-8")
    by_hand = re.findall(r'^    "(\w+)": Collection\(', source, re.M)
    assert by_hand and not set(by_hand) & set(KINDS)


def test_what_has_to_be_named_is_named_by_a_script():
    """`python scripts/register.py` changes nothing, so the files are as it writes them."""
    script = runpy.run_path(str(ROOT / "scripts" / "register.py"))
    assert set(script["kinds"]()) == set(KINDS)
    for name, change in (
        ("plugins/module_utils/_jobs/registry.py", "registry"),
        ("meta/runtime.yml", "runtime"),
        ("plugins/modules/resource_info.py", "choices"),
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert script[change](text) == text, f"{name}: run `python scripts/register.py`"
