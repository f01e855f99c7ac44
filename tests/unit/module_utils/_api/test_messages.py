# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the daemons say is matched in one place, and each message names a test that has seen it."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api import messages
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, ServerError

ROOT = pathlib.Path(__file__).resolve().parents[4]
SAID = {name: value for name, value in vars(messages).items() if isinstance(value, messages.Said)}
#: Where a refusal is read by code. Hints are for people: they add a sentence, and decide nothing.
READERS = [path for path in (ROOT / "plugins").rglob("*.py") if path.name not in ("messages.py", "converge.py")]


@pytest.mark.parametrize("name", SAID)
def test_a_test_has_seen_it(name):
    file, _colons, test = SAID[name].test.partition("::")
    assert (ROOT / file).exists() and SAID[name].by
    assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.name)
def test_nobody_else_reads_the_text_of_a_refusal(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r" in (exc|refusal)\.text|(search|match)\([^)]*(exc|refusal)\.text|str\(exc\.__cause__\)", text
    )


def test_only_a_refusal_of_a_server_says_something():
    assert messages.is_denied(ServerError("x", 403, "no")) and messages.is_denied(
        ServerError("x", 500, "Certificate is Restricted")
    )
    assert not messages.is_denied(ServerError("Certificate is restricted", 400, "no"))
    assert not messages.is_denied(LXDError("Certificate is restricted")) and not messages.is_denied(None)
    assert messages.is_transient("database is locked") and not messages.is_transient("database is fine")
