# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/kinds.md: current, whole, and without reasons that are none. And how long a kind may be."""

from __future__ import annotations

import ast
import pathlib
import re
import runpy
import textwrap

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS

ROOT = pathlib.Path(__file__).resolve().parents[3]
#: The lines that the class of a plain kind can have.
PLAIN = 60
#: Kinds that are not plain: what is odd about each, and the lines that it can have.
ODD = {
    "certificate": ("the certificate names it, in several forms", 120),
    "cluster": ("forming and leaving a cluster, and joins that broke off", 195),
    "cluster_group": ("the servers strand members without a group", 70),
    "cluster_member": ("joining, evacuation, removal", 160),
    "identity": ("three ways to authenticate, and tokens", 100),
    "image": ("files, sources and aliases", 210),
    "instance": ("power, moves and what running instances take", 265),
    "instance_file": ("a tree over SFTP, with owners, modes and links", 190),
    "instance_template": ("a file, and an entry of the metadata of an instance", 130),
    "network": ("keys of members, addresses that servers choose, and databases that they wait for", 125),
    "network_peer": ("waits for the other side", 90),
    "project": ("features, and what is in it", 120),
    "server": ("one object, written with PATCH", 160),
    "storage_pool": ("keys of members, and sources that servers rewrite", 110),
    "storage_volume": ("copies, files and moves", 230),
}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "scripts" / "kinds.py"))


def test_the_page_is_current(script):
    assert script["main"](["--check"]) == 0, "run `python scripts/kinds.py`"


def test_no_row_is_without_a_module_or_a_reason(script):
    rows = [re.split(r" *\| *", line)[1:-1] for line in script["page"]().splitlines() if line.startswith("| `/")]
    assert len(rows) > 80
    assert [row[0] for row in rows if "" in row[:3]] == [], "say in scripts/kinds.py why there is no module"
    paths = script["collections"]()
    assert {f"`{path}`" for path in paths} == {row[0] for row in rows}


def test_every_kind_has_its_row(script):
    page = script["page"]()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []


def test_reasons_are_for_what_has_no_module(script):
    paths = script["collections"]()
    stale = set(script["REASONS"]) & set(script["modules"](paths)) | (set(script["REASONS"]) - set(paths))
    assert stale == set(), "these have a module, or are no paths: take their reasons out of scripts/kinds.py"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_plain_kind_is_short(kind):
    """A kind that needs more has something odd, which is said here."""
    file = ROOT / "plugins" / "module_utils" / "_kinds" / kind.__module__.split("_kinds.")[1].replace(".", "/")
    tree = ast.parse(file.with_suffix(".py").read_text(encoding="utf-8"))
    (body,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__]
    lines, most = body.end_lineno - body.lineno + 1, ODD.get(kind.kind, ("", PLAIN))[1]
    assert lines <= most, f"{lines} lines: a plain kind has {PLAIN} at most"
    assert kind.kind not in ODD or lines > PLAIN, "it is plain: take it out of the table"


def functions(folder):
    """The functions of a folder by their code, without docstrings and names of arguments: the files that have each."""
    found = {}
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and node.end_lineno - body[0].lineno >= 2:  # three lines and more
                    found.setdefault("".join(map(ast.dump, body)), []).append(f"{file.name}:{node.name}")
    return found


def test_no_logic_stands_in_two_kinds(tmp_path):
    same = [places for places in functions(ROOT / "plugins/module_utils/_kinds").values() if len(places) > 1]
    assert same == [], "what several kinds share has a class or a function of its own"
    code = "def f(self):\n    a = self.x\n    b = a + 1\n    return b\n"
    (tmp_path / "a.py").write_text(code)
    (tmp_path / "b.py").write_text("class B:\n" + textwrap.indent(code, "    "))
    assert list(functions(tmp_path).values()) == [["a.py:f", "b.py:f"]]
