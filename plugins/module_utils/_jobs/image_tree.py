# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A simplestreams tree as the daemons read it: its index, its files, and how one is replaced by another.

`streams/v1/index.json` names `streams/v1/images.json`, which has products with versions, and those have files (LXD and
Incus: shared/simplestreams). Clients may read at any time, so a file is complete before an index names it, and an index
is replaced by renaming. A file that no index names any longer stays for a while, because the daemons keep an index for
an hour.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import json
import os
import re
import time
from typing import Any, Dict, Iterator, NamedTuple

from .._api.errors import InvalidInput, LXDError
from .image_files import Files, Part, sha256_of

IMAGES = "images"
STREAMS = "streams/v1"
PRODUCTS, INDEX = f"{STREAMS}/images.json", f"{STREAMS}/index.json"
#: Files in `IMAGES` that are of this module; a dot begins the name of one that is being written.
_OWN = re.compile(r"\.?[0-9a-f]{64}\.(combined\.tar\.gz|meta\.tar\.xz|squashfs|qcow2|root\.tar\.xz)(\.part)?")
_PIECE = 1 << 20
#: The hashes that are the fingerprint of an image, in the entries of its files.
_FINGERPRINTS = (
    "combined_squashfs_sha256", "combined_disk-kvm-img_sha256", "combined_rootxz_sha256", "combined_sha256",
)  # fmt: skip

Products = Dict[str, Dict[str, Any]]


class Wanted(NamedTuple):
    """An image to publish: the product that it becomes the newest version of, without its versions, and its files."""

    key: str
    product: dict[str, Any]
    files: Files


def fingerprint_of(version: dict[str, Any]) -> str:
    """The fingerprint of the image in a version of a product; empty if it has none."""
    items = [item for item in version.get("items", {}).values() if isinstance(item, dict)]
    found = [item[key] for item in items for key in _FINGERPRINTS if item.get(key)]
    return str(found[0] if found else next((item.get("sha256", "") for item in items), ""))


def fingerprints(product: dict[str, Any]) -> list[str]:
    """Those of all versions, the newest first."""
    return [fingerprint_of(product["versions"][name]) for name in sorted(product["versions"], reverse=True)]


def published(products: Products, wanted: list[Wanted], keep: int, purge: bool) -> Products:
    """The products with the wanted images as their newest versions, and without old versions.

    :param keep: how many versions of a product stay
    :param purge: whether other products go
    """
    keys = [one.key for one in wanted]
    new = {key: copy.deepcopy(product) for key, product in products.items() if key in keys or not purge}
    for one in wanted:
        there = new.get(one.key, {}).get("versions", {})
        versions = {name: version for name, version in there.items() if _is_dated(name)}
        items = one.files.items(IMAGES)
        newest = max(versions, default="")
        if not newest or versions[newest].get("items") != items:
            # an image that is published again is a new version: clients take the newest
            versions = {
                name: version for name, version in versions.items() if fingerprint_of(version) != one.files.fingerprint
            }
            versions[_version(newest)] = {"items": items}
        new[one.key] = {**one.product, "versions": versions}
    for product in new.values():
        kept = sorted(product["versions"], reverse=True)[:keep]
        product["versions"] = {name: product["versions"][name] for name in sorted(kept)}
    return new


def _version(newest: str) -> str:
    """A name for a version of now that sorts after the newest one, whatever the clock says."""
    name = time.strftime("%Y%m%d_%H%M%S", time.gmtime())
    return name if name > newest else f"{newest}_1"


def _is_dated(name: str) -> bool:
    """Whether a version has a name that begins with a date: clients pass over others."""
    try:
        return bool(time.strptime(name[:8], "%Y%m%d")) and len(name) >= 8
    except ValueError:
        return False


class Tree:
    """The tree in a directory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def _place(self, path: str) -> str:
        return os.path.join(self.directory, path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Refuse that another task writes into the tree at the same time."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise LXDError(f"directory: another task is writing into '{self.directory}'. Run it again.") from exc
            yield
        finally:
            os.close(descriptor)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> Products:
        """The products of the tree; none if there is no index yet."""
        text = self._text(PRODUCTS)
        if text is None:
            return {}
        try:
            products = json.loads(text)["products"]
            for product in products.values():
                for version in product["versions"].values():
                    version["items"].items()
                product["aliases"].split(",")
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise InvalidInput(
                f"directory: '{self._place(PRODUCTS)}' is no index of images ({type(exc).__name__}: {exc}). If you "
                "remove it, this task writes another one; versions that only the broken one names are then lost."
            ) from exc
        return dict(products)

    def _text(self, path: str) -> str | None:
        try:
            with open(self._place(path), encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise InvalidInput(f"directory: '{self._place(path)}' cannot be read: {exc}.") from exc

    def damaged(self, files: Files) -> list[tuple[str, Part]]:
        """The files of an image that the tree does not have, or not with their content."""
        return [(name, part) for name, part in files.parts if not self._is_whole(f"{IMAGES}/{name}", part)]

    def _is_whole(self, path: str, part: Part) -> bool:
        place = self._place(path)
        try:
            same = os.stat(place).st_size == part.size
        except OSError:
            return False
        return same and sha256_of(place) == part.sha256

    def without_missing(self, products: Products) -> Products:
        """The products without versions that name a file which is not there, which no client could take."""
        found = {}
        for key, product in products.items():
            versions = {
                name: version
                for name, version in product["versions"].items()
                if all(os.path.isfile(self._place(str(item.get("path")))) for item in version["items"].values())
            }
            if versions:
                found[key] = {**product, "versions": versions}
        return found

    def unnamed(self, products: Products) -> list[str]:
        """The files that no product names, of those that are of this module."""
        named = {
            str(item.get("path"))
            for product in products.values()
            for version in product["versions"].values()
            for item in version["items"].values()
        }
        folder = self._place(IMAGES)
        there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        paths = [f"{IMAGES}/{name}" for name in there if _OWN.fullmatch(name)]
        return [path for path in paths if path not in named]

    def older(self, paths: list[str], seconds: float) -> list[str]:
        """Those that nothing was done with for some seconds."""
        return [path for path in paths if os.lstat(self._place(path)).st_mtime < time.time() - seconds]

    def outdated(self, products: Products) -> list[str]:
        """The parts of the index that differ from what they are for these products."""
        return [path for path, text in _index(products).items() if self._text(path) != text]

    # -- writing ------------------------------------------------------------------------------------------------------

    def add(self, name: str, part: Part) -> None:
        """Copy a file into the tree. Nothing has its name before it is whole, and has the content that was read."""
        with self._replacing(f"{IMAGES}/{name}") as target, open(part.path, "rb") as source:
            for piece in iter(lambda: source.read(_PIECE), b""):
                target.write(piece)
            target.flush()
            if sha256_of(target.name) != part.sha256:
                raise LXDError(f"'{part.path}' was changed while it was read. Nothing was published. Run this again.")

    def write(self, products: Products) -> None:
        """Replace the index, and give files that it no longer names the time of now: they stay for a while."""
        dropped = self.unnamed(products)
        before = self.read()
        for path, text in _index(products).items():
            if self._text(path) != text:
                with self._replacing(path) as target:
                    target.write(text.encode())
        for path in set(dropped) - set(self.unnamed(before)):
            os.utime(self._place(path))

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._place(path))

    @contextlib.contextmanager
    def _replacing(self, path: str) -> Iterator[Any]:
        """A file that takes the place of another one when it is complete and on the disk."""
        place = self._place(path)
        folder, name = os.path.split(place)
        os.makedirs(folder, 0o755, exist_ok=True)
        part = os.path.join(folder, f".{name}.part")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)  # of a run that broke off
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                named = _Named(stream, part)
                yield named
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                os.fsync(stream.fileno())
            os.replace(part, place)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise


class _Named:
    """A stream to write to, which knows where it is: a file of a descriptor does not."""

    def __init__(self, stream: Any, name: str) -> None:
        self.name, self.write, self.flush = name, stream.write, stream.flush


def _index(products: Products) -> dict[str, str]:
    """The text of each part of the index, the one that clients read first as the last."""
    head = {"datatype": "image-downloads", "format": "products:1.0"}
    images = {"content_id": "images", **head, "products": products}
    entry = {**head, "path": PRODUCTS, "products": sorted(products)}
    index = {"format": "index:1.0", "index": {"images": entry}}
    return {
        path: json.dumps(content, indent=1, sort_keys=True) + "\n"
        for path, content in ((PRODUCTS, images), (INDEX, index))
    }
