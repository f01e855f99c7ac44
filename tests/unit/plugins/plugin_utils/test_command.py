# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command lines as words: only what is certainly one word for a shell loses the shell around it."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import in_a_shell


@pytest.mark.parametrize(
    "inner", ["true", "echo 'a b'", "it's", "", "a\nb", "'", '"$HOME"', "/usr/bin/python3 && sleep 0"]
)
def test_what_ansible_has_put_into_a_shell_is_run_as_it_is(inner: str) -> None:
    assert in_a_shell(f"/bin/bash -c {shlex.quote(inner)}", "/bin/sh") == ["/bin/bash", "-c", inner]


OTHERS = (
    "true",
    "/bin/sh -c true; false",
    "/bin/sh -c 'a' && b",
    "/bin/sh -c 'a' 'b'",
    "/bin/sh -c $HOME",
    "A=b /bin/sh -c 'a'",
    "exec -c 'a'",
    "/bin/sh -c 'a",
)


@pytest.mark.parametrize("line", OTHERS)
def test_anything_else_gets_one(line: str) -> None:
    assert in_a_shell(line, "/bin/sh") == ["/bin/sh", "-c", line]
