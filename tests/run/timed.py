# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of pytest: how long each fixture and each test took, one line of JSON each, in the file that
`CLOUDHOST_TEST_TIMES` names.

A conftest.py would not see the fixtures of a whole session.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Iterator

import pytest

TIMES = os.environ.get("CLOUDHOST_TEST_TIMES")


def _note(name: str, seconds: float) -> None:
    if TIMES:
        with open(TIMES, "a", encoding="utf-8") as file:  # a line is written at once, so that workers do not mix theirs
            file.write(json.dumps([name, seconds]) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[None]:
    begin = time.monotonic()
    yield
    parameter = f"[{request.param}]" if hasattr(request, "param") else ""
    _note(
        f"fixture {fixturedef.argname}{parameter} for {request.node.nodeid or 'the session'}", time.monotonic() - begin
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    begin = time.monotonic()
    yield
    _note(item.nodeid, time.monotonic() - begin)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    begin = time.monotonic()
    yield
    _note(f"teardown after {item.nodeid}", time.monotonic() - begin)
