# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a stack has to know of a kind: its section in a document, what it refers to, who may own it, how it is exported.

A kind that is declared is part of the stack, its order and its export: the stack itself knows no kind.
"""

from __future__ import annotations

import re
from typing import Any

from .._api.client import Client
from .claims import Claim, Hold
from .fields import Field, Map

_PARENT = re.compile(r"{(\w+)}")


class Stackable:
    """The part of `resource.Resource` that stacks use; all of it has defaults.

    :cvar section: its key in a document; the plural of `kind` where nothing else is said
    :cvar listed: whether its collection lists it
    :cvar stackable: whether it can be part of a document at all
    :cvar refers: which options name resources of which kinds: `option`, `option.key` inside a dictionary,
        `option/option` for one that belongs to another
    :cvar singletons: names of those that the daemon makes itself; they are changed, but never owned and never deleted
    :cvar feature: the `features.*` key of a project without which it lives in the project `default`
    :cvar foremost: whether all else waits for it
    :cvar events: states that happen and do not last, so that a document cannot ask for them
    :cvar instant_options: options for one task that make no sense in a document
    :cvar placed: whether the connection option `target` says where it is
    :cvar marks: whether it has a place for the name of the stack that owns it: its first free dictionary
    :cvar copied: whether the daemons copy it with its mark, so that a mark of an earlier version may be that of another
    :cvar one_by_one: actions (`create`, `delete`, …) of which a daemon makes a mess when two are done at once in the
        same parent or project
    :cvar lends: whether what it refers to is used by all that refers to it
    :cvar holds: whether its users have data in it, so that they do not let go of it where a profile no longer names it
    :cvar lasting: patterns of keys that `singletons` keep for good, whoever wrote them
    :cvar passing: whether it comes and goes by itself, so that an export has it only when asked
    """

    kind = ""
    path = ""
    key = "name"
    named = True
    extension = ""
    fields: tuple[Field, ...] = ()

    section = ""
    listed = True
    stackable = True
    refers: dict[str, str | tuple[str, ...]] = {}
    singletons: tuple[str, ...] = ()
    feature = ""
    foremost = False
    events: tuple[str, ...] = ()
    instant_options: tuple[str, ...] = ("new_name",)
    placed = False
    marks = True
    copied = True
    one_by_one: tuple[str, ...] = ()
    passing = False
    lends = False
    holds = False
    lasting: tuple[str, ...] = ()

    @classmethod
    def plural(cls) -> str:
        return cls.section or cls.kind + ("es" if cls.kind.endswith(("s", "x", "ch")) else "s")

    @classmethod
    def parents(cls) -> list[str]:
        """The options that name what it belongs to, outermost first."""
        return _PARENT.findall(cls.path)

    @classmethod
    def identity(cls, params: dict[str, Any]) -> str | None:
        """What the API knows it by; None where the options do not tell."""
        return params["name"]

    @classmethod
    def label(cls, params: dict[str, Any]) -> str:
        """What tells it from others of its kind in a project."""
        return "/".join(
            [*(str(params[option]) for option in cls.parents()), *([str(cls.identity(params))] if cls.named else [])]
        )

    @classmethod
    def holder(cls) -> Map | None:
        """The field that the mark of a stack is written into."""
        return (
            next((field for field in cls.fields if isinstance(field, Map) and field.free), None) if cls.marks else None
        )

    @classmethod
    def called(cls, obj: dict[str, Any], label: str) -> list[str]:
        """The labels that an object goes by, any of which a mark can name; none where nobody has given it a name."""
        return [label]

    @classmethod
    def lost_mark(cls, obj: dict[str, Any]) -> tuple[str, bool]:
        """A sentence of how an object may have lost the mark that it had, and whether it is known that this has
        happened to it.
        """
        return "", False

    @classmethod
    def references(cls, params: dict[str, Any]) -> list[tuple[str, ...]]:
        """Kinds and labels of what has to be there before it; a label of `*` stands for all of that kind. A third part
        is the project where it is another.
        """
        found = [reference for field in cls.fields for reference in field.references(params.get(field.name))]
        for option, kinds in cls.refers.items():
            names = _written(params, option)
            found += [(kind, name) for kind in ((kinds,) if isinstance(kinds, str) else kinds) for name in names]
        return found

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[Claim, Hold]:
        """What an object has that only one can have at a time, so that the next has to wait for it (`_claims`)."""
        return {claim: hold for field in cls.fields for claim, hold in field.claims(obj, client, query).items()}

    @classmethod
    def readable(cls, client: Client) -> bool:
        """Whether the server knows the kind, so that a collection can be listed."""
        return not cls.extension or client.has(cls.extension)

    @classmethod
    def export(cls, obj: dict[str, Any], client: Client, query: dict[str, Any]) -> dict[str, Any] | None:
        """The entry of a document that describes an object, but for its parents and project; None for what is not
        anybody's wish.
        """
        shown = {field.name: field.exported(obj.get(field.key), cls) for field in cls.fields}
        entry = {option: value for option, value in shown.items() if value not in (None, "", {}, [])}
        if not cls.named:
            return entry or None
        if obj[cls.key] in cls.singletons and not set(entry) - {"description"}:
            return None
        return {"name": obj[cls.key], **entry}


def _written(params: dict[str, Any], option: str) -> list[str]:
    """The names that an option holds: one, a list, or a list with commas inside a dictionary."""
    if "/" in option:
        parts = [params.get(part) for part in option.split("/")]
        return ["/".join(map(str, parts))] if all(parts) else []
    outer, _dot, key = option.partition(".")
    value = params.get(outer)
    if key:
        value = value.get(key) if isinstance(value, dict) else None
        value = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    return [str(name) for name in (value if isinstance(value, list) else [value]) if name]
