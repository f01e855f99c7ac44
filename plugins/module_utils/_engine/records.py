# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Lists of records, such as the rules of an ACL or the ports of a forward, the keys of such records, and sets of
addresses.

The daemons rewrite some values, as they take the spaces out of `80, 443`. So records are compared in the form that
their keys give both sides, and their order means nothing: the daemons sort rules by action, and a port is listed once.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, Mapping

from .._api.errors import InvalidInput, did_you_mean
from . import values
from .addresses import canonical, parsed
from .fields import Field, NameSet

Record = Mapping[str, Any]
_PORTS = re.compile(r"\d{1,5}(-\d{1,5})?")


class Key:
    """A key of a record, with free text.

    :param name: the key in the option and in the API
    :param only_with: another key, and the values of it that this key needs
    :param extension: the API extension that the server must have where the key is used
    :param extensions: those that single values need
    :param spec: the rest of the argument spec (`required`, `choices`, …)
    """

    type = "str"

    def __init__(
        self,
        name: str,
        only_with: tuple[str, tuple[str, ...]] | None = None,
        extension: str = "",
        extensions: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> None:
        self.name, self.only_with, self.spec = name, only_with, spec
        self.extension, self.extensions = extension, extensions or {}

    def arguments(self) -> dict[str, Any]:
        return {"type": self.type, **self.spec}

    def check(self, option: str, value: Any, record: Record) -> None:
        """Refuse what the server would refuse of a record; its values have the form of `normal`."""

    def normal(self, value: Any) -> Any:
        """The form in which two values are equal; something empty for none."""
        return value.strip() if isinstance(value, str) else value

    def units(self, value: Any) -> list[Any]:
        """The parts of a value of which only one record can have each, for a key that is `unique`."""
        return [value]

    def references(self, value: Any) -> list[tuple[str, str]]:
        """Kinds and labels of the resources that a value names."""
        return []

    def needed(self, value: Any) -> str:
        """The API extension that a value needs."""
        return self.extension or (self.extensions.get(value, "") if self.extensions else "")


class Listed(Key):
    """Text with commas."""

    def normal(self, value: Any) -> Any:
        return ",".join(values.listed(value))


class Ports(Listed):
    """Ports and ranges of ports, as in `80,8000-8010`.

    :param like: the key with the ports that these stand for: one, or as many as there are
    """

    def __init__(self, name: str, like: str = "", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.like = like

    def check(self, option: str, value: Any, record: Record) -> None:
        for part in values.listed(value):
            ends = [int(end) for end in part.split("-")] if _PORTS.fullmatch(part) else [-1]
            if not 0 <= ends[0] <= ends[-1] <= 65535:
                raise InvalidInput(f"{option}: '{part}' is no port and no range of ports; write it as in 80,8000-8010.")
        count, others = len(self.units(value)), len(self.units(record.get(self.like)))
        if others and count not in (1, others):
            raise InvalidInput(
                f"{option}: '{value}' is {count} ports for {others} in {self.like}: write one, or {others}."
            )

    def units(self, value: Any) -> list[Any]:
        ends = [part.partition("-") for part in values.listed(value) if _PORTS.fullmatch(part)]
        return [port for first, _dash, last in ends for port in range(int(first), int(last or first) + 1)]


class Subjects(Listed):
    """What a rule of an ACL is for: addresses, subnets, ranges, and names of ACLs, peers (`@network/peer`) and address
    sets (`$set`). Names with `@` and no slash are the server's own.
    """

    def normal(self, value: Any) -> Any:
        return ",".join(canonical(part) or part for part in values.listed(value))

    def needed(self, value: Any) -> str:
        return "network_address_set" if "$" in value else super().needed(value)

    def references(self, value: Any) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for part in values.listed(value):
            if part.startswith("$"):
                found.append(("network_address_set", part[1:]))
            elif part.startswith("@"):
                found += [("network_peer", part[1:])] if "/" in part else []
            elif not canonical(part):
                found.append(("network_acl", part))
        return found


class Address(Key):
    """An IP address."""

    def check(self, option: str, value: Any, record: Record) -> None:
        if parsed(value) is None:
            raise InvalidInput(f"{option}: '{value}' is not an IP address.")

    def normal(self, value: Any) -> Any:
        return canonical(value or "") or super().normal(value)


class Number(Key):
    type = "int"


class Choice(Key):
    """True or false; false is the default."""

    type = "bool"


class Several(Key):
    """A list of names whose order means nothing."""

    type = "list"

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "elements": "str"}

    def normal(self, value: Any) -> Any:
        return sorted({str(name).strip() for name in value or ()})


class AddressSet(NameSet):
    """A set of IP addresses, subnets and ranges, in the spelling of the daemons."""

    blank: Any = []

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        wrong = [text for text in written or () if not canonical(text)]
        if wrong:
            raise InvalidInput(*(f"{self.name}: '{text}' is no IP address, subnet or range." for text in wrong))
        return None if written is None else list(dict.fromkeys(map(canonical, written)))

    def equal(self, have: Any, want: Any) -> bool:
        return {canonical(text) or text for text in have or ()} == set(want)


class Records(Field):
    """A list of records: written means exactly these, in any order.

    :param keys: the keys of a record, in the order in which diffs show them
    :param unique: keys whose values, together, only one record can have; none for all keys
    """

    type = "list"
    empty: Any = []
    blank: Any = []

    def __init__(self, name: str, *keys: Key, unique: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.keys = keys
        self._unique = [key for key in keys if not unique or key.name in unique]

    def arguments(self) -> dict[str, dict[str, Any]]:
        inner = {key.name: key.arguments() for key in self.keys}
        return {self.name: {"type": self.type, "elements": "dict", "options": inner, **self.spec}}

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return None
        cleaned = [self.normal(record) for record in written]
        wrong: list[str] = []
        first: dict[str, int] = {}
        for number, record in enumerate(cleaned):
            wrong += self._wrong(f"{self.name}[{number}]", record)
            parts = [
                [(key.name, part) for part in (key.units(record[key.name]) if key.name in record else [None])]
                for key in self._unique
            ]
            for what in itertools.product(*parts):
                twin = first.setdefault(json.dumps(what), number)
                if twin != number:
                    shared = ", ".join(f"{name} {value}" for name, value in what if value is not None)
                    wrong.append(f"{self.name}[{number}]: {self.name}[{twin}] has the same {shared}: write it once.")
                    break
        if wrong:
            raise InvalidInput(*wrong)
        return cleaned

    def _wrong(self, place: str, record: Record) -> list[str]:
        wrong = []
        for key in self.keys:
            if key.name not in record:
                if key.spec.get("required"):
                    wrong.append(f"{place}.{key.name}: it is empty, and a value is needed.")
                continue
            try:
                key.check(f"{place}.{key.name}", record[key.name], record)
            except InvalidInput as exc:
                wrong += exc.each
            other, choices = key.only_with or (key.name, ())
            if choices and record.get(other) not in choices:
                wrong.append(f"{place}.{key.name}: it needs {other}: {' or '.join(choices)}.")
        return wrong

    def normal(self, record: Record) -> dict[str, Any]:
        """A record with the keys that are known and not empty, in their order."""
        shown = {key.name: key.normal(record.get(key.name)) for key in self.keys}
        return {name: value for name, value in shown.items() if value not in (None, "", [], False)}

    def _whole(self, record: Record) -> str:
        return json.dumps(self.normal(record))

    def equal(self, have: Any, want: Any) -> bool:
        return sorted(map(self._whole, have or ())) == sorted(map(self._whole, want or ()))

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        """As written. A record that stays also keeps what the server has of it and this collection does not know."""
        if have is not None and self.equal(have, want):
            return have
        there = {self._whole(record): record for record in have or ()}
        return [there.get(self._whole(record), record) for record in want]

    def shown(self, value: Any, resource: Any) -> Any:
        return [self.normal(record) for record in value or ()] or None

    def exported(self, value: Any, kind: Any) -> Any:
        defaults = {key.name: key.spec.get("default") for key in self.keys}
        return [
            {name: inner for name, inner in self.normal(record).items() if inner != defaults[name]}
            for record in value or ()
        ]

    def named(self, records: Any) -> list[tuple[str, str, str]]:
        """What records name: the place where they do, and the kind and label of the resource."""
        return [
            (f"{self.name}[{number}].{key.name}", kind, label)
            for number, record in enumerate(records or ())
            for key in self.keys
            for kind, label in key.references(record.get(key.name))
        ]

    def references(self, written: Any) -> list[tuple[str, ...]]:
        return [found[1:] for found in self.named(written)]

    def needed(self, wanted: Any) -> list[tuple[str, str]]:
        found = super().needed(wanted)
        for number, record in enumerate(wanted):
            for key in self.keys:
                extension = key.needed(record[key.name]) if key.name in record else ""
                found += [(extension, f"{self.name}[{number}].{key.name}")] if extension else []
        return found

    def unknown(self, records: Any, key: str, known: list[str]) -> list[str]:
        """What is wrong with a key that has names, of which only those in `known` exist."""
        return [
            f"{self.name}[{number}].{key}: there is no '{name}'. {did_you_mean(name, known)}"
            for number, record in enumerate(records or ())
            for name in record.get(key) or ()
            if name not in known
        ]
