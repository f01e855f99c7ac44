# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the JSON Schemas in docs/schemas: of stack documents, and of variables of roles, playbooks and servers.

Editors complete and check files with them. They follow JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/schema).
The argument specs of the modules, `meta/argument_specs.yml` of the roles and `playbooks/meta/variables.yml` are the
only source, so run this after a change of an option: `python scripts/schemas.py`. With `--check` it writes nothing, and
fails if a file is not current.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import re
import sys
from typing import Any, Iterator

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLACE = ROOT / "docs" / "schemas"
ADDRESS = "https://raw.githubusercontent.com/cloudhost/lxd/main/docs/schemas"
PACKAGE = "ansible_collections.cloudhost.lxd.plugins"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: A value that is text for the daemons. YAML reads some of it as numbers or truth values.
SCALAR = ["string", "number", "boolean"]
#: What Ansible takes for a truth value, besides true and false.
TRUTH = ["yes", "no", "on", "off", "true", "false", "1", "0"]
_MARKUP = re.compile(r"\b([BCEFIMOPRUV]|RV|HORIZONTALLINE)\(([^()]*)\)")
#: What the names of variables of playbooks begin with that no other software is likely to have.
PLAYBOOKS = ("site", "stack")
#: The section of a preseed that a stack takes only where it is empty.
EMPTY = {"cluster": ["object", "null"]}


def plain(text: Any) -> str:
    """A description of Ansible's documentation as Markdown."""
    text = " ".join(text) if isinstance(text, list) else str(text or "")
    return _MARKUP.sub(
        lambda match: f"`{match[2].rpartition('#')[2].removeprefix('module:').split('=')[0]}`", text
    ).strip()


def described(documentation: dict[str, Any]) -> dict[str, str]:
    text = plain(documentation.get("description"))
    return {"description": text} if text else {}


def option(spec: dict[str, Any], documentation: dict[str, Any]) -> dict[str, Any]:
    """The schema of the values that Ansible accepts for an option. Null is the same as leaving it out."""
    kind, choices = spec.get("type") or "str", spec.get("choices")
    result: dict[str, Any] = described(documentation)
    if kind == "list":
        items = option(
            {**spec, "type": spec.get("elements") or "str", "default": None}, {**documentation, "description": ""}
        )
        for key in ("type", "enum"):
            if key in items:
                items[key] = [choice for choice in items[key] if choice not in ("null", None)]
        return {**result, "type": ["array", "string", "null"], "items": items}
    if kind == "dict":
        result["type"] = ["object", "null"]
        if spec.get("options"):
            inner = documentation.get("suboptions") or documentation.get("options") or {}
            result.update(options(spec["options"], inner, spec))
    elif kind == "bool":
        result["enum"] = [True, False, *TRUTH, None]
    elif kind == "int":
        result.update({"type": ["integer", "string", "null"], "pattern": r"^\s*[+-]?\d+\s*$"})
    elif choices:
        result["enum"] = [*choices, None]
    else:
        result["type"] = [*SCALAR, "null"]
    if spec.get("default") not in (None, ""):
        result["default"] = spec["default"]
    return result


def or_template(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or a template, which can give a value of any type."""
    if "string" in schema.get("type", ()) and "pattern" not in schema and "array" not in schema["type"]:
        return schema
    rules = {key: value for key, value in schema.items() if key not in ("description", "default")}
    told = {key: schema[key] for key in ("description", "default") if key in schema}
    return {**told, "anyOf": [rules, {"type": "string", "pattern": r"\{\{|\{%"}]}


def options(specs: dict[str, dict[str, Any]], documentation: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """The schema of a dictionary of options, with the rules between them that a module declares."""
    result: dict[str, Any] = {
        "properties": {name: option(spec, documentation.get(name) or {}) for name, spec in specs.items()},
        "additionalProperties": False,
    }
    required = sorted(name for name, spec in specs.items() if spec.get("required"))
    if required:
        result["required"] = required
    constraints = list(_constraints(rules))
    if constraints:
        result["allOf"] = constraints
    return result


def _constraints(rules: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in rules.get("mutually_exclusive") or ():
        for first in group:
            yield {
                "if": _given(first),
                "then": {"not": {"anyOf": [_given(other) for other in group if other != first]}},
            }
    for group in rules.get("required_one_of") or ():
        yield {"anyOf": [_given(name) for name in group]}
    for name, needed in (rules.get("required_by") or {}).items():
        yield {
            "if": _given(name),
            "then": {"allOf": [_given(other) for other in ([needed] if isinstance(needed, str) else needed)]},
        }
    for name, value, needed, *_any in rules.get("required_if") or ():
        yield {
            "if": {"properties": {name: {"const": value}}, "required": [name]},
            "then": {"allOf": [_given(other) for other in needed]},
        }


def _given(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


# -- stack documents ---------------------------------------------------------------------------------------------------


def _map(value: Any) -> dict[str, Any]:
    """A free dictionary: keys of the daemons, each with one value. Null removes a key."""
    return {"type": ["object", "null"], "additionalProperties": {"type": value}}


def entry(kind: Any, documentation: dict[str, Any]) -> dict[str, Any]:
    """The schema of an entry of a section."""
    from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Devices, Map
    from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import spec_of

    common = {
        "project": {"description": "The project that the resource lives in."},
        "target": {"description": "The cluster member that has the resource. For an instance also V(@group)."},
        "depends_on": {"description": "Resources that must exist before this one, as C(kind/name)."},
        "exact": {"description": "Whether what is not written here is unset; by default as C(exact) of the stack."},
        "loop": {"description": "With C(template), an entry for each item of a list."},
        "count": {"description": "With C(template), this number of entries."},
    }
    specs = {
        **spec_of(kind),
        **({"loop": {"type": "list", "elements": "raw"}, "count": {"type": "int"}} if kind.named else {}),
    }
    result = {"type": "object", **options(specs, {**common, **documentation["options"]}, kind.constraints)}
    for field in kind.fields:
        if isinstance(field, Devices):
            result["properties"][field.name].update({"additionalProperties": _map([*SCALAR, "null"])})
        elif isinstance(field, Map):
            result["properties"][field.name].update(_map([*SCALAR, "null"]))
    if "members" in result["properties"] and specs["members"]["type"] == "dict":
        result["properties"]["members"].update({"additionalProperties": _map([*SCALAR, "null"])})
    result["properties"] = {name: or_template(schema) for name, schema in result["properties"].items()}
    return {**described({"description": documentation["short_description"]}), **result}


def document() -> dict[str, Any]:
    """The schema of a stack document: a section for each kind, and an entry of each in `$defs`."""
    from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS

    kinds = sorted((kind for kind in KINDS.values() if kind.stackable), key=lambda kind: kind.plural())
    sections: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for kind in kinds:
        documentation = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{kind.kind}").DOCUMENTATION)
        definition = entry(kind, documentation)
        reference = {"$ref": f"#/$defs/{kind.kind}"}
        if kind.named:
            definitions[kind.kind] = definition
            sections[kind.plural()] = {"type": ["array", "null"], "items": reference}
        else:  # the section is its first option, as in a preseed
            definitions[kind.kind] = definition["properties"][kind.fields[0].name]
            sections[kind.plural()] = reference
    for name, types in EMPTY.items():
        sections.setdefault(name, {"description": "A preseed has it. It must be empty here.", "type": types})
        sections[name].update(
            {"maxItems": 0} if "array" in types else {"properties": {"enabled": {"enum": [False, "false"]}}}
        )
    return {
        "$schema": DIALECT,
        "$id": f"{ADDRESS}/stack.json",
        "title": "Stack document of cloudhost.lxd",
        "description": "The desired state of a server of LXD or Incus, for the module cloudhost.lxd.stack.",
        "type": ["object", "null"],
        "properties": sections,
        "additionalProperties": False,
        "$defs": definitions,
    }


# -- variables ---------------------------------------------------------------------------------------------------------


def of_servers() -> Iterator[tuple[str, dict[str, Any]]]:
    """The variables that describe a server: those that the documentation of an option names."""
    fragment = importlib.import_module(f"{PACKAGE}.doc_fragments._connection").ModuleDocFragment
    for name, spec in yaml.safe_load(fragment.DOCUMENTATION)["options"].items():
        if f"C(lxd_{name})" in str(spec["description"]):
            schema = option(spec, spec)
            schema["description"] = f"{schema['description']} (variable of a host, docs/connecting.md)"
            yield f"lxd_{name}", or_template(schema)


def of_playbooks() -> Iterator[tuple[str, dict[str, Any]]]:
    """The variables of the playbooks."""
    path = ROOT / "playbooks" / "meta" / "variables.yml"
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
        of_which = entry["short_description"].removeprefix("Variables of the ").partition(" besides")[0]
        for name, spec in entry["options"].items():
            schema = option(spec, spec)
            schema["description"] = f"{schema['description']} ({of_which})"
            yield name, or_template(schema)


def variables() -> dict[str, Any]:
    """The schema of a file of variables, such as group_vars. Variables of other software pass."""
    properties: dict[str, Any] = {}
    servers = dict(of_servers())
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        role = path.parts[-3]
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        for name, spec in specs.items():
            schema = option({**spec, "required": False}, spec)
            schema["description"] = f"{schema.get('description', '')} (role {role})".strip()
            properties[name] = or_template(schema)
    properties.update(of_playbooks())
    prefixes = sorted([*(path.name for path in (ROOT / "roles").iterdir()), *PLAYBOOKS])
    known = "|".join(sorted(properties))
    return {
        "$schema": DIALECT,
        "$id": f"{ADDRESS}/variables.json",
        "title": "Variables of the roles, playbooks and servers of cloudhost.lxd",
        "description": "For group_vars and host_vars. Variables that begin with the name of a role, with site or with "
        "stack must be known.",
        "type": ["object", "null"],
        "properties": {**properties, **servers},
        "patternProperties": {f"^(?!({known})$)({'|'.join(prefixes)})_": False},
    }


def main(arguments: list[str]) -> int:
    stale = []
    for name, make in (("stack.json", document), ("variables.json", variables)):
        path = PLACE / name
        text = json.dumps(make(), indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in arguments:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"{', '.join(stale)}: not current. Run `python scripts/schemas.py`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
