# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Countable claims of the guide: each number, list and table that the code has too is what the code has.

Figures that are measured (docs/benchmarks.md) say when and where. Whatever else can be counted is here, or is not in
the guide.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import secrets
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
GUIDE = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS = {word: number for number, word in enumerate(WORDS)}


def page(name):
    """A page with its lines joined, for sentences that span lines."""
    return re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))


def rows(name, heading):
    """The cells of the table under a row of headings."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert heading in text, f"{name} has no table {heading}"
    lines = text.partition(heading)[2].split("\n")[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def code(text):
    return re.findall(r"`([^`]+)`", text)


def claimed(name, *patterns):
    """What the group of each pattern matches on a page, as a number. The claim has to be there."""
    found = []
    for pattern in patterns:
        matches = re.findall(pattern, page(name))
        assert matches, f"{name} does not say {pattern}"
        found += [float(NUMBERS.get(match, match)) for match in matches]
    return found


def assignments(path):
    """The names that a file assigns, each with its value, also in tuples."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            yield from zip(target.elts, node.value.elts) if both else [(target, node.value)]


def constant(name, *paths):
    """A constant, wherever it is assigned, so that it can move from file to file."""
    found = [
        ast.literal_eval(value)
        for path in paths or sorted(PLUGINS.rglob("*.py"))
        for target, value in assignments(path)
        if isinstance(target, ast.Name) and target.id == name
    ]
    assert len(found) == 1, f"{len(found)} constants are called {name}"
    return found[0]


def pythons(name):
    return constant(name, ROOT / "tests" / "run" / "pythons.py")


# -- what there is ----------------------------------------------------------------------------------------------------


def stems(pattern):
    return {path.stem for path in ROOT.glob(pattern) if not path.stem.startswith("_")}


def test_the_readme_names_every_module_plugin_role_and_playbook():
    modules = [name for cells in rows("README.md", "| modules | |") for name in code(cells[0])]
    assert sorted(modules) == sorted(stems("plugins/modules/*.py"))
    plugins = [" ".join(code(cells[0])) for cells in rows("README.md", "| plugins | |")]
    assert set(plugins) == stems("plugins/inventory/*.py") | stems("plugins/connection/*.py")
    roles = [re.findall(r"\[(\w+)\]", cells[0])[0] for cells in rows("README.md", "| roles | |")]
    assert sorted(roles) == sorted(path.name for path in (ROOT / "roles").iterdir())
    plays = [name for cells in rows("README.md", "| playbooks | |") for name in code(cells[0])]
    hidden = {"quickstart_inside", "quickstart_clean"}  # quickstart.sh runs them
    assert set(plays) == {f"cloudhost.lxd.{name}" for name in stems("playbooks/*.yml") - hidden}


def test_the_sections_of_the_readme():
    headings = re.findall(r"(?m)^## (.*)$", (ROOT / "README.md").read_text(encoding="utf-8"))
    wanted = ["Requirements", "Installation", "Tested with", "Support", "Releases", "License"]
    assert [heading for heading in headings if heading in wanted] == wanted
    parts = re.findall(r"(?m)^## (.*)$", (ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    assert parts[:2] == ["Using", "Maintaining"]
    listed = set(re.findall(r"\]\(([\w-]+\.md)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_the_sizes_of_clusters():
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "integration").glob("test_cluster*.py")]
    sizes = {int(size) for text in tests for size in re.findall(r"Hosts\(.*, (\d)\)", text)}
    assert (ROOT / "tests" / "hosts" / "test_4_fourth_host.py").is_file()
    claim = re.search(r"clusters of (\w+) to (\w+) members", page("README.md"))
    assert [NUMBERS[word] for word in claim.groups()] == [min(sizes), max(sizes | {4})]


def test_the_filters():
    claim = re.search(
        r"(\w+) filters exist because roles need them: (.*?), which reads", page("docs/design-decisions.md")
    )
    assert {*code(claim[2]), "security_report", "to_document"} == stems("plugins/filter/*.py")
    assert NUMBERS[claim[1].lower()] == len(code(claim[2]))


def test_the_sections_of_a_document():
    claim = re.search(
        r"The name of a section is the plural of the module's name: (.*?)\. `config`", page("docs/stack.md")
    )
    sections = {kind.section or kind.plural() for kind in KINDS.values() if kind.stackable}
    assert set(code(claim[1])) | {"config"} == sections


def test_the_kinds_that_recreate():
    claim = re.search(r"sets only at creation\*\*: (.*?)\. Without it", page("docs/design-decisions.md"))
    assert set(code(claim[1])) == {name for name, kind in KINDS.items() if "recreate" in kind.argument_spec()}


def test_every_file_of_the_engine_is_in_the_architecture():
    """Or, of kinds and jobs, says itself in its first line what it is for."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = {path for path in (PLUGINS / "module_utils").rglob("*.py") if path.name != "__init__.py"}
    themselves = {path for path in files if {"_kinds", "_jobs"} & set(path.parts)}
    listed = {path.name for path in files - themselves}
    assert {name for name in listed if not re.search(rf"(?<![\w]){re.escape(name)}", text)} == set()
    assert [path.name for path in themselves if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


@pytest.mark.parametrize("name", GUIDE)
def test_paths_lead_somewhere(name):
    """Files of the repository that a page names, but for those with a placeholder."""
    given = set(
        re.findall(r"`((?:plugins|tests|docs|roles|playbooks|inventories|meta|changelogs)/[\w./-]+)`", page(name))
    )
    made_up = {"changelogs/fragments/WHAT.yml", "changelogs/fragments/VERSION.yml"}
    assert {path for path in given - made_up if not (ROOT / path).exists()} == set()


# -- versions ---------------------------------------------------------------------------------------------------------


def cores():
    return sorted(pythons("CORES"), key=lambda series: [int(part) for part in series.split(".")])


def test_ansible_core():
    oldest, newest = cores()[0], cores()[-1]
    assert f'requires_ansible: ">={oldest}.0"' in (ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8")
    for name in ("README.md", "docs/contributing.md"):
        assert set(re.findall(r"ansible-core (\d+\.\d+) (?:or|and) later", page(name))) == {oldest}, name
    assert f"with ansible-core {oldest} and {newest}," in page("README.md")
    assert f"ansible-core>={oldest},<2.{int(newest[2:]) + 1}" in page("requirements-quickstart.txt")
    series = [f"2.{minor}." for minor in range(int(oldest[2:]), int(newest[2:]) + 1)]
    assert list(constant("KNOWN_CORES", PLUGINS / "action" / "direct.py")) == series


def test_python():
    lowest = pythons("CORES")[cores()[0]][0]
    assert claimed("docs/contributing.md", r"needs Python 3\.(\d+) or later", r"run on Python 3\.(\d+)") == [lowest, 8]
    target = re.search(r'target-version = "py3(\d+)"', page("pyproject.toml"))[1]
    assert target == "8"
    both = r"Python 3\.(\d+) or later \(3\.(\d+) with ansible-core (\d\.\d+)\)"
    assert set(re.findall(both, page("README.md"))) == {("9", target, cores()[0])}
    assert re.findall(r"(\d\.\d+) takes 3\.(\d+), and", page("docs/releasing.md")) == [(cores()[0], target)]


def test_the_versions_of_the_daemons():
    """What the tests run on is said alike everywhere, and where the messages of the daemons are matched."""
    lxd, incus = re.fullmatch(r"LXD ([\d.]+) and Incus ([\d.]+)", constant("BOTH")).groups()
    assert f"with LXD {lxd} and Incus {incus}," in page("README.md")
    (newer,) = re.findall(r"tested with Incus (\d+\.\d+\.\d+) too", page("README.md"))  # tests/lab/incus7.py
    for name in GUIDE:
        assert set(re.findall(r"LXD (\d+\.\d+\.\d+)", page(name))) <= {lxd}, name
        assert set(re.findall(r"Incus (\d+\.\d+\.\d+)", page(name))) <= {incus, newer}, name
        oldest = [
            float(version) for version in re.findall(r"(?:LXD|Incus\]?) \(?(\d\.\d) (?:or|and) later", page(name))
        ]
        assert set(oldest) <= {5.0, 6.0}, name


def test_nothing_is_needed_besides_ansible():
    assert "and nothing else" in page("README.md")
    used = set()
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(str(node.module).split(".")[0])
    assert used - set(sys.stdlib_module_names) == {"ansible", "ansible_collections", "yaml"}


# -- numbers of the engine --------------------------------------------------------------------------------------------


def test_times_and_attempts():
    architecture, decisions = "docs/architecture.md", "docs/design-decisions.md"
    grace, slices, plans = constant("CONNECT_GRACE"), constant("WAIT_SLICE"), constant("MAX_REPLANS")
    assert set(claimed(architecture, r"repeated, for (\d+) s at most")) == {grace}
    assert claimed(decisions, r"retried, but only for (\d+) seconds") == [grace]
    assert claimed("docs/daemons.md", r"refused connections are retried for (\d+) s") == [grace]
    assert claimed(architecture, r"in slices of at most (\d+) s") == [slices]
    assert claimed(architecture, r"gives up after (\d+) plans") == [plans]
    assert claimed(decisions, r"\*\*Up to (\d+) plans for a task") == [plans]
    assert claimed(decisions, r"waited for, for (\d+) seconds, once in a task") == [constant("HEARTBEATS")]
    assert claimed(decisions, r"`boot\.host_shutdown_timeout` or (\d+) seconds") == [constant("GRACE")]
    looks = claimed("docs/daemons.md", r"four times what ours took, ([\d.]+) to \d s", r"ours took, [\d.]+ to (\d) s")
    assert looks == [0.05, 3] and constant("SHORTEST_LOOK") == 0.05 and constant("LONGEST_LOOK") == 3.0
    assert claimed("docs/reach.md", r"after (\d+) idle seconds") == [constant("IDLE")]
    patience = re.search(r"replace_member_patience \| default\((\d+)\)", page("playbooks/replace_member.yml"))[1]
    assert claimed(decisions, r"waits for (\d+) seconds \(`replace_member_patience`\)") == [float(patience)]


def test_times_of_the_progress():
    decisions = "docs/design-decisions.md"
    assert claimed(decisions, r"has shown nothing for ([\d.]+) s") == [constant("SILENCE")]
    assert claimed(decisions, r"Looks then come every (\w+) seconds", r"operation asks every (\w+) seconds") == [
        constant("FAR"),
        constant("WATCHED_SLICE"),
    ]
    assert constant("NEAR") == 0.5 and constant("SHARE") == 0.1 and constant("SILENCE") < 5


def test_what_counts_as_a_boolean():
    claim = re.search(r"Both are booleans: (.*?), or (.*?), in any case", page("docs/architecture.md"))
    assert [tuple(code(part)) for part in claim.groups()] == [constant("TRUE"), constant("FALSE")]


def test_keys_that_are_text():
    claim = re.search(r"Keys that contain free text \((.*?)\) are compared", page("docs/architecture.md"))
    assert tuple(code(claim[1])) == constant("_TEXT_KEYS")


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/gitops.md"])
def test_keys_that_look_secret(name):
    claims = re.findall(r"\(((?:`\*\w+\*`, )+)…\)", page(name))
    assert claims
    for claim in claims:
        for pattern in code(claim):
            key = f"user.{pattern.replace('*', 'x')}"
            assert "*" in pattern and secrets.is_secret(key), pattern


# -- contributing.md --------------------------------------------------------------------------------------------------


def test_the_sessions():
    """Those of the table are those of noxfile.py, and no other."""
    written = [name for cells in rows("docs/contributing.md", "| session | what | runs |") for name in code(cells[0])]
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "nox.session":
                    given = {key.arg: ast.unparse(key.value).strip("f'\"") for key in call.keywords}
                    sessions.add(given.get("name", node.name).replace("{product}", "PRODUCT"))
    sessions = (sessions - {"unit-{core}"}) | {f"unit-{core}" for core in cores()}
    assert sorted(written) == sorted(sessions)


def test_how_hard_the_fast_tier_tries():
    few, many = claimed("docs/contributing.md", r"try (\d+) examples instead of \d+", r"\d+ examples instead of (\d+)")
    assert few == float(constant("FEW", ROOT / "tests" / "run" / "plan.py"))
    assert f'"CLOUDHOST_EXAMPLES", "{many:.0f}"' in (ROOT / "tests" / "unit" / "conftest.py").read_text(
        encoding="utf-8"
    )


def test_the_lengths():
    lengths = ROOT / "tests" / "unit" / "repository" / "test_lengths.py"
    limits = (
        constant("LINES", lengths),
        constant("METHODS", lengths),
        constant("BODY", lengths),
        constant("COLUMNS", lengths),
    )
    rule = r"no file over (\d+) lines, no class over (\d+) methods, no function over (\d+) lines"
    rule += r", no line over (\d+) columns"
    assert re.findall(rule, page("docs/contributing.md"), re.I) == [tuple(map(str, limits))]
    assert f"line-length = {limits[3]}" in page("pyproject.toml") and f"max: {limits[3]}" in page(".yamllint")
    contract = (PLUGINS.parent / "tests/unit/plugins/modules/test_contract.py").read_text(encoding="utf-8")
    for name, pattern in (
        ("docs/contributing.md", r"at most (\d+) lines of code"),
        ("docs/architecture.md", r"allows (\d+) lines of code"),
    ):
        (most,) = claimed(name, pattern)
        assert f"<= {most:.0f}\n" in contract


def test_how_many_things_a_kind_is():
    claim = re.search(r"A kind is (\w+) things: (.*?)\. Two", page("docs/adding-a-kind.md"))
    assert NUMBERS[claim[1]] == len(re.split(r", and |, ", claim[2]))


#: Names in the tables that are no declarations of a kind: arguments of a field, and functions.
ELSEWHERE = ("create_only", "exact", "check_known", "old")


@pytest.mark.parametrize(
    "heading", ["| the API | declare or override | see |", "| the kind | declare or override | see |"]
)
def test_what_a_kind_can_declare(heading):
    """The names exist, and the files that the last column names do it."""
    families = {path.name: path for path in (PLUGINS / "module_utils" / "_kinds").rglob("*.py")}
    for _what, declare, see in rows("docs/adding-a-kind.md", heading):
        names = re.findall(r"`(\w+)(?:=|\(\))?(?: = \w+)?`", declare)
        assert all(hasattr(Resource, name) or name in ELSEWHERE for name in names), f"Resource lacks one of {names}"
        for file in code(see) if names else ():
            text = families[file].read_text(encoding="utf-8")
            assert re.search(rf"\b(?:{'|'.join(names)})\b", text), f"{file} has none of {names}"


@pytest.mark.parametrize(
    ("heading", "place"),
    [
        ("| fixture of `tests/integration/conftest.py` | gives |", "tests/integration/conftest.py"),
        ("| method | does |", "tests/integration/conftest.py"),
    ],
)
def test_fixtures_and_methods_exist(heading, place):
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / place, *(ROOT / "tests/lab").glob("*.py")))
    for cells in rows("docs/contributing.md", heading):
        for name in code(cells[0]):
            last = re.findall(r"\w+", name.partition("(")[0].partition(" =")[0])[-1]
            assert re.search(rf"\bdef {last}\(|\bself\.{last}\b", text), name


# -- the checks themselves --------------------------------------------------------------------------------------------


def test_what_is_read(tmp_path):
    place = tmp_path / "a.py"
    place.write_text("A = 3\nB, C = 0.5, 7\nD: int = 4\n", encoding="utf-8")
    assert [constant(name, place) for name in "ABCD"] == [3, 0.5, 7, 4]
    with pytest.raises(AssertionError, match="0 constants are called E"):
        constant("E", place)
    with pytest.raises(AssertionError, match="does not say"):
        claimed("README.md", r"(\d+) unicorns")
    with pytest.raises(AssertionError, match="no table"):
        list(rows("README.md", "| unicorns |"))
