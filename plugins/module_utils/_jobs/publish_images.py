# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `simplestreams`: what images a tree has to have, and what is left to do for that."""

from __future__ import annotations

import functools
import os
import re
from typing import Any, Callable, List, Tuple

from .._api.errors import InvalidInput, LXDError
from .._engine import values
from .._kinds._exports import age
from .image_files import ARCHITECTURES, Files, debian_architecture, read_files
from .image_tree import IMAGES, Products, Tree, Wanted, fingerprint_of, fingerprints, published

#: What becomes a part of the names in an index, which have commas and colons between them.
_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_PROPERTY = re.compile(rf"{_WORD}( {_WORD})*")
_ALIAS = re.compile(rf"{_WORD}(/{_WORD})*")

#: What is done, in words, and what does it.
Steps = List[Tuple[str, Callable[[], None]]]


class PublishImages:
    """A simplestreams tree with these images."""

    spec: dict[str, dict[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "images": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "aliases": {"type": "list", "elements": "str", "required": True},
                "file": {"type": "path", "required": True},
                "rootfs": {"type": "path"},
                "os": {"type": "str", "required": True},
                "release": {"type": "str", "required": True},
                "variant": {"type": "str", "default": "default"},
                "architecture": {"type": "str", "choices": list(ARCHITECTURES)},
                "requirements": {"type": "dict", "default": {}},
            },
        },
        "keep": {"type": "int", "default": 2},
        "grace": {"type": "str", "default": "1d"},
        "purge": {"type": "bool", "default": False},
    }

    @staticmethod
    def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Publish the images. Files are read in check mode, too, and nothing is written."""
        directory, grace = params["directory"], age(params["grace"], "grace")
        if params["keep"] < 1:
            raise InvalidInput(f"keep: {params['keep']} is no number of versions; it is 1 or more.")
        if not os.path.isdir(directory):
            raise InvalidInput(f"directory: '{directory}' is not a directory on the host that runs the module.")
        wanted = _all_wanted(params["images"])
        tree = Tree(directory)
        if check_mode:
            return _Publication(tree, wanted, params, grace).result()
        with tree.locked():
            publication = _Publication(tree, wanted, params, grace)
            for words, work in publication.steps:
                try:
                    work()
                except OSError as exc:
                    raise LXDError(f"{words}: {exc}. The next run continues from here.") from exc
        return publication.result()


class _Publication:
    """What is to be done with a tree, as it was found."""

    def __init__(self, tree: Tree, wanted: list[Wanted], params: dict[str, Any], grace: float) -> None:
        self.tree, self.wanted = tree, wanted
        self.before = tree.read()
        there = tree.without_missing(self.before)
        _check_aliases(wanted, {} if params["purge"] else there)
        self.after = published(there, wanted, params["keep"], params["purge"])
        _check_fingerprints(self.after)
        self.steps = [*self._copies(), *self._index(), *self._removals(grace)]

    def _copies(self) -> Steps:
        """Files of one image are copied once, even if several products have it."""
        missing = {name: part for one in self.wanted for name, part in self.tree.damaged(one.files)}
        return [
            (f"copy {part.path} to {IMAGES}/{name}", functools.partial(self.tree.add, name, part))
            for name, part in sorted(missing.items())
        ]

    def _index(self) -> Steps:
        """One step writes the index; there is a sentence for each product that it changes."""
        parts = self.tree.outdated(self.after)
        words = [
            sentence
            for key in sorted({*self.before, *self.after})
            for sentence in _words(key, self.before.get(key), self.after.get(key))
        ]
        if not parts:
            return []
        words = words or [f"write {' and '.join(parts)}"]
        return [(words[0], lambda: self.tree.write(self.after)), *((one, _nothing) for one in words[1:])]

    def _removals(self, grace: float) -> Steps:
        old = self.tree.older(self.tree.unnamed(self.before), grace)
        kept = {f"{IMAGES}/{name}" for one in self.wanted for name, _part in one.files.parts}
        return [
            (f"remove {path}, which the index no longer names", functools.partial(self.tree.remove, path))
            for path in old
            if path not in kept
        ]

    def result(self) -> dict[str, Any]:
        changed = [key for key in sorted({*self.before, *self.after}) if self.before.get(key) != self.after.get(key)]
        before, after = (
            {key: _shown(side[key]) for key in changed if key in side} for side in (self.before, self.after)
        )
        return {
            "changed": bool(self.steps),
            "actions": [words for words, _work in self.steps],
            "images": [
                {
                    "product": one.key,
                    "aliases": one.product["aliases"].split(","),
                    "fingerprint": one.files.fingerprint,
                    "type": one.files.type,
                    "architecture": one.product["arch"],
                }
                for one in self.wanted
            ],
            "diff": {
                "before": values.to_yaml(before) if before else "",
                "after": values.to_yaml(after) if after else "",
                "before_header": self.tree.directory,
                "after_header": self.tree.directory,
            },
        }


def _nothing() -> None:
    pass


def _shown(product: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in product.items() if key != "versions"}
    return {**rest, "fingerprints": fingerprints(product)}


def _words(key: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """What is done with one product."""
    if after is None:
        return [f"remove {key} with all versions"]
    old = [fingerprint_of(version) for version in (before or {"versions": {}})["versions"].values()]
    new = fingerprints(after)
    words = [f"publish {key} ({new[0][:12]}) as {after['aliases']}"] if new[:1] != _newest(before) else []
    words += [f"remove version {one[:12]} of {key}" for one in old if one not in new]
    if before is not None and _shown({**before, "versions": {}}) != _shown({**after, "versions": {}}):
        words.append(f"change the description of {key}")
    return words


def _newest(product: dict[str, Any] | None) -> list[str]:
    return fingerprints(product)[:1] if product else []


# -- what the task says ------------------------------------------------------------------------------------------------


def _all_wanted(images: list[dict[str, Any]]) -> list[Wanted]:
    """The images of the task. All that is wrong with them is one error."""
    wanted: list[Wanted] = []
    wrong: list[str] = []
    for number, entry in enumerate(images):
        option = f"images[{number}]"
        try:
            wanted.append(_wanted(option, entry))
        except InvalidInput as exc:
            wrong += exc.each
    keys = [one.key for one in wanted]
    wrong += [
        f"images: two of them are {key}; give them different values of os, release, variant or architecture."
        for key in sorted(set(keys))
        if keys.count(key) > 1
    ]
    if wrong:
        raise InvalidInput(*wrong)
    return wanted


def _wanted(option: str, entry: dict[str, Any]) -> Wanted:
    for name in ("os", "release", "variant"):
        if not _PROPERTY.fullmatch(entry[name]):
            raise InvalidInput(
                f"{option}.{name}: '{values.printable(entry[name])}' cannot be in an index: write letters, digits, "
                ". _ + - and single spaces."
            )
    aliases = list(dict.fromkeys(entry["aliases"]))
    wrong = [alias for alias in aliases if not _ALIAS.fullmatch(alias)]
    if wrong or not aliases:
        shown = values.printable(wrong[0]) if wrong else ""
        raise InvalidInput(f"{option}.aliases: '{shown}' is no alias; write one as in debian/12.")
    files = read_files(option, entry["file"], entry["rootfs"])
    return Wanted(_key(entry, files), _product(option, entry, aliases, files), files)


def _key(entry: dict[str, Any], files: Files) -> str:
    """Containers and virtual machines have files of their own, so each is a product."""
    parts = [entry["os"], entry["release"], entry["variant"], files.architecture]
    key = ":".join(part.lower().replace(" ", "-") for part in parts)
    return f"{key}:vm" if files.type == "virtual-machine" else key


def _product(option: str, entry: dict[str, Any], aliases: list[str], files: Files) -> dict[str, Any]:
    written = entry["architecture"]
    if written and debian_architecture(f"{option}.architecture", written) != files.architecture:
        raise InvalidInput(f"{option}.architecture: '{written}' is written, and the image is for {files.architecture}.")
    product = {
        "aliases": ",".join(aliases),
        "arch": files.architecture,
        "os": entry["os"],
        "release": entry["release"],
        "release_title": entry["release"],
        "variant": entry["variant"],
    }
    if entry["requirements"]:  # LXD and Incus have names of their own for them
        needed = {
            str(key): values.wire(f"{option}.requirements.{key}", value) for key, value in entry["requirements"].items()
        }
        product.update({"requirements": needed, "lxd_requirements": needed})
    return product


def _check_aliases(wanted: list[Wanted], there: Products) -> None:
    """Refuse an alias that two products would have for the same type and architecture."""
    keys = {one.key for one in wanted}
    products = {
        **{one.key: one.product for one in wanted},
        **{key: one for key, one in there.items() if key not in keys},
    }
    owners: dict[tuple[str, str, bool], str] = {}
    wrong = []
    for key, product in products.items():
        for alias in product["aliases"].split(","):
            owner = owners.setdefault((alias, product.get("arch", ""), key.endswith(":vm")), key)
            if owner != key:
                wrong.append(f"images: the alias '{alias}' is that of {owner} and of {key}; give each its own.")
    if wrong:
        raise InvalidInput(*wrong)


def _check_fingerprints(products: Products) -> None:
    """Refuse one image in two products: the daemons then find more than one for its fingerprint, and take none."""
    owners: dict[str, str] = {}
    wrong = []
    for key in sorted(products):
        for fingerprint in fingerprints(products[key]):
            owner = owners.setdefault(fingerprint, key)
            if owner != key:
                wrong.append(
                    f"images: {owner} and {key} have the same image ({fingerprint[:12]}), and clients would take "
                    "neither. Give one of them all aliases."
                )
    if wrong:
        raise InvalidInput(*wrong)
