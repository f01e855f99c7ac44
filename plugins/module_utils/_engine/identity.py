# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What distinguishes a resource from others: the options that name it, and its label among those of its kind."""

from __future__ import annotations

import re
from typing import Any, Mapping

_PARENT = re.compile(r"{(\w+)}")


class Identity:
    """The part of a declaration that names. The attributes are those of `declaration.Declaration`."""

    path: str
    key: str
    named: bool
    named_by: str
    of_member: bool

    @classmethod
    def parents(cls) -> list[str]:
        """The options that name what it belongs to, outermost first."""
        return _PARENT.findall(cls.path)

    @classmethod
    def parent_of(cls, collection: str) -> str:
        """The path of what a collection belongs to; empty if it belongs to nothing."""
        return collection[: len(collection) - len(cls.path.rpartition("}")[2])] if cls.parents() else ""

    @classmethod
    def identity(cls, params: Mapping[str, Any]) -> str | None:
        """The name that identifies it in the API; None if the options do not determine it."""
        return params[cls.named_by]

    @classmethod
    def label(cls, params: Mapping[str, Any]) -> str:
        """What identifies it among those of its kind in a project."""
        name = [_at(str(cls.identity(params)), params.get("target") if cls.of_member else None)] if cls.named else []
        return "/".join([*(str(params[option]) for option in cls.parents()), *name])

    @classmethod
    def member_of(cls, obj: dict[str, Any]) -> str | None:
        """The member of a cluster that has an object, if each can have one of the same name."""
        member = obj.get("location") if cls.of_member else None
        return None if member in ("", "none") else member

    @classmethod
    def listed_as(cls, obj: dict[str, Any], member: str | None = None) -> str:
        """What distinguishes an object from the others in its collection. `member` is where it will be."""
        return _at(str(obj[cls.key]), cls.member_of(obj) or (member if cls.of_member else None))

    @classmethod
    def identifying(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """The options, of those given, that say which resource it is."""
        options = [*cls.parents(), *([cls.named_by] if cls.named else []), "project", *(["target"] * cls.of_member)]
        return {option: params[option] for option in options if option in params}

    @classmethod
    def called(cls, obj: dict[str, Any], label: str) -> list[str]:
        """The labels that an object goes by, any of which a mark can name; none if it has no name."""
        return [label, label.rpartition("@")[0]] if cls.of_member and "@" in label else [label]


def _at(name: str, member: str | None) -> str:
    return f"{name}@{member}" if member else name
