# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module promises in its documentation, held against what it does."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils import _runner
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource

ROOT = pathlib.Path(__file__).resolve().parents[4]
PACKAGE = "ansible_collections.cloudhost.lxd.plugins."
FILES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
NAMES = [path.stem for path in FILES]
TYPES = {"str", "bool", "int", "list", "dict", "path", "raw"}

pytestmark = pytest.mark.parametrize("name", NAMES)


def fragment(reference):
    """The options of `cloudhost.lxd.FILE.PART`."""
    _namespace, _collection, file, *part = reference.split(".")
    holder = importlib.import_module(f"{PACKAGE}doc_fragments.{file}").ModuleDocFragment
    return yaml.safe_load(getattr(holder, part[0].upper() if part else "DOCUMENTATION"))


class Module:
    def __init__(self, name):
        self.module = importlib.import_module(f"{PACKAGE}modules.{name}")
        self.doc = yaml.safe_load(self.module.DOCUMENTATION)
        self.fragments = self.doc["extends_documentation_fragment"]
        self.options = dict(self.doc.get("options") or {})
        for reference in self.fragments:
            for option, entry in (fragment(reference).get("options") or {}).items():
                assert option not in self.options, f"{option} is documented twice"
                self.options[option] = entry
        # the kind or info class is what the module hands to the runner
        self.declared = next(
            value
            for value in vars(self.module).values()
            if inspect.isclass(value)
            and value.__module__.startswith((PACKAGE + "module_utils._kinds.", PACKAGE + "module_utils._jobs."))
        )
        own = self.declared.argument_spec() if issubclass(self.declared, Resource) else self.declared.spec
        self.spec = {**_runner.CONNECTION, **own}


@pytest.fixture
def module(name):
    return Module(name)


def test_module_defaults_reach_it(name):
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert name in runtime["action_groups"]["lxd"]
    assert sorted(runtime["action_groups"]["lxd"]) == NAMES


def test_it_is_named_and_dated(name, module):
    assert module.doc["module"] == name
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(module.doc["version_added"]))
    assert module.doc["short_description"] and not module.doc["short_description"].endswith(".")
    assert module.doc["description"] and module.doc["author"]


def test_every_option_is_documented_as_it_is(module):
    documented_as_they_are(module.options, module.spec)


def documented_as_they_are(options, spec):
    """Also those inside an option."""
    assert set(options) == set(spec)
    for option, entry in spec.items():
        documented = options[option]
        assert documented["description"], option
        documented_as_they_are(documented.get("suboptions") or {}, entry.get("options") or {})
        assert documented["type"] == entry["type"] and entry["type"] in TYPES, option
        assert bool(documented.get("required")) == bool(entry.get("required")), option
        assert documented.get("default") == entry.get("default"), option
        assert list(documented.get("choices") or ()) == list(entry.get("choices") or ()), option
        assert documented.get("elements") == entry.get("elements"), option


def test_fragments(name, module):
    assert "cloudhost.lxd._connection" in module.fragments
    assert (
        "cloudhost.lxd._attributes.info" if name.endswith(("_info", "_export")) else "cloudhost.lxd._attributes"
    ) in module.fragments


def test_the_connection_fragment_is_the_connection(name):
    options = fragment("cloudhost.lxd._connection")["options"]
    assert set(options) == set(_runner.CONNECTION)
    for option, entry in _runner.CONNECTION.items():
        fallback = entry.get("fallback")
        named = re.findall(r"E\((\w+)\)", " ".join(options[option]["description"]))
        if fallback:
            assert fallback[1][0] in named, f"{option} does not name its environment variable"


def test_examples_run_this_module_and_only_know_options(name, module):
    examples = yaml.safe_load(module.module.EXAMPLES)
    assert examples
    used = 0
    for task in examples:
        assert task["name"]
        actions = [key for key in task if "." in key]
        assert len(actions) == 1 and actions[0].startswith(("cloudhost.lxd.", "ansible.builtin.")), task
        if actions[0] == f"cloudhost.lxd.{name}":
            used += 1
            arguments = task[actions[0]] or {}
            assert set(arguments) <= set(module.spec), task["name"]
            assert {option for option, entry in module.spec.items() if entry.get("required")} <= set(arguments), task[
                "name"
            ]
            for option, value in arguments.items():
                choices = module.spec[option].get("choices")
                written = value if isinstance(value, list) else [value]
                assert not choices or set(written) <= set(choices), task["name"]
    assert used


def test_returns_are_described(name, module):
    returns = yaml.safe_load(module.module.RETURN)
    expected = (
        {"actions", "steps", "code", "failure", module.declared.kind}
        if issubclass(module.declared, Resource)
        else set()
    )
    assert returns and expected <= set(returns)
    for key, entry in returns.items():
        assert entry["description"] and entry["returned"] and entry["type"] in TYPES | {"complex", "raw"}, key


def test_the_file_is_documentation_and_little_else(name):
    text = (ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8")
    code = re.sub(r'^(DOCUMENTATION|EXAMPLES|RETURN) = r"""\n.*?^"""\n', "", text, flags=re.M | re.S)
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 25
    assert "main()" in code and 'if __name__ == "__main__":' in code
