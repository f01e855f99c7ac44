# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide stays true: the tests it names exist, its links lead somewhere, and its example of a kind works."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import resource as _resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.tests.unit import memory

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_tests_exist(page):
    for place, name in re.findall(r"`((?:tests/[\w/]+/)?test_\w+\.py)::(test_\w+)`", page.read_text()):
        path = ROOT / place if "/" in place else ROOT / "tests" / "integration" / place
        assert path.is_file(), f"{page.name} names {place}"
        assert f"def {name}(" in path.read_text(), f"{page.name} names {place}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = [
                re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-")
                for line in re.findall(r"(?m)^#+ (.*)$", path.read_text())
            ]
            assert anchor in headings, f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_whole(page):
    """A table begins with a heading: rows after a blank line would be shown as text."""
    for first, second in re.findall(r"(?m)(?:\A|\n)\n(\|.*)\n(.*)", page.read_text()):
        assert re.fullmatch(r"\|( -+:? \|)+", second), f"{page.name}: {first}"


def test_every_complaint_has_a_test():
    """Those that the first release answers for."""
    rows = dict(re.findall(r"(?m)^\| (\d+) \|.*\| ([^|]*) \|$", (ROOT / "docs" / "complaints.md").read_text()))
    for number in (3, 4, 6, 7, 8, 12, 13, 14, 15, 41, 42, 43, 44, 46, 47, 48, 49, 51, 56, 60, 62):
        assert "::test_" in rows[str(number)], number


@pytest.fixture
def example(monkeypatch):
    """The class that adding-a-kind.md shows, as it is there."""
    (source,) = re.findall(
        r"```python\n(.*?class NetworkZone.*?)```", (ROOT / "docs" / "adding-a-kind.md").read_text(), re.S
    )
    scope = {"__name__": _resource.__name__.replace("_engine.resource", "_kinds.networks.network_zone")}
    exec(compile(source, "adding-a-kind.md", "exec"), scope)
    kind = scope["NetworkZone"]
    monkeypatch.setitem(memory.DEFAULTS, kind.path, {"description": "", "config": {}, "used_by": []})
    monkeypatch.setitem(memory.SERVER, "api_extensions", ["network_dns"])
    return kind


def test_the_example_of_a_kind(example):
    params = {name: spec.get("default") for name, spec in example.argument_spec().items()}
    params.update(
        name="lab.example.net",
        description="Names of the lab",
        config={"dns.nameservers": "ns1.example.net"},
        project=None,
    )
    client = memory.MemoryClient(memory.Memory())
    done = converge(example(client, dict(params)))
    assert (done.changed, done.actions) == (True, ["create network_zone lab.example.net"])
    assert converge(example(client, dict(params))).changed is False
    assert converge(example(client, {**params, "config": {"dns.nameservers": None}})).actions == [
        "update network_zone lab.example.net (config)"
    ]
    assert converge(example(client, {**params, "state": "absent"})).actions == ["delete network_zone lab.example.net"]


def test_the_example_is_the_kind():
    """Both files are shown as they are."""
    page = (ROOT / "docs" / "adding-a-kind.md").read_text(encoding="utf-8")
    for path in ("module_utils/_kinds/networks/network_zone.py", "modules/network_zone.py"):
        assert f"```python\n{(ROOT / 'plugins' / path).read_text(encoding='utf-8')}```\n" in page, path


def test_the_example_of_a_kind_asks_for_its_extension(example, monkeypatch):
    monkeypatch.setitem(memory.SERVER, "api_extensions", [])
    params = {name: spec.get("default") for name, spec in example.argument_spec().items()}
    with pytest.raises(AssertionError, match="network_zone needs network_dns"):  # the words of the memory's own guard
        converge(example(memory.MemoryClient(memory.Memory()), {**params, "name": "lab.example.net", "project": None}))
