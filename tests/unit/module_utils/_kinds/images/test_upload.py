# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of an image of two files: as long as it says, whatever becomes of the files meanwhile, and with its parts
where they are.
"""

from __future__ import annotations

import email
import os

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._upload import open_image


@pytest.fixture
def files(tmp_path):
    """With names that are no ASCII, and that would end a header."""
    paths = [tmp_path / 'gr\u00f6\u00dfe".tar.gz', tmp_path / "root\r\nfs"]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 70000)
    return [str(path) for path in paths]


def whole(stream, size=-1):
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("size", [-1, 7000, 1])
def test_it_is_as_long_as_it_says_and_has_both_files(files, size):
    stream, headers = open_image(files)
    body = whole(stream, size)
    stream.close()
    assert len(body) == int(headers["Content-Length"])
    parts = email.message_from_bytes(
        b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
    ).get_payload()
    assert [part.get_param("name", header="content-disposition") for part in parts] == ["metadata", "rootfs"]
    assert [part.get_payload(decode=True) for part in parts] == [bytes([number]) * 70000 for number in range(2)]
    assert open_image(files)[1]["Content-Type"] != headers["Content-Type"], (
        "who writes a file could know where a part ends"
    )


@pytest.mark.parametrize("number", [0, 1])
def test_files_that_grow_or_get_shorter_meanwhile(files, number):
    stream, headers = open_image(files)
    with open(files[number], "ab") as growing:
        growing.write(b"x" * 9999)
    assert len(whole(stream)) == int(headers["Content-Length"])
    stream, headers = open_image(files)
    os.truncate(files[number], 5)
    with pytest.raises(LXDError, match="became shorter while it was sent"):
        whole(stream)
