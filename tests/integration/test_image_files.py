# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images from files and from instances: what the server shows of them, and where their alias points."""

from __future__ import annotations

import gzip
import shutil
from typing import Any, Iterator

import pytest

#: What the daemons show for an image that does not expire.
NEVER = ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z")


@pytest.fixture
def without_image(api, image_files: dict[str, str]) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """The server without the image of the other tests, which is there again afterwards."""
    api.run("image", name="debian/12", state="absent")
    yield api
    api.run("image", name="debian/12", public=False, **image_files)


def test_image_from_files_and_instance(without_image, image_files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    api = without_image
    done = api.converges(
        "image", name="debian/12", public=True, properties={"os": "Debian", "note": "x"}, **image_files
    )

    def shown() -> dict[str, Any]:
        return api.daemon.query(f"/1.0/images/{done['image']['fingerprint']}")

    assert (shown()["public"], shown()["properties"]["note"]) == (True, "x")
    api.converges("image", name="debian/12", public=False, properties={"note": None}, expires_at="2031-01-01T00:00:00Z")
    assert (shown()["public"], "note" in shown()["properties"], shown()["expires_at"]) == (
        False,
        False,
        "2031-01-01T00:00:00Z",
    )
    api.converges("image", name="debian/12", expires_at="never")
    assert shown()["expires_at"] in NEVER

    api.run("instance", name="golden", image="debian/12", state="present")
    api.converges("image", name="golden", instance="golden", properties={"os": "Debian"})
    api.converges("instance", name="from-golden", image="golden", state="present")
    api.converges("image", name="golden", state="absent")


def test_image_file_that_changed_moves_the_alias(api, image_files: dict[str, str], tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "metadata.tar.gz"
    with gzip.open(image_files["file"]) as old, gzip.open(other, "wb", compresslevel=1) as new:
        shutil.copyfileobj(old, new)
    first = api.converges("image", name="moving", file=str(other), rootfs=image_files["rootfs"])["image"]["fingerprint"]
    with gzip.open(other, "ab"):  # an empty member more: the same content, another file
        pass
    second = api.converges("image", name="moving", file=str(other), rootfs=image_files["rootfs"])["image"][
        "fingerprint"
    ]
    assert first != second
    assert api.query("/1.0/images/aliases/moving")["target"] == second
    for fingerprint in (first, second):
        api.run("image", name=fingerprint, state="absent")
