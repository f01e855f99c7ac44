# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of APT as hosts have them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.filter.apt_archive import apt_archive

DEB822 = """Types: deb
# http://snapshot.example/debian/20250520T000000Z
URIs: http://one.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://one.example/debian-security
Suites: bookworm-security
Components: main
"""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.mark.parametrize(
    ("text", "suite", "uri", "key"),
    [
        (DEB822, "bookworm", "http://one.example/debian", KEYRING),
        (DEB822, "bookworm-updates", "http://one.example/debian", KEYRING),
        (DEB822, "bookworm-security", "http://one.example/debian-security", ""),
        (DEB822, "bookworm-backports", "", ""),
        (DEB822, "book", "", ""),
        ("# nothing\n\n" + DEB822, "bookworm", "http://one.example/debian", KEYRING),
        (DEB822.replace("Types: deb\n", "Enabled: no\nTypes: deb\n"), "bookworm", "", ""),
        (DEB822.replace("Types: deb\n", "Types: deb-src\n"), "bookworm", "", ""),
        (DEB822.replace("Types: deb\n", "Types: deb-src deb\n"), "bookworm", "http://one.example/debian", KEYRING),
        (
            "Types: deb\nURIs:\n http://two.example/a\n http://three.example\nSuites:\n noble\nSigned-By:\n "
            "-----BEGIN PGP",
            "noble",
            "http://two.example/a",
            "",
        ),
        ("deb http://one.example/debian bookworm main contrib\n", "bookworm", "http://one.example/debian", ""),
        ("deb-src http://one.example/debian bookworm main\n", "bookworm", "", ""),
        ("#deb http://one.example/debian bookworm main\n", "bookworm", "", ""),
        (
            "deb [arch=amd64 signed-by=/k.gpg] https://one.example/debian bookworm main\n",
            "bookworm",
            "https://one.example/debian",
            "/k.gpg",
        ),
        (
            "deb http://a.example/ubuntu noble-updates main\ndeb http://b.example/ubuntu noble main\n",
            "noble",
            "http://b.example/ubuntu",
            "",
        ),
        ("", "bookworm", "", ""),
    ],
)
def test_the_archive_of_a_suite(text, suite, uri, key):
    assert apt_archive(text, suite) == {"uri": uri, "signed_by": key}
