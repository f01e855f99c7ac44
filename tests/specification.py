# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The specifications of the API by version (`data/specification.txt`), and what a request has that is not in them.

They have names and types. What a server does with a request is not in them.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from typing import Any, NamedTuple

PLACE = pathlib.Path(__file__).parent / "data" / "specification.txt"
#: The types of JSON, as Python has them.
PYTHON: dict[str, Any] = {
    "string": str,
    "time": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list": list,
    "map": dict,
}


class Facts(NamedTuple):
    """What one version has: extensions, types by path and verb, and types by object and field."""

    extensions: set[str]
    paths: dict[str, dict[str, str]]
    types: dict[str, dict[str, str]]


@functools.lru_cache(maxsize=None)
def all_facts() -> dict[str, Facts]:
    """By version, as in `lxd-6.9`."""
    found: dict[str, Facts] = {}
    for line in PLACE.read_text(encoding="utf-8").splitlines():
        marks, *words = line.split()
        if marks == "versions":
            found = {version: Facts(set(), {}, {}) for version in words}
            continue
        for mark, facts in zip(marks, found.values()) if marks != "#" else ():
            if mark != "x":
                continue
            if words[0] == "extension":
                facts.extensions.add(words[1])
            else:
                (facts.paths if words[0] == "path" else facts.types).setdefault(words[1], {})[words[2]] = words[3]
    return found


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


#: Fields of PUT bodies that a server returned, and that no specification here has: Incus 7.0.2 shows them.
SHOWN = {("incus", "ImagePut"): {"locations": "list(string)"}}


class Specification:
    """The API of one version of one product.

    :ivar version: as in `lxd-6.9`
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.product = version.partition("-")[0]
        self.extensions, self.paths, self.types = all_facts()[version]
        self._found: dict[tuple[str, ...], str | None] = {}

    def template(self, path: str) -> str | None:
        """The path of the specification that a path of a request is one of."""
        parts = tuple(path.partition("?")[0].split("/"))
        if parts not in self._found:
            fitting = [
                template
                for template in self.paths
                if len(template.split("/")) == len(parts)
                and all(part in ("{}", mine) for part, mine in zip(template.split("/"), parts))
            ]
            self._found[parts] = min(fitting, key=lambda template: template.count("{}"), default=None)
        return self._found[parts]

    def wrong(self, method: str, path: str, body: Any = None) -> list[str]:
        """What a request has that this version does not know.

        The body of a PUT and of a PATCH can have all that GET returns: the servers leave out what cannot be written.
        """
        template = self.template(path)
        if template is None:
            return [f"{self.version} has no path {path.partition('?')[0]}"]
        verbs = self.paths[template]
        if method not in verbs:
            return [f"{self.version} has no {method} {template}"]
        if body is None:
            return []
        where, kind = f"{method} {template}", verbs[method]
        if kind not in self.types:
            return [] if kind == "raw" else [f"{self.version}: {where} has no body"]
        shown = {**self.shown(path), **SHOWN.get((self.product, kind), {})} if method != "POST" else {}
        return self._wrong_object(f"{where} {kind}", {**shown, **self.types[kind]}, body)

    def shown(self, path: str) -> dict[str, str]:
        """The fields of the object at a path, with their types, as GET returns it."""
        return self.types.get(self.paths.get(self.template(path) or "", {}).get("GET", ""), {})

    def _wrong_object(self, where: str, fields: dict[str, str], body: Any) -> list[str]:
        if not isinstance(body, dict):
            return [f"{self.version}: {where} is no object"]
        known = {**{key.lower(): kind for key, kind in fields.items()}, **fields}  # servers take a key in any case
        found = [f"{self.version}: {where} has no field '{key}'" for key in body if key not in known]
        for key, value in body.items():
            found += self._wrong_value(f"{where}.{key}", known[key], value) if key in known else []
        return found

    def _wrong_value(self, where: str, kind: str, value: Any) -> list[str]:
        if value is None or kind == "any":  # null is the empty value of any type
            return []
        if kind in self.types:
            return self._wrong_object(f"{where} {kind}", self.types[kind], value)
        outer, _bracket, rest = kind.partition("(")
        if not isinstance(value, PYTHON[outer]) or (isinstance(value, bool) and outer != "bool"):
            return [f"{self.version}: {where} is {type(value).__name__}, and has to be {kind}"]
        each = value.values() if outer == "map" else value if outer == "list" else ()
        return [words for one in each for words in self._wrong_value(where, rest[:-1], one)]


@functools.lru_cache(maxsize=None)
def specification(version: str) -> Specification:
    return Specification(version)


def versions(product: str, since: str) -> list[Specification]:
    """The specifications of a product that are not older than a version, patches aside."""
    found = [specification(version) for version in all_facts() if version.startswith(f"{product}-")]
    return [one for one in found if numbers(one.version)[:2] >= numbers(since)[:2]]


#: Fields that only newer versions take from a creation. Others leave them out, and get them with a PUT afterwards.
IGNORED = ("StorageVolumeSnapshotsPost has no field 'description'",)


class Watch:
    """What the requests to a server have that its version, or a newer one of its product, does not know."""

    def __init__(self, product: str, version: str) -> None:
        self.versions = versions(product, version)
        self._wrong: list[str] = []

    def see(self, request: str, body: bytes) -> None:
        """Compare a request, as in `GET /1.0`. A body that is no JSON is a file."""
        method, path = request.split(" ")
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = None
        if method == "GET" and any(not api.wrong(method, path) for api in map(specification, all_facts())):
            return  # a server that has not what others have says so
        for api in self.versions:
            self._wrong += api.wrong(method, path, content)

    def take(self) -> list[str]:
        """What is wrong since the last time, each once."""
        found, self._wrong = self._wrong, []
        return [words for words in dict.fromkeys(found) if not words.endswith(IGNORED)]
