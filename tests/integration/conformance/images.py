# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of images."""

from __future__ import annotations

import pathlib
from typing import Any

from .entry import Entry


def _image(server: Any) -> str:
    return str(server.query("/1.0/images/aliases/busybox")["target"])


def _other(server: Any) -> str:
    return str(server.run("image", name="suite/other", file=_empty(server, "other"))["image"]["fingerprint"])


def _file(server: Any) -> str:
    """An image that nobody else has."""
    return _empty(server, "suite")


def _empty(server: Any, name: str) -> str:
    from lab import tiny  # noqa: PLC0415 - only where there is a daemon

    path = pathlib.Path(server.daemon.folder).parent / f"{name}-{server.daemon.name}.tar.gz"
    if not path.exists():
        tiny.empty(path, name)
    return str(path)


ENTRIES = {
    "image": Entry(
        key={"name": "suite"},
        new={"file": _file, "properties": {"os": "suite"}},
        changes={
            "properties": {"suite": "x"},
            "public": True,
            "auto_update": True,
            "expires_at": "2031-01-01T00:00:00Z",
            "profiles": [],
        },
        unset={"profiles": ["default"]},
        bad={
            "name": ("..", ("name", "'..'", "not . and not ..")),
            "profiles": (["nobody"], ("profiles", "'nobody'", "default")),
            "file": ("/no/such.tar.gz", ("file", "'/no/such.tar.gz'")),
        },
        theirs={"properties": {"theirs": "2"}},
        remade=False,  # the file is not in the document
    ),
    "image_alias": Entry(
        key={"name": "suite/one"},
        new={"fingerprint": _image},
        changes={"description": "of the suite", "fingerprint": _other},
        unset={"fingerprint": _image},
        bad={
            "name": ("..", ("name", "'..'", "not . and not ..")),
            "fingerprint": ("0123456789ab", ("fingerprint", "'0123456789ab'", "resource_info")),
        },
        renamed="suite/two",
        theirs={"target": _other},
    ),
}
