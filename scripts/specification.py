# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes tests/data/specification.txt: which paths, verbs, fields, types and extensions the API has, by version.

The facts are those of `doc/rest-api.yaml` and of the list of extensions in the sources of LXD and Incus, at the tags in
`VERSIONS`. Objects that `doc/rest-api.yaml` names and leaves out are those of `shared/api`. Names and types are taken,
no text. `python scripts/specification.py LXD INCUS`: each argument is a git repository of that product.
`tests/specification.py` reads the file.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from typing import Any, Iterator, NamedTuple

import yaml

PLACE = pathlib.Path(__file__).resolve().parents[1] / "tests" / "data" / "specification.txt"
#: The versions by their product, each with its tag.
VERSIONS = {
    "lxd": {"5.0.2": "lxd-5.0.2", "5.21.7": "lxd-5.21.7", "6.9": "lxd-6.9"},
    "incus": {"6.0.4": "v6.0.4", "7.0.1": "v7.0.1", "7.3.0": "v7.3.0"},
}
EXTENSIONS = {"lxd": "shared/version/api.go", "incus": "internal/version/api.go"}
HEAD = """\
# Names and types of the API of LXD and Incus. Made by scripts/specification.py: do not edit.
# A line has a mark for each version that has the fact, and a dot for each other version. A fact is one of
#   extension NAME
#   path PATH VERB TYPE: the type of the body, or of the object that GET returns; - for none, raw for no JSON
#   type TYPE FIELD TYPE: a field of an object
"""
#: What `doc/rest-api.yaml` calls by another name than it has.
MISNAMED = {"IdentitiesPostTLS": "IdentitiesTLSPost"}
#: Types that it leaves out of requests, and that the handlers have.
UNTOLD = {
    ("/1.0/networks/{}/load-balancer-pools/{}", "GET"): "NetworkLoadBalancerPool",
    ("/1.0/placement-groups/{}", "POST"): "PlacementGroupPost",
}
#: Types that `doc/rest-api.yaml` does not tell from any dictionary.
MAPS = {"ConfigMap": "map(string)", "DevicesMap": "map(map(string))"}
GO = {"string": "string", "bool": "boolean", "int": "integer"}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Fact = tuple[str, ...]


def notation(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A type: `string`, `time`, `int`, `bool`, `any`, `list(…)`, `map(…)`, or the name of an object."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in MAPS:
            return MAPS[name]
        return name if "properties" in definitions[name] else notation(definitions[name], definitions)
    kind = schema.get("type")
    if kind == "array":
        return f"list({notation(schema['items'], definitions)})"
    if kind == "object":
        return f"map({notation(schema.get('additionalProperties') or {}, definitions)})"
    if kind == "string":
        return "time" if schema.get("format") == "date-time" else "string"
    return {"integer": "int", "boolean": "bool", "number": "float"}.get(kind, "any")


def type_of(verb: str, operation: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The type of the body that a request has, or of the object that a GET returns."""
    if verb == "get":
        answer = operation["responses"].get("200", {}).get("schema", {}).get("properties", {})
        shown = notation(answer.get("metadata", {}), definitions)
        return shown if shown in definitions else "-"
    bodies = [parameter for parameter in operation.get("parameters", ()) if parameter.get("in") == "body"]
    typed = [body["schema"] for body in bodies if "schema" in body]
    return notation(typed[0], definitions) if typed else "raw" if bodies else "-"


def facts_of(specification: dict[str, Any]) -> Iterator[Fact]:
    definitions, verbs = specification["definitions"], {}
    for path in sorted(specification["paths"], key=lambda path: "?" in path):
        # a path with a question mark describes another answer of the same path
        plain = re.sub(r"{\w+}", "{}", path.partition("?")[0])
        for verb, operation in specification["paths"][path].items():
            verbs.setdefault((plain, verb.upper()), type_of(verb, operation, definitions))
    verbs.update({request: kind for request, kind in UNTOLD.items() if request in verbs})
    yield from (("path", path, verb, kind) for (path, verb), kind in verbs.items())
    known: set[str] = set()
    wanted = set(verbs.values())
    while wanted:
        name = wanted.pop()
        inner = re.sub(r".*\(|\)", "", name)
        if inner in known or inner not in definitions:
            continue
        known.add(inner)
        for field, schema in definitions[inner].get("properties", {}).items():
            kind = notation(schema, definitions)
            yield "type", inner, field, kind
            wanted.add(kind)


class Source(NamedTuple):
    """The sources of a product at a tag."""

    repository: str
    tag: str

    def git(self, *words: str) -> str:
        command = ["git", "-C", self.repository, *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def content(self, path: str) -> str:
        return self.git("show", f"{self.tag}:{path}")

    def struct(self, name: str) -> dict[str, Any]:
        """An object as `doc/rest-api.yaml` would define it."""
        (path,) = self.git("grep", "-l", f"^type {name} struct", self.tag, "--", "shared/api").splitlines()
        found = re.search(rf"(?ms)^type {name} struct {{$(.*?)^}}", self.git("show", path))
        properties: dict[str, Any] = {}
        for line in found[1].splitlines() if found else ():
            embedded = re.match(r"\t(\w+) `.*inline", line)
            field = re.match(r'\t\w+ +(\S+) +`json:"([^",]+)', line)
            if embedded:
                properties.update(self.struct(embedded[1])["properties"])
            elif field:
                properties[field[2]] = schema_of(field[1])
        return {"properties": properties}


def schema_of(kind: str) -> dict[str, Any]:
    """A type of Go."""
    if kind.startswith("[]"):
        return {"type": "array", "items": schema_of(kind[2:])}
    if kind.startswith("map[string]"):
        return {"type": "object", "additionalProperties": schema_of(kind[11:])}
    return {"type": GO[kind]}


def of_version(product: str, source: Source) -> set[Fact]:
    text = source.content("doc/rest-api.yaml")
    for wrong, right in MISNAMED.items():
        text = text.replace(f"#/definitions/{wrong}'", f"#/definitions/{right}'")
    specification = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    named = {*re.findall(r"#/definitions/(\w+)", text)}
    named.update(
        kind for (path, _verb), kind in UNTOLD.items() if f"{path.rpartition('/')[0]}:" in re.sub(r"{\w+}", "{}", text)
    )
    for name in sorted(named - set(specification["definitions"])):
        specification["definitions"][name] = source.struct(name)
    listed = re.search(r"(?s)\nvar APIExtensions = \[\]string\{(.*?)\n\}", source.content(EXTENSIONS[product]))
    assert listed, f"no list of extensions in {EXTENSIONS[product]} at {source.tag}"
    return {*facts_of(specification), *(("extension", name) for name in re.findall(r'(?m)^\s*"(\w+)",', listed[1]))}


def main() -> None:
    repositories = dict(zip(VERSIONS, sys.argv[1:]))
    assert set(repositories) == set(VERSIONS), __doc__
    by_version = {
        f"{product}-{version}": of_version(product, Source(repositories[product], tag))
        for product, tags in VERSIONS.items()
        for version, tag in tags.items()
    }
    lines = [
        f"{''.join('x' if fact in facts else '.' for facts in by_version.values())} {' '.join(fact)}"
        for fact in sorted(set().union(*by_version.values()))
    ]
    PLACE.write_text(f"{HEAD}versions {' '.join(by_version)}\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{PLACE}: {len(lines)} facts of {len(by_version)} versions")


if __name__ == "__main__":
    main()
