# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the conformance suite knows of a kind: one entry, from which `test_conformance.py` makes all of its tests."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple

#: A value can be a function of the server under test, for what only the server knows.
Options = Dict[str, Any]
#: A module and its options.
Task = Tuple[str, Options]

#: A root disk and nothing else, and an instance that needs no image.
EMPTY: Options = {"source": {"type": "none"}, "state": "present"}
NOTHING: Options = {}


class Entry(NamedTuple):
    """How to make one of a kind, and what can and cannot be done with it. The rest is declared by the kind itself.

    :ivar key: the options that name it, its parents included, and those that each of its tasks needs
    :ivar new: what else it is made with
    :ivar changes: for each field that can change, another value; a dictionary has keys that `new` does not have
    :ivar bad: for what names it and for each field that can be wrong, a value that is refused, and words of the error
    :ivar needs: tasks that make what it needs, in order; the suite undoes them
    :ivar renamed: its new name, for a kind that renames
    :ivar fixed: for each field that cannot change, another value
    :ivar anew: what it is re-created with, where that is more than `new` and another value of a fixed field. None for
        what the servers of the tests cannot have
    :ivar shown: how the API shows a changed field, where it differs from what is written
    :ivar unset: what unsets a changed field, where it is not the usual: null for keys, or an empty value. None for a
        field that always has a value
    :ivar users: tasks that make something which uses it, for a kind that declares `unless_used`
    :ivar lonely: why the servers of the tests can have nothing that uses it
    :ivar theirs: what another client writes in a race: a part of the API object, of another field than the first of
        `changes`; by default a key of its config
    :ivar etag: the products that compare the ETag of a write. On others only a change that is lost is noticed
    :ivar place: the server that has the kind: empty for a single one, `cluster` for the only member of a cluster
    :ivar served: an extension without which the servers of the tests cannot make one, although they know the kind. It
        is another than that of the kind: servers without that refuse it
    :ivar remade: whether a document that was exported can make it again
    """

    key: Options
    changes: Options
    bad: dict[str, tuple[Any, tuple[str, ...]]]
    new: Options = NOTHING
    needs: tuple[Task, ...] = ()
    renamed: str = ""
    fixed: Options = NOTHING
    anew: Options | None = NOTHING
    shown: Options = NOTHING
    unset: Options = NOTHING
    users: tuple[Task, ...] = ()
    lonely: str = ""
    theirs: Options = NOTHING
    etag: tuple[str, ...] = ("lxd", "incus")
    place: str = ""
    served: str = ""
    remade: bool = True
