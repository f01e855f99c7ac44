# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which archive a host takes the packages of its release from."""

from __future__ import annotations

DOCUMENTATION = r"""
name: apt_archive
short_description: Find the archive of a release in the sources of APT
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Reads the text of C(sources.list) and C(*.sources) files, and returns the entry for a suite.
  - The roles use it to get backports and bootstrapped systems from the archive that the host already uses.
options:
  _input:
    description: The text of the files, one after another, with an empty line between them.
    type: str
    required: true
  suite:
    description: The suite, such as V(bookworm) or V(bookworm-backports).
    type: str
    required: true
positional: suite
"""

EXAMPLES = r"""
- name: Show the archive from which this host gets its packages
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', sources) | cloudhost.lxd.apt_archive('bookworm') }}"
  vars:
    sources: /etc/apt/sources.list.d/debian.sources
"""

RETURN = r"""
_value:
  description: C(uri) and C(signed_by) of the first enabled entry that has the suite. Both are empty if there is no such
    entry.
  type: dict
"""

import re
from typing import Any, Iterator


def entries(text: str) -> Iterator[dict[str, str]]:
    """The entries of both formats of sources.list(5), each as a dictionary of the deb822 fields in lower case."""
    text = re.sub(r"(?m)^[ \t]*#.*\n?", "", text)
    for stanza in re.split(r"\n\s*\n", text):
        fields = {
            key.lower(): " ".join(value.split())
            for key, value in re.findall(r"(?m)^([A-Za-z-]+):((?:.*)(?:\n[ \t]+.*)*)", stanza)
        }
        if "uris" in fields and "suites" in fields:
            yield fields
    for kind, options, uri, suite in re.findall(
        r"(?m)^[ \t]*(deb|deb-src)[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)", text
    ):
        key = re.search(r"signed-by=(\S+)", options)
        yield {"types": kind, "uris": uri, "suites": suite, "signed-by": key.group(1) if key else ""}


def apt_archive(text: str, suite: str) -> dict[str, Any]:
    """The first enabled source of binary packages that has the suite."""
    for entry in entries(text):
        enabled = entry.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "disable")
        if enabled and "deb" in entry.get("types", "deb").split() and suite in entry["suites"].split():
            key = entry.get("signed-by", "")
            return {"uri": entry["uris"].split()[0], "signed_by": key if key.startswith("/") else ""}
    return {"uri": "", "signed_by": ""}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"apt_archive": apt_archive}
