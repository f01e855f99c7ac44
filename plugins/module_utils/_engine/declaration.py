# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a kind declares: its place in the API, its options, and all that a stack needs to know of it.

These are facts of the class. They need no resource, and only `export`, `readable` and `claims` ask a server.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Callable, Mapping

from .._api.reader import Reader
from . import secrets
from .fields import Field, Map
from .identity import Identity
from .values import is_true

if TYPE_CHECKING:
    from .claims import Claim, Hold


class Declaration(Identity):
    """The class attributes of a kind with their defaults, and what follows from them.

    :cvar kind: the word for one of it, and the name of the result
    :cvar path: the collection in the API; `{option}` stands for the name of what it belongs to
    :cvar key: the key of the API object that names it
    :cvar named: whether there can be more than one, identified by the option `named_by`
    :cvar named_by: the option that identifies it, and its key in the request that creates it
    :cvar states: the choices of `state`, the default first; none for what can only be configured
    :cvar scoped: whether it is in a project
    :cvar extension: the API extension that servers need to know the kind at all
    :cvar renames: whether `POST path` renames it; gives the module the option `new_name`
    :cvar server_keys: patterns of config keys that the server writes; purging keeps them
    :cvar brought_keys: patterns of config keys that come from an image, by the key that is true then; purging keeps
        them
    :cvar originals: types of `source` with values of their own, which an entry does not show
    :cvar hidden_keys: patterns of config keys that no diff shows unless the user wrote them
    :cvar returned_secrets: secrets that are what the module is for, and are therefore returned
    :cvar unlogged: options that no log and no callback shows, as contents of files are
    :cvar fixed_config: config keys that the API cannot change after creation
    :cvar name_rule: what a new name has to match as a whole, and that in words
    :cvar name_rules: the same for newer servers, by an API extension that they have
    :cvar slashes: whether a name can have slashes
    :cvar unless_used: what the servers do only while nothing uses it: `delete`, `rename`

    For stacks:

    :cvar section: its key in a document; the plural of `kind` by default
    :cvar listed: whether its collection lists it
    :cvar stackable: whether it can be part of a document at all
    :cvar refers: which options name resources of which kinds: `option`, `option.key` inside a dictionary,
        `option/option` for one that belongs to another
    :cvar singletons: names of those that the daemon makes itself; they are changed, but never owned and never deleted
    :cvar feature: the `features.*` key of a project without which it is in the project `default`
    :cvar foremost: whether all else waits for it
    :cvar events: states that happen and do not last, so that a document cannot ask for them
    :cvar instant_options: options for one task that make no sense in a document
    :cvar placed: whether the connection option `target` says where it is
    :cvar on_member: whether requests name the member in `target` that it is on
    :cvar of_member: whether each member of a cluster can have one of the same name, so that `target` says which
    :cvar mutual: whether it gets ready only with others of its kind, so that a stack waits for none before all are made
    :cvar marks: whether it has a place for the name of the stack that owns it: its first free dictionary
    :cvar copied: whether the daemons copy it with its mark, so that a mark of an earlier version may be that of another
    :cvar one_by_one: actions (`create`, `delete`, …) that fail or leave damage when two of them run at once in the
        same parent or project; of a `mutual` kind, anywhere
    :cvar lends: whether what it refers to is used by all that refers to it
    :cvar affects: whether a change of it changes those that use it, so that a plan names them
    :cvar holds: whether its users have data in it, so that they keep it where a profile no longer names it
    :cvar lasting: patterns of keys that `singletons` keep for good, whoever wrote them
    :cvar passing: whether it comes and goes by itself, so that an export has it only when asked
    """

    kind = ""
    path = ""
    key = "name"
    named = True
    named_by = "name"
    extension = ""
    fields: tuple[Field, ...] = ()
    states: tuple[str, ...] = ("present", "absent")
    scoped = True
    renames = False
    server_keys: tuple[str, ...] = ("volatile.*",)
    hidden_keys: tuple[str, ...] = ("volatile.*",)
    brought_keys: dict[str, tuple[str, ...]] = {}
    originals: tuple[str, ...] = ()
    returned_secrets: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = ()
    fixed_config: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = {}
    constraints: dict[str, Any] = {}
    name_rule = (r"[^/\s*][^/\s]*", "no slash, no space and no asterisk")
    name_rules: dict[str, tuple[str, str]] = {}
    slashes = False
    unless_used: tuple[str, ...] = ()

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
    on_member = False
    of_member = False
    mutual = False
    marks = True
    copied = True
    one_by_one: tuple[str, ...] = ()
    passing = False
    lends = False
    affects = False
    holds = False
    lasting: tuple[str, ...] = ()

    @classmethod
    def argument_spec(cls) -> dict[str, dict[str, Any]]:
        """The options of the module, as Ansible takes them, without those of the connection."""
        spec: dict[str, dict[str, Any]] = {}
        if cls.named:
            spec[cls.named_by] = {"type": "str", "required": True}
        if cls.states:
            spec["state"] = {"type": "str", "choices": list(cls.states), "default": cls.states[0]}
        if cls.renames:
            spec["new_name"] = {"type": "str"}
        for field in cls.fields:
            spec.update(field.arguments())
        if cls.fixed_config or any(field.create_only for field in cls.fields):
            spec["recreate"] = {"type": "bool", "default": False}
        spec.update(cls.options)
        return spec

    @classmethod
    def returned(cls, obj: dict[str, Any] | None) -> Any:
        """The object as the module returns it: secrets hidden, except those in `returned_secrets`. A key with a dash,
        which templates cannot name after a dot, has the name of its option.
        """
        hidden = secrets.masked(obj)
        if not obj:
            return hidden
        names = {field.key: field.name for field in cls.fields if "-" in field.key}
        shown = {**hidden, **{key: obj[key] for key in cls.returned_secrets if key in obj}}
        return {names.get(key, key): value for key, value in shown.items()}

    @classmethod
    def plural(cls) -> str:
        return cls.section or cls.kind + ("es" if cls.kind.endswith("s") else "s")

    @classmethod
    def holder(cls) -> Map | None:
        """The field that the mark of a stack is written into."""
        return (
            next((field for field in cls.fields if isinstance(field, Map) and field.free), None) if cls.marks else None
        )

    @classmethod
    def kept_keys(cls, config: dict[str, str]) -> tuple[str, ...]:
        """Patterns of the keys that purging keeps in a config: the server's own, and what cannot be changed."""
        brought = [keys for sign, keys in cls.brought_keys.items() if is_true(config.get(sign))]
        return tuple(itertools.chain(cls.server_keys, cls.fixed_config, *brought))

    @classmethod
    def internal(cls, obj: dict[str, Any]) -> bool:
        """Whether an object is the daemon's own, which no document describes."""
        return False

    @classmethod
    def brings(cls, params: Mapping[str, Any]) -> bool:
        """Whether a new one has values of the `source` that it is made of. Later they look like any others."""
        return (params.get("source") or {}).get("type") in cls.originals

    @classmethod
    def of_listing(cls, obj: dict[str, Any]) -> dict[str, Any] | None:
        """An object of a listing, as the API shows it alone; None for what is not of this kind."""
        return obj

    @classmethod
    def lost_mark(cls, obj: dict[str, Any]) -> tuple[str, bool]:
        """A sentence of how an object may have lost the mark that it had, and whether it is known that this has
        happened to it.
        """
        return "", False

    @classmethod
    def references(cls, params: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """Kinds and labels of what has to be there before it; a label of `*` stands for all of that kind. A third part
        is the project where it is another.
        """
        found = [reference for field in cls.fields for reference in field.references(params.get(field.name))]
        for option, kinds in cls.refers.items():
            names = _written(params, option)
            found += [(kind, name) for kind in ((kinds,) if isinstance(kinds, str) else kinds) for name in names]
        return found

    @classmethod
    def claims(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, Hold]:
        """What an object has that only one can have at a time, so that the next has to wait for it (`claims.py`)."""
        return {claim: hold for field in cls.fields for claim, hold in field.claims(obj, client, query).items()}

    #: A function for errors and warnings of an object as it will be, given what it was and all others of its kind by
    #: name. A stack calls it once all of them are planned.
    beside: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], tuple[list[str], list[str]]] | None = None

    @classmethod
    def alone(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, str]:
        """What a server surely refuses to a second object of the kind, and the options that say so."""
        return {}

    @classmethod
    def turn(cls, new: dict[str, Any], old: dict[str, Any], client: Reader, query: dict[str, Any]) -> str:
        """What a change takes that the server gives to two objects of the kind if it is asked at once; empty if it
        takes nothing like that. `old` is empty for a new object.
        """
        return ""

    @staticmethod
    def is_active(obj: dict[str, Any]) -> bool:
        """Whether an object is in operation, as a running instance is, so that what it has is in use."""
        return True

    @staticmethod
    def losses(obj: dict[str, Any]) -> list[str]:
        """Sentences on what is lost when an object is deleted, and on what that interrupts."""
        return []

    @classmethod
    def unfit(cls, parent: dict[str, Any]) -> str:
        """Why an object that it would belong to can have none, in words; empty if it can. The servers answer a listing
        of what cannot be there with an error.
        """
        return ""

    @classmethod
    def readable(cls, client: Reader) -> bool:
        """Whether the server knows the kind, so that a collection can be listed."""
        return not cls.extension or client.has(cls.extension)

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        """The entry of a document that describes an object, without its parents and project.

        None for what no document has to describe.
        """
        if cls.internal(obj):
            return None
        shown = {field.name: field.exported(obj.get(field.key), cls) for field in cls.fields}
        entry = {option: value for option, value in shown.items() if value not in (None, "", {}, [])}
        if cls.placed and obj.get("location") not in (None, "", "none"):
            entry["target"] = obj["location"]
        if not cls.named:
            return entry or None
        if obj[cls.key] in cls.singletons and not set(entry) - {"description"}:
            return None
        member = cls.member_of(obj)
        return {cls.named_by: obj[cls.key], **({"target": member} if member else {}), **entry}


def _written(params: Mapping[str, Any], option: str) -> list[str]:
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
